// Branches that are called by JSON-RPC, in each mode and each direction.
#include "scene.h"

namespace troth::testing {
namespace {

constexpr std::string_view kYes = R"({"jsonrpc":"2.0","id":"x","result":null})";
const CallOptions kJsonRpc{.json_rpc = true};

std::string Rpc(std::string_view host, std::string_view method) {
  return Url(host, "rpc?method=" + std::string(method));
}
std::string Error(int code) {
  return R"({"jsonrpc":"2.0","id":"x","error":{"code":)" + std::to_string(code) +
         R"(,"message":"said so"}})";
}

// "POST a/rpc?method=In": what went out, without its body.
Names Sent(const World& world) {
  Names names;
  for (const RecordedCall& call : world.calls()) {
    names.push_back(call.method + " " + call.url.substr(7));
  }
  return names;
}

// The method that a request names, and its parameters, as they are written.
std::string Method(const RecordedCall& call) {
  const std::string& body = call.payload;
  const size_t at = body.find(R"("method":")") + 10;
  const size_t params = body.find(R"(,"params":)", at);
  REQUIRE(params != std::string::npos);
  return body.substr(at, params - 1 - at) + body.substr(params + 10, body.size() - params - 11);
}

Saga TwoTransfers() {
  Saga saga{.gid = "g1", .options = kJsonRpc};
  saga.Add({.action = Rpc("a", "Out"), .compensate = Rpc("a", "OutBack"), .payload = R"({"n":1})"});
  saga.Add({.action = Rpc("b", "In"), .compensate = Rpc("b", "InBack"), .payload = R"({"n":2})"});
  return saga;
}

}  // namespace

TEST_CASE("json-rpc saga: method and parameters, and an error's code rolls back") {
  World world(Instant());
  world.Branch(Rpc("b", "In")).Answer(200, Error(-32901));
  REQUIRE(world.coordinator().Submit(TwoTransfers()).ok());
  const Outcome outcome = Wait(world, "g1");
  CHECK(outcome.status == TransactionStatus::kFailed);
  CHECK(outcome.reason.code == ReasonCode::kActionFailed);
  CHECK(outcome.reason.text == Error(-32901));
  CHECK(Sent(world) == Names{"POST a/rpc?method=Out", "POST b/rpc?method=In",
                             "POST b/rpc?method=InBack", "POST a/rpc?method=OutBack"});
  CHECK(world.calls()[0].payload ==
        R"({"jsonrpc":"2.0","id":"g1/01/action","method":"Out","params":)"
        R"({"n":1,"gid":"g1","trans_type":"saga","branch_id":"01","op":"action"}})");
  CHECK(Method(world.calls()[2]) ==
        R"(InBack{"n":2,"gid":"g1","trans_type":"saga","branch_id":"02","op":"compensate"})");
}

TEST_CASE("json-rpc saga: ongoing comes back at the base interval, any other error backs off") {
  World world(Instant());
  world.Branch(Rpc("a", "Out")).Answer(200, Error(-32902)).Times(2);
  world.Branch(Rpc("b", "In")).Answer(200, Error(-23977)).Times(2);
  Saga saga = TwoTransfers();
  saga.options.retry.first = 100ms;
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(Wait(world, "g1").succeeded());
  REQUIRE(world.calls().size() == 6);
  const Time start = world.calls()[0].at;
  CHECK(world.calls()[2].at == start + 200ms);  // twice the base interval
  CHECK(world.calls()[5].at == start + 200ms + 300ms);
  CHECK(world.calls()[0].payload == world.calls()[2].payload);  // the same in every attempt
  const TransactionRecord record = Look(world, "g1");
  CHECK(record.options.json_rpc == true);
  REQUIRE(record.branches[3].first_failure);
  CHECK(record.branches[3].first_failure->code == ReasonCode::kBranchUnknown);
}

TEST_CASE("json-rpc saga: a URL without a method, and a local one, are called as ever") {
  int called = 0;
  World world(Instant(
      {.local = {{"f", [&](const BranchContext&, std::string_view payload, std::stop_token) {
                    CHECK(payload == "plain");
                    ++called;
                    return BranchResult::Success();
                  }}}}));
  Saga saga{.options = kJsonRpc};
  saga.Add({.action = "local:f?method=no", .payload = "plain"});
  saga.Add({.action = Url("a", "do"), .payload = "plain"});
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(Wait(world, saga.gid).succeeded());
  CHECK(called == 1);
  CHECK(world.calls()[1].payload == "plain");
}

TEST_CASE("json-rpc saga: without the option a URL with a method is called by plain HTTP") {
  World world(Instant());
  Saga saga = TwoTransfers();
  saga.options = {};
  saga.steps[1].options = kJsonRpc;  // for this step alone
  REQUIRE(world.coordinator().Submit(saga).ok());
  CHECK(Wait(world, saga.gid).succeeded());
  CHECK(world.calls()[0].payload == R"({"n":1})");
  CHECK(Method(world.calls()[1]).starts_with("In{"));
}

TEST_CASE("json-rpc tcc: try, confirm and cancel; the caller gets the try's answer") {
  World world(Instant());
  const auto branch = [](std::string_view host) {
    return TccBranch{.try_url = Rpc(host, "Try"),
                     .confirm_url = Rpc(host, "Confirm"),
                     .cancel_url = Rpc(host, "Cancel"),
                     .payload = R"({"n":1})"};
  };
  world.Branch(Rpc("a", "Try")).Succeed(std::string(kYes));
  world.Branch(Rpc("a", "Confirm")).Answer(200, Error(-32901));  // not allowed: called again
  Tcc tcc = BeginTcc(world, {.gid = "g1", .options = kJsonRpc});
  const auto tried = tcc.Call(branch("a"));
  REQUIRE(tried.ok());
  CHECK(*tried == kYes);
  REQUIRE(tcc.Commit().ok());
  CHECK(Wait(world, "g1").succeeded());
  CHECK(Sent(world) ==
        Names{"POST a/rpc?method=Try", "POST a/rpc?method=Confirm", "POST a/rpc?method=Confirm"});
  CHECK(Method(world.calls()[0]) ==
        R"(Try{"n":1,"gid":"g1","trans_type":"tcc","branch_id":"01","op":"try"})");

  world.Branch(Rpc("b", "Try")).Answer(200, Error(-32901));
  Tcc other = BeginTcc(world, {.gid = "g2", .options = kJsonRpc});
  CHECK(other.Call(branch("b")).status().code() == StatusCode::kAborted);
  REQUIRE(other.Rollback("no").ok());
  CHECK(Wait(world, "g2").status == TransactionStatus::kFailed);
  CHECK(Method(world.calls().back()) ==
        R"(Cancel{"n":1,"gid":"g2","trans_type":"tcc","branch_id":"01","op":"cancel"})");
}

TEST_CASE("json-rpc xa: the first phase names the second's URL, the second has no payload") {
  World world(Instant());
  Xa xa = BeginXa(world, {.gid = "g1", .options = kJsonRpc});
  REQUIRE(xa.Call({.url = Rpc("a", "Xa"), .payload = R"({"n":1})"}).ok());
  REQUIRE(xa.Commit().ok());
  CHECK(Wait(world, "g1").succeeded());
  REQUIRE(world.calls().size() == 2);
  CHECK(Method(world.calls()[0]) ==
        R"(Xa{"n":1,"gid":"g1","trans_type":"xa","branch_id":"01","op":"action",)"
        R"("phase2_url":"http://a/rpc?method=Xa"})");
  CHECK(Method(world.calls()[1]) ==
        R"(Xa{"gid":"g1","trans_type":"xa","branch_id":"01","op":"commit"})");
}

TEST_CASE("json-rpc message: actions, subscribers of a topic, and the check-back") {
  World world(Instant());
  for (const char* host : {"s", "t"}) {
    REQUIRE(world.coordinator().Subscribe("news", Rpc(host, "On"), "").ok());
  }
  Message message{.gid = "g1", .query_prepared = Rpc("ap", "Ask"), .options = kJsonRpc};
  message.Add({.action = Rpc("a", "Do"), .payload = R"({"n":1})"});
  message.Add({.action = "topic://news", .payload = R"({"n":2})"});
  world.Branch(Rpc("ap", "Ask")).Answer(200, Error(-32902));
  REQUIRE(world.coordinator().Prepare(message).ok());
  CHECK(Wait(world, "g1").succeeded());
  CHECK(Sent(world) == Names{"POST ap/rpc?method=Ask", "POST ap/rpc?method=Ask",
                             "POST a/rpc?method=Do", "POST s/rpc?method=On",
                             "POST t/rpc?method=On"});
  CHECK(Method(world.calls()[0]) ==
        R"(Ask{"gid":"g1","trans_type":"msg","branch_id":"00","op":"msg"})");
  CHECK(Method(world.calls()[4]) ==
        R"(On{"n":2,"gid":"g1","trans_type":"msg","branch_id":"02-02","op":"action"})");
}

TEST_CASE("json-rpc: a payload that can't be parameters is refused by name, whoever brings it") {
  World world(Instant());
  Coordinator& coordinator = world.coordinator();
  const std::string why = "payload: not a JSON object, which a call by JSON-RPC takes";
  Saga saga = TwoTransfers();
  saga.steps[1].payload = "30";
  CHECK(coordinator.Submit(saga).status().message() == "saga.steps[1]." + why);
  Message message{.options = kJsonRpc};
  message.Add({.action = "topic://news", .payload = "30"});
  CHECK(coordinator.Submit(message).status().message() == "message.steps[0]." + why);

  Tcc tcc = BeginTcc(world, {.gid = "g2", .options = kJsonRpc});
  const auto tried =
      tcc.Call({.try_url = Url("a", "try"), .cancel_url = Rpc("a", "Cancel"), .payload = "30"});
  CHECK(tried.status().code() == StatusCode::kInvalidArgument);
  CHECK(tried.status().message() == why);
  CHECK(Look(world, "g2").branches.empty());
  REQUIRE(tcc.Rollback("no").ok());

  world.Branch(Rpc("a", "Out")).Ongoing().Always();
  REQUIRE(coordinator.Submit(TwoTransfers()).ok());
  world.Advance(1s);
  const BranchKey out{"01", "action"};
  CHECK(coordinator.EditBranch("g1", out, {.payload = "30"}, kAnn).message() == why);
  CHECK(coordinator.EditBranch("g1", out, {.payload = R"({"n":3})"}, kAnn).ok());
  CHECK(coordinator.EditBranch("g1", out, {.url = Url("a", "plain"), .payload = "30"}, kAnn).ok());
  CHECK(Wait(world, "g1").succeeded());
  CHECK(world.calls()[world.calls().size() - 2].payload == "30");
}

TEST_CASE("json-rpc: the protocol is part of the content, and survives a crash") {
  World world(Instant());
  world.Branch(Rpc("a", "Out")).RunButLoseReply();
  REQUIRE(world.coordinator().Submit(TwoTransfers()).ok());
  Saga plain = TwoTransfers();
  plain.options = {};
  CHECK(world.coordinator().Submit(plain).status().code() == StatusCode::kAlreadyExists);
  world.Advance(1s);
  world.Crash();
  REQUIRE(world.Reopen().ok());
  CHECK(Wait(world, "g1").succeeded());
  REQUIRE(world.calls().size() == 3);
  CHECK(world.calls()[1].payload == world.calls()[0].payload);
}

}  // namespace troth::testing
