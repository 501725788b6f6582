// Each check is shown to be able to fail. Here: what workflows record, choose, and are asked.
#include <doctest/doctest.h>

#include "checker_sample.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::Decision;
using internal::GlobalTransaction;
using internal::Progress;

// A result that is reported, accepted, and durable.
void Record(Sample& sample, const std::string& branch_id, const std::string& op) {
  ApiCall& asked = sample.Ask(Ask::kRecord);
  asked.branch_id = branch_id;
  asked.op = op;
  asked.data = "data";
  sample.t.progress.push_back(std::make_shared<const Progress>(
      Progress{.branch_id = branch_id, .op = op, .failed = false, .data = "data"}));
  if (op == "commit") sample.Decide(Decision::kCommit);
  if (op == "rollback") sample.Decide(Decision::kRollback);
  sample.Write();
  asked.answered = sample.Now();
}

void Make(Sample& sample, const std::string& branch_id, const std::string& op) {
  sample.log.efforts.push_back({.sent = sample.Now(),
                                .run = 1,
                                .gid = sample.t.gid,
                                .branch_id = branch_id,
                                .op = op,
                                .result = CallResult::kSuccess});
}

// Called back once while it runs, by one that lets it wait for its time.
Sample Begun() {
  Sample sample(Mode::kWorkflow, 2);
  sample.Write();
  sample.Ask(Ask::kPrepareWorkflow);
  for (const char* id : {"01", "02"}) {
    Make(sample, id, "action");
    Record(sample, id, "action");
  }
  sample.Pass(10s);
  sample.Call("00", "transfer", CallResult::kOngoing, 425);
  sample.Write();
  return sample;
}

void EndAs(Sample& sample, bool succeeded) {
  ApiCall& asked = sample.Ask(Ask::kFinish);
  asked.failed = !succeeded;
  asked.reason = succeeded ? "" : "no money";
  sample.t.outcome = succeeded ? Decision::kCommit : Decision::kRollback;
  if (!succeeded) {
    sample.t.reason = {.code = ReasonCode::kRolledBack,
                       .branch_id = {},
                       .op = {},
                       .text = "no money",
                       .author = "application",
                       .at = sample.t.updated};
  }
  sample.EndAll();
  sample.Write();
  asked.answered = sample.Now();
  sample.Finish();
}

Sample Ended(const std::string& op) {
  Sample sample = Begun();
  for (const char* id : {"02", "01"}) {
    Make(sample, id, op);
    Record(sample, id, op);
  }
  EndAs(sample, op == "commit");
  return sample;
}

TEST_CASE("I1: what a workflow was told to be recorded, or its end, is not") {
  CHECK(Ended("commit").Broken().empty());
  CHECK(Ended("rollback").Broken().empty());
  Sample sample = Ended("commit");
  sample.ChangeRows(0, [](GlobalTransaction& t) {
    if (t.progress.size() >= 2) t.progress.erase(t.progress.begin() + 1);
  });
  CHECK(sample.Breaks(1));
  Sample unended = Ended("commit");
  unended.ChangeRows(0, [](GlobalTransaction& t) {
    t.phase = internal::Phase::kRunning;
    t.finished.reset();
  });
  CHECK(unended.Breaks(1));
}

TEST_CASE("I3: a workflow shows nothing but prepared before its end") {
  Sample sample = Ended("rollback");
  for (Stored& row : sample.log.stored) {
    const bool chosen = row.transaction->outcome == Decision::kRollback;
    if (chosen && !row.row.finished) row.row.status = TransactionStatus::kAborting;
  }
  CHECK(sample.Breaks(3));
}

TEST_CASE("I4: what a workflow has recorded changes, or is of the other outcome, or nobody's") {
  Sample changed = Ended("commit");
  changed.ChangeRow(changed.log.stored.back(), [](GlobalTransaction& t) {
    t.progress[0] = std::make_shared<const Progress>(
        Progress{.branch_id = "01", .op = "action", .failed = true, .data = "data"});
  });
  CHECK(changed.Breaks(4));
  Sample invented = Ended("commit");
  for (ApiCall& asked : invented.log.api) {
    if (asked.what == Ask::kRecord && asked.op == "action") asked.data = "other";
  }
  CHECK(invented.Breaks(4));
  Sample contrary = Ended("commit");
  contrary.ChangeRows(0, [](GlobalTransaction& t) {
    if (t.progress.size() > 2) t.outcome = Decision::kRollback;
  });
  CHECK(contrary.Breaks(4));
}

TEST_CASE("I4: an outcome that no record has fixed, or a step after it") {
  Sample sample = Begun();
  sample.t.outcome = Decision::kRollback;
  sample.Write();
  sample.Finish();
  CHECK(sample.Breaks(4));
  Sample late = Begun();
  Record(late, "02", "commit");
  Record(late, "03", "action");
  late.Finish();
  CHECK(late.Breaks(4));
}

TEST_CASE("I4: two outcomes are accepted, or twice the same work") {
  Sample sample = Ended("commit");
  sample.Ask(Ask::kFinish).failed = true;
  CHECK(sample.Breaks(4));
  Sample work = Begun();
  for (int i = 0; i < 2; ++i) {
    ApiCall& asked = work.Ask(Ask::kRecord);
    asked.branch_id = "02";
    asked.op = "business";
  }
  work.Finish();
  CHECK(work.Breaks(4));
}

TEST_CASE("I7: a workflow ends, and its application has not said so") {
  Sample sample = Ended("commit");
  for (ApiCall& asked : sample.log.api) {
    if (asked.what == Ask::kFinish) asked.data = "another result";
  }
  CHECK(sample.Breaks(7));
}

TEST_CASE("I8: runs of one workflow go two ways") {
  Sample sample = Ended("commit");
  Make(sample, "01", "rollback");
  CHECK(sample.Breaks(8));
}

TEST_CASE("I14: a workflow's end has a reason that its application has not given") {
  Sample sample = Ended("rollback");
  for (ApiCall& asked : sample.log.api) {
    if (asked.what == Ask::kFinish) asked.reason = "something else";
  }
  CHECK(sample.Breaks(14));
}

TEST_CASE("I16: a workflow that has ended is called back") {
  Sample sample = Ended("commit");
  sample.Call("00", "transfer");
  CHECK(sample.Breaks(16));
}

TEST_CASE("I20: a workflow is called back with what it did not begin with") {
  Sample sample = Ended("commit");
  sample.Find("00", "transfer").payload = "other";
  CHECK(sample.Breaks(20));
}

TEST_CASE("I21: a workflow is called back too soon after a sign of life, or after its wait") {
  Sample sample = Begun();
  sample.Pass(10s);
  Record(sample, "choice", "commit");
  sample.Pass(9s);
  sample.Call("00", "transfer", CallResult::kOngoing, 425);
  sample.Finish();
  CHECK(sample.Breaks(21));
  for (const auto pause : {10s, 1'000s}) {
    Sample late = Begun();
    late.Pass(pause);
    late.Call("00", "transfer", CallResult::kOngoing, 425);
    late.Finish();
    CHECK(late.Breaks(21) == (pause > 10s));
  }
}

TEST_CASE("I22: a workflow is called back more often than its limit lets it") {
  for (const int32_t limit : {0, 1}) {
    Sample sample = Begun();
    auto definition = std::make_shared<internal::Definition>(*sample.t.definition);
    definition->policies[0].park_after = limit;
    sample.ChangeRows(0, [&](GlobalTransaction& t) { t.definition = definition; });
    for (int i = 0; i < 2; ++i) {
      sample.Pass(10s);
      sample.Call("00", "transfer", CallResult::kSuccess, 200);
    }
    sample.Finish();
    CHECK(sample.Breaks(22) == (limit == 0));
  }
}

TEST_CASE("I27: Query tells other results than are recorded") {
  Sample sample = Begun();
  const auto ask = [&](size_t results) {
    TransactionRecord record = internal::ToRecord(sample.t);
    std::erase_if(record.branches, [](const BranchRecord& one) { return one.branch_id == "00"; });
    record.branches.resize(results);
    sample.Ask(Ask::kQuery).record = std::make_shared<TransactionRecord>(std::move(record));
  };
  ask(2);
  CHECK(!sample.Breaks(27));
  ask(1);
  CHECK(sample.Breaks(27));
}

TEST_CASE("I32: a workflow's books are not what its end says") {
  for (const char* op : {"commit", "rollback"}) {
    Sample sample = Ended(op);
    CHECK(!sample.Breaks(32));
    sample.Book("02").balance += 1;
    CHECK(sample.Breaks(32));
  }
}

}  // namespace
}  // namespace troth::sim
