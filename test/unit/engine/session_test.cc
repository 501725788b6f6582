// A session registers a branch and calls it: the call comes when the registration is durable, once,
// and not to a caller who has given up.
#include <doctest/doctest.h>

#include <memory>

#include "desk.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

// A branch whose try somebody waits for.
TicketPtr Call(Desk& desk, std::string branch_id = "01") {
  Step step{.branch_id = std::move(branch_id),
            .forward = {},
            .commit = "http://bank.example/confirm",
            .rollback = "http://bank.example/cancel",
            .payload = "{}",
            .headers = {},
            .after = {},
            .own = {}};
  auto document = std::make_shared<const std::string>(EncodeStep(step));
  return desk.Ask(
      "g", SessionCallRequest{.joins = {.step = std::make_shared<const Step>(std::move(step)),
                                        .document = std::move(document)},
                              .op = "try",
                              .url = "http://bank.example/try",
                              .phase2_url = {},
                              .payload = std::make_shared<const std::string>("{}")});
}

struct Began : Desk {
  Began() {
    Prepare("g");
    Run();
  }
};

TEST_CASE("session: a branch is called once its registration is durable, and its caller told") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Turn();
  CHECK(desk.Open() == "");
  CHECK(desk.store.commits_pending() == 1);
  desk.DoStore();
  CHECK(desk.Open() == "");
  desk.Turn();
  CHECK(desk.Open() == "g:01/try");
  CHECK(desk.store.Read("g").registered.size() == 1);
  CHECK(caller->claimed);
  CHECK(caller->open());
  desk.End("g:01/try", Success());
  desk.Turn();
  CHECK(caller->code() == StatusCode::kOk);
  CHECK(desk.calls.starts["g:01/try"] == 1);
}

TEST_CASE("session: nothing is called while the registration is refused, or in doubt") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Turn();
  SUBCASE("refused") {
    desk.store.script.push_back(Refuse());
    desk.DoStore();
    desk.Turn();
  }
  SUBCASE("in doubt") {
    desk.DoubtCommit("fsync failed");
    desk.Turn();
  }
  CHECK(desk.Open() == "");
  CHECK(caller->open());
  desk.Pass(10_sec);
  CHECK(desk.Open() == "g:01/try");
}

TEST_CASE("session: whoever has given up before the registration was durable is not called for") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Turn();
  caller->gives_up = true;
  desk.Run();
  CHECK(desk.Open() == "");
  CHECK(caller->answers == 0);
  CHECK(caller->drops == 1);
  CHECK(desk.store.Read("g").registered.size() == 1);
  desk.Ask("g", AbortRequest{"gave up"});
  desk.Run();
  CHECK(desk.Open() == "g:01/cancel");
  CHECK(desk.calls.starts["g:01/try"] == 0);
}

TEST_CASE("session: a call waits for its own registration, and for no later one") {
  Began desk;
  const TicketPtr one = Call(desk, "01");
  desk.Turn();
  const TicketPtr other = Call(desk, "02");
  desk.Turn();
  desk.DoStore();
  desk.Turn();  // the second registration is with the store
  CHECK(desk.store.commits_pending() == 1);
  CHECK(desk.Open() == "g:01/try");
  CHECK_FALSE(other->claimed);
  desk.Run();
  CHECK(desk.Open() == "g:01/try g:02/try");
}

TEST_CASE("session: what is rolled back in the same commit is called no more") {
  Began desk;
  const TicketPtr caller = Call(desk);
  const TicketPtr abort = desk.Ask("g", AbortRequest{"changed my mind"});
  desk.Turn();
  desk.DoStore();
  desk.Turn();
  CHECK(abort->code() == StatusCode::kOk);
  CHECK(caller->code() == StatusCode::kAborted);
  CHECK(desk.calls.starts["g:01/try"] == 0);
  CHECK(desk.Open() == "g:01/cancel");
}

TEST_CASE("session: what is committed in the same write is called no more, and its caller told") {
  Began desk;
  const TicketPtr caller = Call(desk);
  const TicketPtr commit = desk.Ask("g", CommitRequest{.digest = "", .start = {}});
  desk.Run();
  CHECK(commit->code() == StatusCode::kOk);
  CHECK(caller->code() == StatusCode::kFailedPrecondition);
  CHECK(caller->claimed);
  CHECK(desk.calls.starts["g:01/try"] == 0);
}

TEST_CASE("session: a call that waits for its host is due, and claimed once") {
  Desk desk({.limits = {.calls_per_host = 1}});
  desk.Prepare("g");
  desk.Run();
  const TicketPtr one = Call(desk, "01");
  const TicketPtr other = Call(desk, "02");
  desk.Run();
  CHECK(desk.Open() == "g:01/try");
  CHECK(other->claimed);
  SUBCASE("the first one ends") {
    desk.End("g:01/try", Success());
    desk.Run();
    CHECK(desk.Open() == "g:02/try");
    desk.End("g:02/try", Failure());
    desk.Run();
    CHECK(other->code() == StatusCode::kAborted);
  }
  SUBCASE("a close") {
    desk.Control(ControlRequest::Kind::kClose);
    desk.Run();
    CHECK(other->code() == StatusCode::kCancelled);
  }
  SUBCASE("a rollback") {
    desk.Ask("g", AbortRequest{"changed my mind"});
    desk.Run();
    CHECK(other->code() == StatusCode::kAborted);
  }
}

TEST_CASE("session: what has left memory is read for a call, and stays until it has ended") {
  Desk desk;
  desk.Prepare("g", 600_sec);
  desk.Run();
  const TicketPtr caller = Call(desk);
  desk.Run();
  REQUIRE(desk.store.loads > 0);
  CHECK(desk.Open() == "g:01/try");
  desk.Pass(120_sec);
  desk.End("g:01/try", Success());
  desk.Run();
  CHECK(caller->code() == StatusCode::kOk);
}

TEST_CASE("session: a branch that is registered already is called at once") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Run();
  desk.End("g:01/try", Success());
  desk.Run();
  const size_t writes = desk.store.writes["g"];
  const TicketPtr again = Call(desk);
  desk.Turn();
  CHECK(desk.Open() == "g:01/try");
  CHECK(desk.store.writes["g"] == writes);
}

TEST_CASE("session: what is refused is not registered, and was never claimed") {
  Desk desk({.limits = {.steps = 1}});
  desk.Prepare("g");
  desk.Run();
  const TicketPtr one = Call(desk, "01");
  desk.Run();
  const TicketPtr other = Call(desk, "02");
  desk.Run();
  CHECK(other->code() == StatusCode::kResourceExhausted);
  CHECK_FALSE(other->claimed);
  CHECK(desk.store.Read("g").registered.size() == 1);
}

TEST_CASE("session: of a registration in doubt when the store is lost nobody knows") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Turn();
  StatusCode said = StatusCode::kFailedPrecondition;
  SUBCASE("in doubt") {
    desk.DoubtCommit("fsync failed");
    desk.Turn();
    said = StatusCode::kUnavailable;
  }
  SUBCASE("known") {}
  desk.store.script.push_back(LoseOwner());
  desk.DoStore();
  desk.Turn();
  CHECK(caller->code() == said);
  CHECK(desk.Open() == "");
}

TEST_CASE("session: a registration that is durable when the store is lost was due") {
  Began desk;
  const TicketPtr caller = Call(desk);
  desk.Turn();
  desk.Submit("other");
  desk.Turn();
  desk.DoStore();
  desk.store.script.push_back(LoseOwner());
  desk.DoStore();
  desk.Turn();  // learns of both
  CHECK(caller->code() == StatusCode::kFailedPrecondition);
  CHECK(caller->claimed);
  CHECK(desk.Open() == "");
}

}  // namespace
}  // namespace troth::internal
