// The end of the engine, and that every request is answered once on every path (R28).
#include <doctest/doctest.h>

#include "desk.h"

namespace troth::internal {
namespace {

TEST_CASE("close: no new calls, and what is in flight is waited for and written") {
  Desk desk;
  desk.Submit("g", SagaOf(3));
  desk.Submit("rests");
  desk.Run();
  desk.End("rests:01/action", Unknown());
  desk.Run();
  const TicketPtr wait = desk.Wait("g");
  desk.Run();
  desk.Control(ControlRequest::Kind::kClose);
  CHECK(wait->code() == StatusCode::kCancelled);
  const TicketPtr submit = desk.Submit("new");
  const TicketPtr cancel = desk.Cancel("g");
  desk.Run();
  CHECK(submit->code() == StatusCode::kCancelled);
  CHECK(cancel->code() == StatusCode::kCancelled);
  CHECK_FALSE(desk.engine->Quiet());
  desk.End("g:01/action", Success());
  desk.Run();
  CHECK(desk.Open() == "");
  CHECK(desk.engine->Quiet());
  const GlobalTransaction t = desk.store.Read("g");
  CHECK(t.branches[1].state == BranchState::kDone);
  // Nothing was called by these marks, and the next life must know it.
  CHECK(t.branches[3].started == Started::kNo);
  CHECK(desk.store.Read("rests").branches[3].started == Started::kNo);

  desk.Crash(/*unclean=*/false);
  desk.Pass(10_sec);
  CHECK(desk.IsOpen("g:02/action"));
  CHECK(desk.IsOpen("rests:01/action"));
}

TEST_CASE("close: a decision that is due is still taken, and nothing follows it") {
  Desk desk;
  desk.Submit("g");
  desk.Run();
  desk.Control(ControlRequest::Kind::kClose);
  desk.End("g:01/action", Failure());
  desk.Run();
  CHECK(desk.StatusOf("g") == TransactionStatus::kAborting);
  CHECK(desk.Open() == "");
  CHECK(desk.engine->Quiet());
}

// Found by the simulator (seed 420): a saga whose actions may be called once was rolled back by its
// own coordinator's close.
TEST_CASE("close: a call that was cut off counts for nothing, and is made again") {
  Definition saga = SagaOf(2);
  saga.policies[0].limit = 0;
  Desk desk;
  desk.Submit("g", saga);
  desk.Run();
  desk.Control(ControlRequest::Kind::kClose);
  desk.End("g:01/action", {.kind = CallEnded::Kind::kLost,
                           .code = ReasonCode::kNoAnswer,
                           .text = "the coordinator is closed",
                           .body = {}});
  desk.Run();
  CHECK(desk.engine->Quiet());
  CHECK(desk.StatusOf("g") == TransactionStatus::kSubmitted);
  CHECK(desk.store.Read("g").branches[1].unknowns == 0);
  desk.Crash(/*unclean=*/false);
  desk.Run();
  CHECK(desk.Open() == "g:01/action");
}

TEST_CASE("close: a wait that was behind a write is answered too") {
  Desk desk;
  desk.Submit("g");
  const TicketPtr wait = desk.Wait("g");
  desk.Turn();
  desk.Control(ControlRequest::Kind::kClose);
  desk.Run();
  CHECK(wait->code() == StatusCode::kCancelled);
  CHECK(wait->answers == 1);
}

TEST_CASE("every request is answered once or dropped with the engine, whatever happens") {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 draw(seed);
    const auto below = [&](size_t end) { return static_cast<size_t>(draw() % end); };
    EngineOptions options;
    options.limits.calls_per_host = 1 + below(3);
    Desk desk(options);
    const auto gid = [&] { return "g" + std::to_string(below(4)); };
    for (int i = 0; i < 150; ++i) {
      switch (below(16)) {
        case 0:
        case 1: {
          Definition saga = SagaOf(1 + below(3));
          saga.concurrent = below(2) == 0;
          if (below(3) == 0) saga.timeout_to_fail = Milliseconds{1 + below(30'000)};
          if (below(3) == 0) saga.policies[0].first = 90_sec;
          desk.Submit(gid(), saga);
          break;
        }
        case 2:
          desk.Wait(gid(), 1 + below(3));
          break;
        case 3:
          desk.Ask(gid(), ForgetWaitRequest{1 + below(3)});
          break;
        case 4:
          if (below(3) == 0) desk.Cancel(gid());
          break;
        case 5:
          if (below(8) == 0) desk.Stop(gid());
          break;
        case 6:
          desk.Retry(gid());
          break;
        case 7:
          desk.Edit(gid(), {"01", "compensate"}, {.payload = "new"});
          break;
        case 8:
          if (below(3) == 0) desk.Skip(gid(), {"02", "compensate"});
          break;
        case 9:
          desk.store.script.push_back([&desk, refuse = below(4) == 0](const Batch& batch) {
            if (!refuse) return desk.store.Apply(batch);
            return BatchResult{.kind = BatchResult::Kind::kNotWritten,
                               .status = {StatusCode::kUnavailable, "busy"}};
          });
          break;
        case 10:
          if (desk.store.commits_pending() > 0) desk.DoubtCommit("unknown");
          break;
        case 11:
          desk.Pass(Milliseconds{below(20'000)});
          break;
        case 12:
          if (!desk.store.pending.empty()) desk.DoStore();
          break;
        case 13:
          if (below(100) == 0) desk.Control(ControlRequest::Kind::kClose);
          break;
        default:
          if (!desk.calls.open.empty()) {
            const Call& call = desk.calls.open[below(desk.calls.open.size())];
            const std::string name =
                call.context.gid + ":" + call.context.branch_id + "/" + call.context.op;
            const size_t how = below(8);
            desk.End(name, how < 4    ? Success()
                           : how == 4 ? Failure()
                           : how == 5 ? HostDown()
                           : how == 6 ? NotSent()
                                      : Unknown());
          }
      }
      if (below(2) == 0) desk.Turn();
    }
    if (below(2) == 0) {
      // Everything succeeds from now on: everything ends, and every wait is answered.
      for (int i = 0; i < 2'000; ++i) {
        desk.Pass(1_sec);
        while (!desk.calls.open.empty()) {
          desk.End(desk.Open().substr(0, desk.Open().find(' ')), Success());
        }
      }
      for (const auto& row : desk.store.rows) {
        CAPTURE(row.first);
        if (desk.Control(ControlRequest::Kind::kHealth).open) CHECK(row.second.row.finished);
      }
      for (const TicketPtr& ticket : desk.tickets) CHECK_FALSE(ticket->open());
    }
    desk.engine.reset();
    desk.store.pending.clear();
    desk.events.clear();
    for (const TicketPtr& ticket : desk.tickets) {
      CHECK(ticket->answers + ticket->drops == 1);
    }
  }
}

}  // namespace
}  // namespace troth::internal
