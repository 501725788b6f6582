// What ToHttp writes for each verdict.
#include <doctest/doctest.h>

#include <string>

#include "troth/branch.h"

namespace troth {
namespace {

bool Has(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("each verdict has its status and body") {
  struct Row {
    BranchResult result;
    int status;
    std::string body;
  };
  const Row rows[] = {
      {BranchResult::Success(), 200, R"({"dtm_result":"SUCCESS"})"},
      {BranchResult::Success(R"({"id":7})"), 200, R"({"id":7})"},
      {BranchResult::Success("plain"), 200, "plain"},
      {BranchResult::Failure("no money"), 409, R"({"dtm_result":"FAILURE","message":"no money"})"},
      {BranchResult::Ongoing("wait"), 425, R"({"dtm_result":"ONGOING","message":"wait"})"},
      {BranchResult::Ongoing(), 425, R"({"dtm_result":"ONGOING","message":""})"},
      {BranchResult::Unknown("disk"), 500, R"({"message":"disk"})"},
      {BranchResult::Unknown("a\"b\\c\n\x01\xFF"), 500,
       "{\"message\":\"a\\\"b\\\\c\\n\\u0001\xEF\xBF\xBD\"}"},
  };
  for (const Row& row : rows) {
    const HttpAnswer answer = ToHttp(row.result);
    CHECK(answer.status == row.status);
    CHECK(answer.body == row.body);
    CHECK(answer.content_type == "application/json");
  }
}

TEST_CASE("a reason that contains the name of another verdict does not read as one") {
  const std::string reason = "proxy said FAILURE, then ONGOING, FAILURE";
  const std::string unknown = ToHttp(BranchResult::Unknown(reason)).body;
  CHECK_FALSE(Has(unknown, "FAILURE"));
  CHECK_FALSE(Has(unknown, "ONGOING"));
  CHECK(unknown == R"({"message":"proxy said FA\u0049LURE, then O\u004eGOING, FA\u0049LURE"})");
  // dtm looks for ONGOING before it looks at the status.
  const std::string failure = ToHttp(BranchResult::Failure(reason)).body;
  CHECK_FALSE(Has(failure, "ONGOING"));
  CHECK(Has(failure, R"("dtm_result":"FAILURE")"));
}

TEST_CASE("a success body that is JSON keeps its meaning and loses the words") {
  const std::string body =
      ToHttp(BranchResult::Success(R"( {"note":"FAILURE","\\FAILURE":"ONGOING"})")).body;
  CHECK(body == R"( {"note":"FA\u0049LURE","\\FA\u0049LURE":"O\u004eGOING"})");
  // The F belongs to an escape: what is changed must not be inside it.
  CHECK(ToHttp(BranchResult::Success(R"("\u001FAILURE")")).body == R"("\u001FA\u0049LURE")");
  // Not JSON: the bytes are the caller's.
  CHECK(ToHttp(BranchResult::Success("FAILURE")).body == "FAILURE");
}

TEST_CASE("of a reason the first kilobyte is sent, cut between characters") {
  const std::string body =
      ToHttp(BranchResult::Unknown(std::string(1023, 'x') + "\xC3\xA9" + "tail")).body;
  CHECK(body == "{\"message\":\"" + std::string(1023, 'x') + "\"}");
}

}  // namespace troth
