// What a row of the outbox holds: read as it was written, and refused where no coordinator can have
// written it.
#include "outbox/document.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "model/encoding.h"
#include "model/stored.h"

namespace troth::internal::outbox {
namespace {

Submission Sample(Mode mode = Mode::kMessage) {
  auto definition = std::make_shared<Definition>();
  definition->mode = mode;
  definition->steps.push_back({.branch_id = "01", .forward = "local:tell", .payload = "Ann"});
  return {.gid = "g",
          .definition = definition,
          .digest = "1digest",
          .start = Time(std::chrono::milliseconds(1'700'000'000'000))};
}

std::string ProblemOf(std::string_view gid, std::string_view document) {
  const Result<Submission> read = DecodeDocument(gid, document);
  if (read.ok()) return "none";
  CHECK(read.status().code() == StatusCode::kDataLoss);
  CHECK(read.status().message().starts_with("outbox: the row can't be true: "));
  return read.status().message().substr(std::string_view("outbox: the row can't be true: ").size());
}

std::string ProblemOf(const Submission& submission) {
  return ProblemOf(submission.gid, EncodeDocument(submission));
}

TEST_CASE("outbox: a document is read as it was written") {
  for (const Mode mode : {Mode::kSaga, Mode::kMessage}) {
    const Submission written = Sample(mode);
    const Result<Submission> read = DecodeDocument("g", EncodeDocument(written));
    REQUIRE_MESSAGE(read.ok(), read.status());
    CHECK(read->gid == "g");
    CHECK(*read->definition == *written.definition);
    CHECK(read->digest == written.digest);
    CHECK(read->start == written.start);
  }
}

TEST_CASE("outbox: start and digest may be missing, a field of a newer version is passed over") {
  Submission written = Sample();
  written.start.reset();
  written.digest.clear();
  std::string document = EncodeDocument(written);
  FieldWriter(document).Bytes(99, "new");
  const Result<Submission> read = DecodeDocument("g", document);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK_FALSE(read->start);
  CHECK(read->digest.empty());
}

TEST_CASE("outbox: what no coordinator can have written is refused, with what is wrong") {
  const std::string document = EncodeDocument(Sample());
  CHECK(ProblemOf("g", document) == "none");
  CHECK(ProblemOf("", document) == "gid: empty");
  CHECK(ProblemOf(" g", document) == "gid: has blanks at its ends");
  CHECK(ProblemOf("g", "") == "unknown version");
  CHECK(ProblemOf("g", "\x02" + document.substr(1)) == "unknown version");
  CHECK(ProblemOf("g", document.substr(0, document.size() - 1)) ==
        "outbox: field 3: ends too early");
  CHECK(ProblemOf("g", "\x01") == "definition: empty");

  Submission changed = Sample();
  changed.digest = std::string(257, 'd');
  CHECK(ProblemOf(changed) == "its digest");
  changed = Sample();
  changed.start = Time::max();
  CHECK(ProblemOf(changed) == "outbox: field 2: out of range");
  CHECK(ProblemOf(Sample(Mode::kTcc)) == "its mode");
  CHECK(ProblemOf(Sample(Mode::kXa)) == "its mode");
  changed = Sample();
  auto definition = std::make_shared<Definition>(*changed.definition);
  definition->steps.clear();
  changed.definition = definition;
  CHECK(ProblemOf(changed) == "no steps");
  definition->mode = Mode::kWorkflow;
  definition->workflow = "tell";
  definition->query_prepared = "local:ask";
  CHECK(ProblemOf(changed) == "its mode");
}

}  // namespace
}  // namespace troth::internal::outbox
