// The changing part of a stored transaction, written again at every step: small, and linear in what
// there is to tell.
//
// Branches are runs of equal (state, started), operation by operation, so that a thousand steps
// half done are a dozen bytes. A branch with something to tell (calls, failures, a next time) has a
// detail of its own besides; one that is done after a single call has not. Times are distances from
// the row's `created`.
//
// Fields of a newer version are kept as they stand when they are the state's own. A field inside a
// reason, a detail or a history record could not be, so an unknown one there is refused rather than
// lost: a newer version adds fields to the state alone.
#include "model/state_codec.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/definition_codec.h"
#include "model/encoding.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

// Field numbers are stored: none is ever used for something else.
namespace state_field {
enum : uint32_t {
  kPhase = 1,
  kOutcome = 2,
  kForced = 3,
  kRestored = 4,
  kDeadline = 5,
  kFirstAction = 6,
  kReason = 7,
  kCancelAsked = 8,
  kInDoubt = 9,
  kHistory = 10,
  kRuns = 11,
  kDetail = 12,
  kEdits = 13,
  kParts = 14,
  kRegistered = 15,
  kStart = 16,
  kResult = 17
};
}  // namespace state_field
namespace reason_field {
enum : uint32_t {
  kCode = 1,
  kBranchId = 2,
  kOp = 3,
  kHttpStatus = 4,
  kText = 5,
  kAttempt = 6,
  kAuthor = 7,
  kAt = 8
};
}  // namespace reason_field
namespace history_field {
enum : uint32_t { kAt = 1, kAuthor = 2, kWhat = 3, kReason = 4 };
}  // namespace history_field
namespace detail_field {
enum : uint32_t {
  kBranch = 1,
  kCalls = 2,
  kUnknowns = 3,
  kInterval = 4,
  kFirstCall = 5,
  kNext = 6,
  kFailure = 7
};
}  // namespace detail_field

constexpr std::array kOps = {Op::kForward, Op::kCommit, Op::kRollback, Op::kCheckBack};
// Writing.

class StateWriter {
 public:
  StateWriter(std::string& bytes, const GlobalTransaction& t) : out_(bytes), t_(t) {}
  void Write();

 private:
  void WriteTime(uint32_t number, Time time) {
    // Unsigned, so that no time at all can overflow; what is out of range is found when it is read.
    out_.Signed(number,
                static_cast<int64_t>(static_cast<uint64_t>(time.time_since_epoch().count()) -
                                     static_cast<uint64_t>(t_.created.time_since_epoch().count())));
  }
  void WriteText(uint32_t number, std::string_view text) {
    if (!text.empty()) out_.Bytes(number, text);
  }
  void WriteNumber(uint32_t number, uint64_t value) {
    if (value != 0) out_.Varint(number, value);
  }
  void WriteReason(uint32_t number, const Reason& reason);
  void WriteHistory(const HistoryRecord& record);
  void WriteRuns();
  void WriteDetail(size_t index, const Branch& branch);
  void WriteEdits();
  void WriteRegistered();

  FieldWriter out_;
  const GlobalTransaction& t_;
};

void StateWriter::WriteReason(uint32_t number, const Reason& reason) {
  namespace f = reason_field;
  const FieldWriter::Mark mark = out_.Open(number, reason.text.size());
  WriteNumber(f::kCode, static_cast<uint64_t>(reason.code));
  WriteText(f::kBranchId, reason.branch_id);
  WriteText(f::kOp, reason.op);
  if (reason.http_status != 0) out_.Signed(f::kHttpStatus, reason.http_status);
  WriteText(f::kText, reason.text);
  WriteNumber(f::kAttempt, reason.attempt);
  WriteText(f::kAuthor, reason.author);
  if (reason.at != Time{}) WriteTime(f::kAt, reason.at);
  out_.Close(mark);
}

void StateWriter::WriteHistory(const HistoryRecord& record) {
  namespace f = history_field;
  const FieldWriter::Mark mark = out_.Open(state_field::kHistory, record.reason.size());
  if (record.at != Time{}) WriteTime(f::kAt, record.at);
  WriteText(f::kAuthor, record.author);
  WriteText(f::kWhat, record.what);
  WriteText(f::kReason, record.reason);
  out_.Close(mark);
}

// What a branch looks like from outside, in three bits.
uint64_t LookOf(const Branch& branch) {
  // A mark that is being written now is durable with this very state.
  return static_cast<uint64_t>(branch.state) << 1 | (branch.started != Started::kNo ? 1 : 0);
}

void StateWriter::WriteRuns() {
  const FieldWriter::Mark mark = out_.Open(state_field::kRuns);
  uint64_t look = 0;
  uint64_t length = 0;
  const auto flush = [&] {
    if (length != 0) out_.BareVarint(length << 3 | look);
    length = 0;
  };
  size_t left = t_.branches.size();
  for (const Op op : kOps) {
    if (left == 0) break;
    for (const Branch& branch : t_.branches) {
      if (branch.op != op) continue;
      --left;
      if (const uint64_t now = LookOf(branch); now != look) {
        flush();
        look = now;
      }
      ++length;
    }
  }
  flush();
  out_.Close(mark);
}

bool HasDetail(const Branch& branch) {
  if (!branch.failures.empty()) return true;
  if (branch.state == BranchState::kDone) return branch.calls > 1;
  return branch.calls != 0 || branch.unknowns != 0 || branch.interval != Milliseconds{} ||
         branch.first_call != Time{} || branch.next != Time{};
}

void StateWriter::WriteDetail(size_t index, const Branch& branch) {
  namespace f = detail_field;
  const FieldWriter::Mark mark = out_.Open(state_field::kDetail);
  WriteNumber(f::kBranch, index);
  WriteNumber(f::kCalls, branch.calls);
  WriteNumber(f::kUnknowns, branch.unknowns);
  WriteNumber(f::kInterval, static_cast<uint64_t>(branch.interval.count()));
  if (branch.first_call != Time{}) WriteTime(f::kFirstCall, branch.first_call);
  if (branch.next != Time{}) WriteTime(f::kNext, branch.next);
  for (const Reason& failure : branch.failures) WriteReason(f::kFailure, failure);
  out_.Close(mark);
}

void StateWriter::WriteEdits() {
  if (t_.edit_parts.empty()) return;
  const FieldWriter::Mark mark = out_.Open(state_field::kEdits);
  for (const auto& [branch, part] : t_.edit_parts) {
    out_.BareVarint(branch);
    out_.BareVarint(part);
  }
  out_.Close(mark);
}

void StateWriter::WriteRegistered() {
  if (t_.registered_parts.empty()) return;
  const FieldWriter::Mark mark =
      out_.Open(state_field::kRegistered, t_.registered_parts.size() * 2);
  for (const uint16_t part : t_.registered_parts) out_.BareVarint(part);
  out_.Close(mark);
}

void StateWriter::Write() {
  namespace f = state_field;
  WriteRegistered();  // first: the runs need to know how many branches there are
  WriteNumber(f::kPhase, static_cast<uint64_t>(t_.phase));
  WriteNumber(f::kOutcome, static_cast<uint64_t>(t_.outcome));
  WriteNumber(f::kForced, t_.forced ? 1 : 0);
  WriteNumber(f::kRestored, t_.restored ? 1 : 0);
  if (t_.deadline) WriteTime(f::kDeadline, *t_.deadline);
  if (t_.start != Time{}) WriteTime(f::kStart, t_.start);
  if (t_.first_action != Time{}) WriteTime(f::kFirstAction, t_.first_action);
  if (t_.reason.code != ReasonCode::kNone) WriteReason(f::kReason, t_.reason);
  if (t_.cancel_asked) WriteReason(f::kCancelAsked, *t_.cancel_asked);
  for (const std::string& name : t_.in_doubt) out_.Bytes(f::kInDoubt, name);
  for (const HistoryRecord& record : t_.history) WriteHistory(record);
  WriteRuns();
  for (size_t i = 0; i < t_.branches.size(); ++i) {
    if (HasDetail(t_.branches[i])) WriteDetail(i, t_.branches[i]);
  }
  WriteEdits();
  WriteNumber(f::kResult, t_.result_part);
  if (t_.parts != 1) out_.Varint(f::kParts, t_.parts);
  out_.BareBytes(t_.unknown_fields);
}

// Reading.

class StateReader {
 public:
  explicit StateReader(GlobalTransaction& t) : t_(t), has_detail_(t.branches.size()) {}
  Status Read(std::string_view bytes);

 private:
  Time ReadTime(FieldReader& in);
  Status ReadReason(std::string_view bytes, Reason& reason);
  Status ReadHistory(std::string_view bytes, HistoryRecord& record);
  void ReadRuns(FieldReader& in);
  bool FillRun(std::string_view& rest, size_t& branch, size_t& op);
  Status ReadDetail(std::string_view bytes);
  void ReadFailure(FieldReader& in, Branch& branch);
  void ReadEdits(FieldReader& in);
  void ReadRegistered(FieldReader& in);

  GlobalTransaction& t_;
  std::vector<bool> has_detail_;
  bool has_runs_ = false;
};

// The time itself is bounded, and not its distance from `created`: that is what a life may write
// that finds an absurd `created` and uses its own clock.
Time StateReader::ReadTime(FieldReader& in) {
  const Time time = t_.created + Milliseconds(in.Signed(-2 * kTimeMax, 2 * kTimeMax));
  if (!IsInRange(time)) in.Fail("out of range");
  return time;
}

Status StateReader::ReadReason(std::string_view bytes, Reason& reason) {
  namespace f = reason_field;
  FieldReader in("reason", bytes);
  while (in.Next()) {
    switch (in.number()) {
      // A newer version's code is kept as its number.
      case f::kCode:
        reason.code = static_cast<ReasonCode>(in.Uint<uint16_t>());
        break;
      case f::kBranchId:
        reason.branch_id = in.Bytes();
        break;
      case f::kOp:
        reason.op = in.Bytes();
        break;
      case f::kHttpStatus:
        reason.http_status = static_cast<int>(
            in.Signed(std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
        break;
      case f::kText:
        reason.text = in.Bytes();
        break;
      case f::kAttempt:
        reason.attempt = in.Uint<uint32_t>();
        break;
      case f::kAuthor:
        reason.author = in.Bytes();
        break;
      case f::kAt:
        reason.at = ReadTime(in);
        break;
      default:
        in.Fail("unknown");
        break;
    }
  }
  return in.status();
}

Status StateReader::ReadHistory(std::string_view bytes, HistoryRecord& record) {
  namespace f = history_field;
  FieldReader in("history", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kAt:
        record.at = ReadTime(in);
        break;
      case f::kAuthor:
        record.author = in.Bytes();
        break;
      case f::kWhat:
        record.what = in.Bytes();
        break;
      case f::kReason:
        record.reason = in.Bytes();
        break;
      default:
        in.Fail("unknown");
        break;
    }
  }
  return in.status();
}

// Gives the look of the next run to its branches. `branch` and `op` say where the walk stands.
bool StateReader::FillRun(std::string_view& rest, size_t& branch, size_t& op) {
  uint64_t run = 0;
  if (!TakeVarint(rest, run) || run >> 3 == 0 || run >> 3 > t_.branches.size()) return false;
  for (uint64_t left = run >> 3; left > 0; ++branch) {
    while (branch == t_.branches.size()) {
      if (++op == kOps.size()) return false;
      branch = 0;
    }
    Branch& b = t_.branches[branch];
    if (b.op != kOps[op]) continue;
    b.state = static_cast<BranchState>(run >> 1 & 3);
    b.started = (run & 1) != 0 ? Started::kYes : Started::kNo;
    --left;
  }
  return true;
}

void StateReader::ReadRuns(FieldReader& in) {
  if (std::exchange(has_runs_, true)) return in.Fail("repeated");
  std::string_view rest = in.Bytes();
  size_t branch = 0;
  size_t op = 0;
  while (!rest.empty()) {
    if (!FillRun(rest, branch, op)) return in.Fail("runs that do not fit the branches");
  }
  // Every branch must have had its run.
  for (; op < kOps.size(); ++op, branch = 0) {
    for (; branch < t_.branches.size(); ++branch) {
      if (t_.branches[branch].op == kOps[op]) return in.Fail("branches without a run");
    }
  }
}

void StateReader::ReadFailure(FieldReader& in, Branch& branch) {
  if (branch.failures.size() > kNewestFailures) return in.Fail("too many failures");
  in.Keep(ReadReason(in.Bytes(), branch.failures.emplace_back()));
}

Status StateReader::ReadDetail(std::string_view bytes) {
  namespace f = detail_field;
  FieldReader in("detail", bytes);
  Branch read;
  size_t index = 0;
  while (in.Next()) {
    switch (in.number()) {
      case f::kBranch:
        index = in.Uint<uint16_t>();
        break;
      case f::kCalls:
        read.calls = in.Uint<uint32_t>();
        break;
      case f::kUnknowns:
        read.unknowns = in.Uint<uint32_t>();
        break;
      case f::kInterval:
        read.interval = Milliseconds(static_cast<int64_t>(in.Varint(kTimeMax)));
        break;
      case f::kFirstCall:
        read.first_call = ReadTime(in);
        break;
      case f::kNext:
        read.next = ReadTime(in);
        break;
      case f::kFailure:
        ReadFailure(in, read);
        break;
      default:
        in.Fail("unknown");
        break;
    }
  }
  if (!in.status().ok()) return in.status();
  if (index >= t_.branches.size()) return in.Fail("a branch that is not there"), in.status();
  if (has_detail_[index]) return in.Fail("a branch told twice"), in.status();
  has_detail_[index] = true;
  Branch& branch = t_.branches[index];
  branch.calls = read.calls;
  branch.unknowns = read.unknowns;
  branch.interval = read.interval;
  branch.first_call = read.first_call;
  branch.next = read.next;
  branch.failures = std::move(read.failures);
  return Status();
}

void StateReader::ReadEdits(FieldReader& in) {
  std::string_view rest = in.Bytes();
  while (!rest.empty()) {
    uint64_t branch = 0;
    uint64_t part = 0;
    if (!TakeVarint(rest, branch) || !TakeVarint(rest, part)) return in.Fail("broken edits");
    if (branch >= t_.branches.size()) return in.Fail("a branch that is not there");
    if (part == 0 || part > std::numeric_limits<uint16_t>::max()) return in.Fail("broken part");
    t_.edit_parts[static_cast<uint16_t>(branch)] = static_cast<uint16_t>(part);
  }
}

// The steps themselves, or what a workflow has recorded, are parts, which are read later: here
// steps only get their branches.
void StateReader::ReadRegistered(FieldReader& in) {
  if (has_runs_ || !t_.registered_parts.empty()) return in.Fail("out of place");
  if (t_.mode() == Mode::kSaga || t_.mode() == Mode::kMessage) return in.Fail("not of this mode");
  std::string_view rest = in.Bytes();
  uint64_t last = 0;
  while (!rest.empty()) {
    uint64_t part = 0;
    // In the order of their numbers: a part named twice would be read into memory twice.
    if (!TakeVarint(rest, part) || part <= last || part > std::numeric_limits<uint16_t>::max()) {
      return in.Fail("broken part");
    }
    last = part;
    const size_t step = t_.definition->steps.size() + t_.registered_parts.size();
    if (step >= kStepsMax) return in.Fail("too many steps");
    t_.registered_parts.push_back(static_cast<uint16_t>(part));
    AddBranches(t_.mode(), step, t_.branches);
  }
  has_detail_.resize(t_.branches.size());
}

Status StateReader::Read(std::string_view bytes) {
  namespace f = state_field;
  FieldReader in("state", bytes);
  while (in.Next()) {
    switch (in.number()) {
      case f::kPhase:
        t_.phase = in.Enum(Phase::kPrepared, Phase::kEnded);
        break;
      case f::kOutcome:
        t_.outcome = in.Enum(Decision::kUndecided, Decision::kRollback);
        break;
      case f::kForced:
        t_.forced = in.Bool();
        break;
      case f::kRestored:
        t_.restored = in.Bool();
        break;
      case f::kDeadline:
        t_.deadline = ReadTime(in);
        break;
      case f::kStart:
        t_.start = ReadTime(in);
        break;
      case f::kFirstAction:
        t_.first_action = ReadTime(in);
        break;
      case f::kReason:
        in.Keep(ReadReason(in.Bytes(), t_.reason));
        if (t_.reason.code == ReasonCode::kNone) in.Fail("no code");
        break;
      case f::kCancelAsked:
        in.Keep(ReadReason(in.Bytes(), t_.cancel_asked.emplace()));
        break;
      case f::kInDoubt:
        t_.in_doubt.emplace_back(in.Bytes());
        break;
      case f::kHistory:
        in.Keep(ReadHistory(in.Bytes(), t_.history.emplace_back()));
        break;
      case f::kRuns:
        ReadRuns(in);
        break;
      case f::kDetail:
        in.Keep(ReadDetail(in.Bytes()));
        break;
      case f::kEdits:
        ReadEdits(in);
        break;
      case f::kRegistered:
        ReadRegistered(in);
        break;
      case f::kParts:
        t_.parts = in.Uint<uint16_t>();
        break;
      case f::kResult:
        t_.result_part = in.Uint<uint16_t>();
        break;
      default:
        t_.unknown_fields.append(in.raw());
        break;
    }
  }
  if (in.status().ok() && !has_runs_ && !t_.branches.empty()) in.Fail("branches without a run");
  return in.status();
}

}  // namespace

std::string EncodeState(const GlobalTransaction& t) {
  std::string bytes;
  bytes.reserve(128 + t.unknown_fields.size());
  bytes.push_back(kFormVersion);
  StateWriter(bytes, t).Write();
  return bytes;
}

Status DecodeState(std::string_view bytes, GlobalTransaction& t) {
  if (Status status = TakeVersion("state", bytes); !status.ok()) return status;
  t.phase = Phase::kPrepared;  // a zero is not written
  return StateReader(t).Read(bytes);
}

}  // namespace troth::internal
