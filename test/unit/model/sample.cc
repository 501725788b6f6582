#include "sample.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace troth::internal {
namespace {

using std::chrono::milliseconds;

uint64_t Below(Draw& draw, uint64_t end) { return draw() % end; }
bool Coin(Draw& draw) { return Below(draw, 2) == 0; }

// Any bytes, a zero among them.
std::string Text(Draw& draw, size_t size_max) {
  std::string out(Below(draw, size_max + 1), '\0');
  for (char& c : out) c = static_cast<char>(Below(draw, 256));
  return out;
}

Time SomeTime(Draw& draw) {
  return Time(milliseconds(1'700'000'000'000 + static_cast<int64_t>(Below(draw, 1'000'000'000))));
}

milliseconds Duration(Draw& draw) {
  return milliseconds(1 + static_cast<int64_t>(Below(draw, 1u << (1 + Below(draw, 30)))));
}

Headers SomeHeaders(Draw& draw) {
  Headers out(Below(draw, 3));
  for (Header& header : out) header = {Text(draw, 20), Text(draw, 150)};
  return out;
}

Policy SomePolicy(Draw& draw) {
  Policy out;
  out.first = Duration(draw);
  out.factor = 1 + static_cast<double>(Below(draw, 9900)) / 100;
  out.cap = out.first + Duration(draw);
  out.jitter = Coin(draw);
  out.limit = static_cast<int32_t>(Below(draw, 10)) - 1;
  out.give_up_after = Coin(draw) ? kNoTimeLimit : Duration(draw);
  out.park_after = static_cast<int32_t>(Below(draw, 10)) - 1;
  out.request_timeout = Duration(draw);
  out.body_verdicts = Coin(draw);
  out.json_rpc = Coin(draw);
  return out;
}

Step SomeStep(Draw& draw, size_t index, const Definition& definition) {
  Step out;
  out.branch_id = std::to_string(index + 1);
  out.forward = Text(draw, 40);
  out.commit = Text(draw, 40);
  out.rollback = Text(draw, 40);
  out.payload = Text(draw, Coin(draw) ? 10 : 1000);
  out.headers = SomeHeaders(draw);
  out.policy = static_cast<uint16_t>(Below(draw, definition.policies.size()));
  if (!definition.concurrent) return out;
  for (size_t before = 0; before < index; ++before) {
    if (Below(draw, 8) == 0) out.after.push_back(static_cast<uint16_t>(before));
  }
  return out;
}

Reason SomeReason(Draw& draw) {
  Reason out;
  out.code = static_cast<ReasonCode>(1 + Below(draw, 400));
  out.branch_id = Text(draw, 4);
  out.op = Text(draw, 10);
  out.http_status = static_cast<int>(Below(draw, 600)) - 1;
  out.text = Text(draw, 300);
  out.attempt = static_cast<uint32_t>(draw());
  out.author = Text(draw, 8);
  out.at = SomeTime(draw);
  return out;
}

void FillBranch(Draw& draw, Mode mode, bool succeeded, Branch& branch) {
  const bool may_fail = MayFail(mode, branch.op);
  branch.state = static_cast<BranchState>(Below(draw, 4));
  if (branch.state == BranchState::kFailed && !may_fail) branch.state = BranchState::kWaiting;
  if (branch.state == BranchState::kSkipped && may_fail) branch.state = BranchState::kWaiting;
  if (succeeded) branch.state = BranchState::kDone;
  if (branch.op == Op::kForward && Coin(draw)) branch.started = Started::kYes;
  if (Coin(draw)) return;
  branch.calls = 2 + static_cast<uint32_t>(Below(draw, 1000));
  branch.unknowns = static_cast<uint32_t>(Below(draw, 1000));
  branch.interval = Duration(draw);
  branch.first_call = SomeTime(draw);
  branch.next = SomeTime(draw);
  for (size_t i = Below(draw, 2 + kNewestFailures); i > 0; --i) {
    branch.failures.push_back(SomeReason(draw));
  }
}

void FillEnd(Draw& draw, GlobalTransaction& t) {
  t.phase = static_cast<Phase>(Below(draw, 3));
  if (t.mode() == Mode::kSaga && t.phase == Phase::kPrepared) t.phase = Phase::kRunning;
  t.outcome = static_cast<Decision>(Below(draw, 3));
  const bool saga_commits = t.mode() == Mode::kSaga && t.outcome == Decision::kCommit;
  if (t.phase == Phase::kRunning && saga_commits) t.outcome = Decision::kUndecided;
  if (t.phase != Phase::kEnded && t.mode() != Mode::kSaga) {
    const bool commits = t.mode() == Mode::kMessage || Coin(draw);
    t.outcome = t.phase == Phase::kPrepared ? Decision::kUndecided
                : commits                   ? Decision::kCommit
                                            : Decision::kRollback;
  }
  if (t.phase != Phase::kEnded) return;
  t.finished = SomeTime(draw);
  t.forced = Coin(draw);
  if (t.forced) t.in_doubt = {Text(draw, 12), Text(draw, 12)};
  if (!t.forced && t.outcome == Decision::kUndecided) t.outcome = Decision::kRollback;
}

void FillEdits(Draw& draw, GlobalTransaction& t) {
  for (size_t i = Below(draw, 3); i > 0 && !t.branches.empty(); --i) {
    Edit edit;
    edit.branch = static_cast<uint16_t>(Below(draw, t.branches.size()));
    edit.url = "local:" + std::to_string(i);
    edit.payload = Text(draw, 100);
    edit.headers = SomeHeaders(draw);
    t.edit_parts[edit.branch] = t.parts++;
    t.edits[edit.branch] = std::make_shared<const Edit>(std::move(edit));
  }
}

}  // namespace

Definition RandomDefinition(Draw& draw) {
  Definition out;
  out.mode = static_cast<Mode>(1 + Below(draw, 4));
  out.concurrent = Coin(draw);
  out.query_prepared = Text(draw, 50);
  if (out.query_prepared.empty()) out.query_prepared = "local:asked";
  out.headers = SomeHeaders(draw);
  for (size_t i = Below(draw, 3); i > 0; --i) out.policies.push_back(SomePolicy(draw));
  if (Coin(draw)) out.timeout_to_fail = Duration(draw);
  out.barrier_retention = Duration(draw);
  const size_t steps = 1 + Below(draw, 12);
  for (size_t i = 0; i < steps; ++i) out.steps.push_back(SomeStep(draw, i, out));
  return out;
}

GlobalTransaction RandomTransaction(Draw& draw) {
  auto definition = std::make_shared<const Definition>(RandomDefinition(draw));
  GlobalTransaction t = NewTransaction("gid", definition, SomeTime(draw));
  t.id = 7;
  t.version = 1 + Below(draw, 1000);
  t.digest = DigestOf(*definition);
  t.updated = SomeTime(draw);
  FillEnd(draw, t);
  const bool succeeded = t.phase == Phase::kEnded && t.outcome == Decision::kCommit && !t.forced;
  for (Branch& branch : t.branches) FillBranch(draw, t.mode(), succeeded, branch);
  t.restored = Coin(draw);
  if (Coin(draw)) t.deadline = SomeTime(draw);
  if (Coin(draw)) t.first_action = SomeTime(draw);
  const bool called = std::any_of(t.branches.begin(), t.branches.end(), [](const Branch& branch) {
    return branch.started != Started::kNo;
  });
  if (called && t.phase != Phase::kEnded && t.first_action == Time{}) t.first_action = t.updated;
  if (Coin(draw)) t.reason = SomeReason(draw);
  if (Coin(draw)) t.cancel_asked = SomeReason(draw);
  for (size_t i = Below(draw, 3); i > 0; --i) {
    t.history.push_back({SomeTime(draw), Text(draw, 9), Text(draw, 9), Text(draw, 300)});
  }
  FillEdits(draw, t);
  // What is done at once is taken to have been called once where there is a URL.
  for (size_t i = 0; i < t.branches.size(); ++i) {
    Branch& branch = t.branches[i];
    if (branch.state != BranchState::kDone || branch.calls > 1) continue;
    if (branch.op == Op::kCheckBack) {
      branch.calls = 1;
      continue;
    }
    const Step& step = t.StepOf(branch);
    const std::string& url = branch.op == Op::kForward  ? step.forward
                             : branch.op == Op::kCommit ? step.commit
                                                        : step.rollback;
    branch.calls = url.empty() ? 0 : 1;
  }
  return t;
}

GlobalTransaction RandomWorkflow(Draw& draw) {
  auto definition = std::make_shared<Definition>();
  definition->mode = Mode::kWorkflow;
  definition->query_prepared = "local:asked";
  definition->headers = SomeHeaders(draw);
  definition->policies = {SomePolicy(draw)};
  definition->workflow = "w" + Text(draw, 20);
  definition->input = Text(draw, 1000);
  GlobalTransaction t = NewTransaction("gid", definition, SomeTime(draw));
  t.id = 7;
  t.version = 1 + Below(draw, 1000);
  t.digest = DigestOf(*definition);
  t.updated = SomeTime(draw);
  FillEnd(draw, t);
  FillBranch(draw, Mode::kWorkflow, false, t.branches[0]);
  t.branches[0].state = BranchState::kWaiting;
  if (Coin(draw)) t.first_action = SomeTime(draw);
  const bool commits = t.outcome == Decision::kCommit;
  for (size_t i = Below(draw, 6); i > 0; --i) {
    const bool second_phase = t.outcome != Decision::kUndecided && Coin(draw);
    const std::string op = !second_phase ? "action" : commits ? "commit" : "rollback";
    t.progress.push_back(
        std::make_shared<const Progress>(Progress{.branch_id = std::to_string(i),
                                                  .op = op,
                                                  .failed = !second_phase && Coin(draw),
                                                  .data = Text(draw, 500)}));
    t.registered_parts.push_back(t.parts++);
  }
  FillEdits(draw, t);
  if (t.phase == Phase::kEnded && Coin(draw)) {
    t.result = std::make_shared<const std::string>(Text(draw, 500));
    t.result_part = t.parts++;
  }
  return t;
}

GlobalTransaction PlainSaga(size_t steps) {
  auto definition = std::make_shared<Definition>();
  for (size_t i = 0; i < steps; ++i) {
    Step& step = definition->steps.emplace_back();
    step.branch_id = std::to_string(i + 1);
    step.forward = "http://bank.example/out";
    step.rollback = "http://bank.example/out/revert";
    step.payload = R"({"amount":30})";
  }
  GlobalTransaction t = NewTransaction("saga", definition, Time(milliseconds(1'700'000'000'000)));
  t.id = 1;
  t.version = 1;
  t.digest = DigestOf(*definition);
  return t;
}

StoredTransaction Stored(const GlobalTransaction& t) {
  const auto document = [](std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
  };
  StoredTransaction out;
  out.row = RowOf(t);
  out.state = EncodeState(t);
  out.parts.push_back({0, document(EncodeDefinition(*t.definition))});
  for (const auto& [branch, part] : t.edit_parts) {
    out.parts.push_back({part, document(EncodeEdit(*t.edits.at(branch)))});
  }
  for (size_t i = 0; i < t.progress.size(); ++i) {
    out.parts.push_back({t.registered_parts[i], document(EncodeProgress(*t.progress[i]))});
  }
  if (t.result_part != 0) out.parts.push_back({t.result_part, document(EncodeResult(*t.result))});
  return out;
}

namespace {

int64_t Count(Time time) { return time.time_since_epoch().count(); }

void ShowTo(std::ostream& out, const Branch& b) {
  out << "branch " << b.step << " op " << int(b.op) << " state " << int(b.state) << " started "
      << (b.started != Started::kNo) << " calls " << b.calls << " unknowns " << b.unknowns
      << " interval " << b.interval.count() << " first " << Count(b.first_call) << " next "
      << Count(b.next) << "\n";
  for (const Reason& failure : b.failures) out << "  " << internal::Show(failure);
}

void ShowTo(std::ostream& out, const Edit& edit) {
  out << "edit " << edit.branch << " " << ToHex(edit.url) << " " << ToHex(edit.payload);
  for (const Header& h : edit.headers) out << " " << ToHex(h.name) << ":" << ToHex(h.value);
  out << "\n";
}

}  // namespace

std::string Show(const Reason& reason) {
  std::ostringstream out;
  out << "reason " << int(reason.code) << " " << ToHex(reason.branch_id) << "/" << ToHex(reason.op)
      << " " << reason.http_status << " " << ToHex(reason.text) << " " << reason.attempt << " "
      << ToHex(reason.author) << " " << Count(reason.at) << "\n";
  return out.str();
}

std::string Show(const GlobalTransaction& t) {
  std::ostringstream out;
  out << t.id << " " << t.gid << " " << ToHex(t.digest) << " version " << t.version << "\ntimes "
      << Count(t.created) << " " << Count(t.updated) << " "
      << (t.finished ? Count(*t.finished) : -1) << " " << (t.deadline ? Count(*t.deadline) : -1)
      << " " << Count(t.first_action) << "\nphase " << int(t.phase) << " outcome " << int(t.outcome)
      << " " << t.forced << t.restored << "\n"
      << Show(t.reason);
  if (t.cancel_asked) out << "cancel " << Show(*t.cancel_asked);
  for (const std::string& name : t.in_doubt) out << "in doubt " << ToHex(name) << "\n";
  for (const HistoryRecord& h : t.history) {
    out << "history " << Count(h.at) << " " << ToHex(h.author) << " " << ToHex(h.what) << " "
        << ToHex(h.reason) << "\n";
  }
  for (const Branch& branch : t.branches) ShowTo(out, branch);
  for (const auto& [branch, part] : t.edit_parts) out << "part " << branch << " " << part << "\n";
  for (const auto& [branch, edit] : t.edits) ShowTo(out, *edit);
  for (const auto& each : t.progress) {
    out << "progress " << each->branch_id << "/" << each->op << " " << each->failed << " "
        << ToHex(each->data) << "\n";
  }
  if (t.result != nullptr) out << "result " << t.result_part << " " << ToHex(*t.result) << "\n";
  out << "parts " << t.parts << " unknown " << ToHex(t.unknown_fields) << "\n";
  return out.str();
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

}  // namespace troth::internal
