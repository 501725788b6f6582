// Yesterday's stored forms. They lie in files that people have, so they are read for ever: never
// change one; a change of the form adds another beside it.
#include <doctest/doctest.h>

#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

constexpr Time kCreated{Milliseconds(1'700'000'000'000)};

// A concurrent saga of three steps, from 0.1.
Definition GoldenDefinition() {
  Definition out;
  out.concurrent = true;
  out.headers = {{"traceparent", "00-1"}};
  out.timeout_to_fail = Milliseconds(60'000);
  Policy quick;
  quick.first = Milliseconds(50);
  quick.factor = 1.5;
  quick.cap = Milliseconds(1000);
  quick.jitter = true;
  quick.limit = 3;
  quick.give_up_after = Milliseconds(5000);
  quick.park_after = 9;
  quick.request_timeout = Milliseconds(700);
  quick.body_verdicts = false;
  out.policies.push_back(quick);
  out.steps.resize(3);
  out.steps[0] = {"01", "local:a", "", "local:b", "payload", {{"x", "y"}}, {}, 0};
  out.steps[1] = {"02", "http://a.example/do", "", "", "", {}, {}, 1};
  out.steps[2] = {"03", "local:c?d=1", "", "local:e", std::string("\0\xff", 2), {}, {0, 1}, 0};
  return out;
}

GlobalTransaction GoldenTransaction() {
  GlobalTransaction t =
      NewTransaction("golden", std::make_shared<const Definition>(GoldenDefinition()), kCreated);
  t.id = 5;
  t.version = 4;
  t.updated = kCreated + Milliseconds(90);
  t.outcome = Decision::kRollback;
  t.restored = true;
  t.first_action = kCreated + Milliseconds(1);
  t.reason = {ReasonCode::kActionFailed, "02", "action", 409, "no", 2, "", t.updated};
  t.cancel_asked = Reason{ReasonCode::kCancelled, "", "", 0, "why", 0, "alice", t.updated};
  t.history = {{t.updated, "alice", "cancel", "why"}};
  t.branches[1].state = BranchState::kDone;
  t.branches[1].started = Started::kYes;
  t.branches[1].calls = 1;
  t.branches[3].state = BranchState::kFailed;
  t.branches[3].started = Started::kYes;
  t.branches[3].calls = 2;
  t.branches[3].unknowns = 1;
  t.branches[3].interval = Milliseconds(50);
  t.branches[3].first_call = kCreated + Milliseconds(2);
  t.branches[3].next = kCreated + Milliseconds(60);
  t.branches[3].failures = {{ReasonCode::kHttpStatus, "02", "action", 500, "", 1, "", kCreated},
                            t.reason};
  t.branches[4].state = BranchState::kSkipped;
  t.edit_parts[0] = 2;
  t.parts = 3;
  Edit edit;
  edit.branch = 0;
  edit.url = "local:f";
  edit.payload = "q";
  edit.headers = {{"z", "1"}};
  t.edits[0] = std::make_shared<const Edit>(edit);
  return t;
}

// A saga that succeeded: all that is stored of it is that it did.
constexpr std::string_view kEndedState = "01040208012e021310";
constexpr std::string_view kState =
    "0104010802100114c0a90718021e1a04650a0230320e06616374696f6e10b20616026e6f180220b401221104"
    "6916037768791e05616c69636520b4012a1704b4010a05616c6963650e0663616e63656c12037768792e040b"
    "0d180e3240040308020c011032140418781e1604af020a0230320e06616374696f6e10e807180120001e1a04"
    "650a0230320e06616374696f6e10b20616026e6f180220b401360200023803";
constexpr std::string_view kEdit = "0104000a076c6f63616c3a660e01711203017a31";
constexpr std::string_view kDefinition =
    "010401080112100b7472616365706172656e7430302d31161d04904e0900000000000000400cc0cf24100014"
    "0118011c0120b8172401161c043209000000000000f83f0ce8071001140618904e1c1220bc05240018e0d403"
    "2080b0f1fb1c1e24060230310a076c6f63616c3a6112076c6f63616c3a6216077061796c6f61641a03017879"
    "1e1b060230320a13687474703a2f2f612e6578616d706c652f646f20011e22060230330a0b6c6f63616c3a63"
    "3f643d3112076c6f63616c3a65160200ff1e020001";

TEST_CASE("golden: a definition of 0.1 is read, and still written so") {
  const Result<Definition> read = DecodeDefinition(FromHex(kDefinition));
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK(*read == GoldenDefinition());
  CHECK(ToHex(EncodeDefinition(GoldenDefinition())) == kDefinition);
}

TEST_CASE("golden: a transaction of 0.1 is read, and still written so") {
  const GlobalTransaction t = GoldenTransaction();
  const auto document = [](std::string_view hex) {
    return std::make_shared<const std::string>(FromHex(hex));
  };
  StoredTransaction stored;
  stored.row = RowOf(t);
  stored.state = FromHex(kState);
  stored.parts = {{0, document(kDefinition)}, {2, document(kEdit)}};
  const auto read = FromStored(stored);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK(Show(**read) == Show(t));
  CHECK(ToHex(EncodeState(t)) == kState);
  CHECK(ToHex(EncodeEdit(*t.edits.at(0))) == kEdit);
}

TEST_CASE("golden: an ended transaction of 0.1 is read, and still written so") {
  GlobalTransaction t = PlainSaga(2);
  t.phase = Phase::kEnded;
  t.outcome = Decision::kCommit;
  t.finished = t.created + Milliseconds(5);
  for (const size_t action : {1, 3}) {
    t.branches[action].state = BranchState::kDone;
    t.branches[action].started = Started::kYes;
    t.branches[action].calls = 1;
  }
  StoredTransaction stored = Stored(t);
  stored.state = FromHex(kEndedState);
  const auto read = FromStored(stored);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK(Show(**read) == Show(t));
  CHECK(ToHex(EncodeState(t)) == kEndedState);
}

}  // namespace
}  // namespace troth::internal
