#include "checker_index.h"

#include <algorithm>

#include "model/url.h"

namespace troth::sim {
namespace {

bool SameUrls(const internal::Step& stored, const WantedStep& wanted) {
  return stored.forward == wanted.forward && stored.commit == wanted.commit &&
         stored.rollback == wanted.rollback && stored.payload == wanted.payload;
}

// Leaves out what another transaction of the same gid has left behind.
void EndWithTombstone(Trail& trail) {
  const auto deleted = std::find_if(trail.rows.begin(), trail.rows.end(), [](const Stored* row) {
    return row->kind == Stored::Kind::kDeleted;
  });
  if (deleted == trail.rows.end() || deleted + 1 == trail.rows.end()) return;
  const uint64_t end = (*deleted)->when.seq;
  trail.reused = true;
  trail.rows.erase(deleted + 1, trail.rows.end());
  std::erase_if(trail.efforts, [&](const Effort* effort) { return effort->sent.seq > end; });
  std::erase_if(trail.calls, [&](const Call* call) { return call->sent.seq > end; });
  std::erase_if(trail.asked, [&](const ApiCall* call) {
    return call->began.seq > end || (call->answered && call->answered->seq > end);
  });
  for (auto& [operation, calls] : trail.by_operation) {
    std::erase_if(calls, [&](const Call* call) { return call->sent.seq > end; });
  }
}

// The store is tried again after up to 5 s. A slow commit under way at the end goes on.
milliseconds Aftermath(const Fault& fault) {
  constexpr milliseconds kAnother{10'000};
  return fault.kind == Fault::Kind::kCommitSlow ? kAnother + kSlowestCommit : kAnother;
}

// Without an end it went on until the run ended.
bool Lasts(Fault::Kind kind) {
  return kind == Fault::Kind::kDiskFull || kind == Fault::Kind::kHostDown ||
         kind == Fault::Kind::kPaused;
}

}  // namespace

bool SaysNothing(const Call& call) {
  switch (call.result) {
    case CallResult::kUnknown:
    case CallResult::kLost:
      return true;
    case CallResult::kNotSent:  // refused by the host counts; not tried at all does not
      return call.code != ReasonCode::kNotSent && call.code != ReasonCode::kNotCallable;
    case CallResult::kFailure:  // only these may say so
      return !(IsCheckBack(call.op) || (IsForward(call.op) && call.trans_type == "saga"));
    case CallResult::kSuccess:  // of a call-back: only the submit of its workflow is an end
      return call.trans_type == "workflow";
    case CallResult::kNone:
    case CallResult::kOngoing:
      break;
  }
  return false;
}

bool HostWasDown(const Call& call) {
  if (call.local || !call.ended) return false;
  const bool silent = call.result == CallResult::kLost || call.result == CallResult::kNotSent;
  return silent || call.http_status == 502 || call.http_status == 503 || call.http_status == 504;
}

bool IsAct(Ask what) {
  return what == Ask::kCancel || what == Ask::kRetry || what == Ask::kEdit || what == Ask::kSkip ||
         what == Ask::kStop;
}

bool ChangesSomething(Ask what) {
  switch (what) {
    case Ask::kSubmit:
    case Ask::kPrepare:
    case Ask::kSubmitPrepared:
    case Ask::kAbort:
    case Ask::kBegin:
    case Ask::kCall:
    case Ask::kCommit:
    case Ask::kRollback:
    case Ask::kLeave:
    case Ask::kAdopted:
    case Ask::kDoAndSubmit:
    case Ask::kRun:
    case Ask::kPrepareWorkflow:
    case Ask::kRecord:
    case Ask::kFinish:
      return true;
    default:
      return IsAct(what);
  }
}

std::optional<uint16_t> FindBranch(const GlobalTransaction& t, const Operation& operation) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (OperationOf(t, i) == operation) return i;
  }
  return std::nullopt;
}

std::optional<size_t> FindStep(const GlobalTransaction& t, std::string_view branch_id) {
  for (size_t i = 0; i < t.Steps(); ++i) {
    if (t.StepAt(i).branch_id == branch_id) return i;
  }
  return std::nullopt;
}

std::optional<uint16_t> FindBranchOfStep(const GlobalTransaction& t, size_t step, internal::Op op) {
  for (uint16_t i = 0; i < t.branches.size(); ++i) {
    if (t.branches[i].step == step && t.branches[i].op == op) return i;
  }
  return std::nullopt;
}

Operation OperationOf(const GlobalTransaction& t, uint16_t branch) {
  const internal::Branch& b = t.branches[branch];
  return {std::string(t.BranchIdOf(b)), std::string(t.OpNameOf(b))};
}

const std::vector<const Call*>& Trail::Of(const Operation& operation) const {
  static const std::vector<const Call*> kNone;
  const auto found = by_operation.find(operation);
  return found == by_operation.end() ? kNone : found->second;
}

const Stored* Trail::DurableAt(uint64_t seq) const {
  const Stored* newest = nullptr;
  for (const Stored* row : rows) {
    if (row->when.seq > seq) break;
    if (IsCertain(*row)) newest = row;
  }
  return newest != nullptr && newest->kind == Stored::Kind::kDeleted ? nullptr : newest;
}

const GlobalTransaction* Trail::ValueAt(uint64_t seq) const {
  const Stored* row = DurableAt(seq);
  return row == nullptr ? nullptr : row->transaction.get();
}

const GlobalTransaction* Trail::LastValue() const {
  const GlobalTransaction* last = nullptr;
  for (const Stored* row : rows) {
    if (IsCertain(*row) && row->transaction != nullptr) last = row->transaction.get();
  }
  return last;
}

const Stored* Trail::First(const std::function<bool(const GlobalTransaction&)>& is_so) const {
  for (const Stored* row : rows) {
    if (IsCertain(*row) && row->transaction != nullptr && is_so(*row->transaction)) return row;
  }
  return nullptr;
}

const Stored* Trail::End() const {
  for (const Stored* row : rows) {
    if (IsCertain(*row) && row->kind != Stored::Kind::kDeleted && HasEnded(row->row.status)) {
      return row;
    }
  }
  return nullptr;
}

bool Trail::Succeeded(const Operation& operation, uint64_t before) const {
  const auto& these = Of(operation);
  return std::any_of(these.begin(), these.end(),
                     [&](const Call* call) { return SucceededBefore(*call, before); });
}

bool Trail::MayHaveRun(const Operation& operation, uint64_t before) const {
  const auto& these = Of(operation);
  return std::any_of(these.begin(), these.end(), [&](const Call* call) {
    return call->sent.seq < before && MayHaveArrived(*call);
  });
}

const Wanted* Trail::Content() const {
  const GlobalTransaction* t = LastValue();
  if (t == nullptr) return nullptr;
  const auto found = std::find_if(wanted.begin(), wanted.end(),
                                  [&](const Wanted* one) { return IsContent(*t, *one); });
  return found == wanted.end() ? nullptr : *found;
}

bool HasRecorded(const GlobalTransaction& t, const ApiCall& call) {
  return std::any_of(t.progress.begin(), t.progress.end(), [&](const auto& one) {
    return one->branch_id == call.branch_id && one->op == call.op && one->failed == call.failed &&
           one->data == call.data;
  });
}

bool IsCertain(const Stored& stored) {
  return stored.kind != Stored::Kind::kUnknown && stored.kind != Stored::Kind::kNotWritten;
}

bool IsUnreadable(const Stored& stored) {
  return !stored.unreadable.empty() &&
         !stored.unreadable.starts_with(StatusCodeName(StatusCode::kNotFound));
}

bool IsContent(const GlobalTransaction& t, const Wanted& wanted) {
  const internal::Definition& definition = *t.definition;
  if (t.mode() == Mode::kWorkflow && wanted.mode == Mode::kWorkflow) {
    return definition.workflow == wanted.workflow && definition.input == wanted.input;
  }
  if (t.mode() != wanted.mode || definition.query_prepared != wanted.query_prepared) return false;
  const bool session = t.mode() == Mode::kTcc || t.mode() == Mode::kXa;
  if (session || wanted.topics) return true;  // its branches are no part of it
  if (definition.concurrent != wanted.concurrent) return false;
  if (definition.steps.size() != wanted.steps.size()) return false;
  for (size_t i = 0; i < wanted.steps.size(); ++i) {
    const internal::Step& step = definition.steps[i];
    if (step.branch_id != wanted.steps[i].branch_id) return false;
    if (!SameUrls(step, wanted.steps[i])) return false;
    std::vector<size_t> after(step.after.begin(), step.after.end());
    std::vector<size_t> wanted_after = wanted.steps[i].after;
    std::sort(after.begin(), after.end());
    std::sort(wanted_after.begin(), wanted_after.end());
    if (wanted.concurrent && after != wanted_after) return false;
  }
  return true;
}

Index::Index(const Log& log) : log_(log) {
  const auto trail_of = [this](const std::string& gid) -> Trail& {
    const auto [it, fresh] = by_gid_.try_emplace(gid, trails_.size());
    if (fresh) trails_.push_back({.gid = gid});
    return trails_[it->second];
  };
  for (const Wanted& wanted : log.wanted) trail_of(wanted.gid).wanted.push_back(&wanted);
  for (const Call& call : log.calls) {
    if (call.alert) continue;
    Trail& trail = trail_of(call.gid);
    trail.calls.push_back(&call);
    trail.by_operation[{call.branch_id, call.op}].push_back(&call);
    if (call.ended) by_host_[internal::HostKey(call.url)].push_back(&call);
  }
  for (auto& [host, calls] : by_host_) {
    std::stable_sort(calls.begin(), calls.end(), [](const Call* one, const Call* other) {
      return one->ended->seq < other->ended->seq;
    });
  }
  for (const Stored& stored : log.stored) trail_of(stored.row.gid).rows.push_back(&stored);
  for (const Image& image : log.images) {
    for (const Stored& row : image.rows) trail_of(row.row.gid).rows.push_back(&row);
  }
  for (const Stored& row : log.end.image.rows) trail_of(row.row.gid).rows.push_back(&row);
  for (const ApiCall& asked : log.api) {
    if (!asked.gid.empty()) trail_of(asked.gid).asked.push_back(&asked);
  }
  for (const Effort& effort : log.efforts) trail_of(effort.gid).efforts.push_back(&effort);
  for (Trail& trail : trails_) {
    std::stable_sort(
        trail.rows.begin(), trail.rows.end(),
        [](const Stored* one, const Stored* other) { return one->when.seq < other->when.seq; });
    AddUntoldDelete(trail);
    EndWithTombstone(trail);
  }
}

// A life may be cut off before it can tell that it has deleted a tombstone whose time was over. The
// next one does not find it.
void Index::AddUntoldDelete(Trail& trail) {
  for (const Life& life : log_.lives) {
    const bool cut_off = life.end == Life::End::kCrashed || life.end == Life::End::kPowerLost;
    if (!cut_off || !life.ended || life.number >= log_.lives.size()) continue;
    const Life& next = log_.lives[life.number];
    const Stored* last = trail.DurableAt(life.ended->seq);
    const bool tombstone = last != nullptr && last->row.finished && last->transaction == nullptr &&
                           last->unreadable.empty();
    if (!tombstone || next.refused || next.image >= log_.images.size()) continue;
    const Time until = *last->row.finished + log_.facts.tombstone_retention;
    const auto& found = log_.images[next.image].rows;
    const bool there = std::any_of(found.begin(), found.end(),
                                   [&](const Stored& row) { return row.row.gid == trail.gid; });
    if (there || life.ended->at + life.offset < until) continue;
    untold_.push_back(
        {.kind = Stored::Kind::kDeleted, .when = *life.ended, .row = last->row, .transaction = {}});
    const auto place = std::find_if(trail.rows.begin(), trail.rows.end(), [&](const Stored* row) {
      return row->when.seq > life.ended->seq;
    });
    trail.rows.insert(place, &untold_.back());
    return;
  }
}

const Trail* Index::Find(std::string_view gid) const {
  const auto found = by_gid_.find(gid);
  return found == by_gid_.end() ? nullptr : &trails_[found->second];
}

const Life* Index::LifeOf(const Stamp& stamp) const {
  if (stamp.life == 0 || stamp.life > log_.lives.size()) return nullptr;
  return &log_.lives[stamp.life - 1];
}

Time Index::ClockAt(const Stamp& stamp) const {
  const Life* life = LifeOf(stamp);
  return life == nullptr ? stamp.at : stamp.at + life->offset;
}

Time Index::CountsFrom(const Stamp& since, Time at, const Stamp& until) const {
  for (const Life& life : log_.lives) {
    const bool between = life.opened.seq > since.seq && life.opened.seq < until.seq;
    if (between && !life.refused) at = std::min(at, life.opened.at + life.offset);
  }
  return at;
}

const GlobalTransaction* Index::FoundBy(uint32_t life, const Trail& trail) const {
  if (life == 0 || life > log_.lives.size() || log_.lives[life - 1].refused) return nullptr;
  const size_t image = log_.lives[life - 1].image;
  if (image >= log_.images.size()) return nullptr;
  for (const Stored& row : log_.images[image].rows) {
    if (row.row.gid == trail.gid) return row.transaction.get();
  }
  return nullptr;
}

const std::vector<const Call*>& Index::EndedAt(const std::string& host) const {
  static const std::vector<const Call*> kNone;
  const auto found = by_host_.find(host);
  return found == by_host_.end() ? kNone : found->second;
}

bool Index::Disturbed(Time from, Time until,
                      const std::function<bool(const Fault&)>& counts) const {
  return std::any_of(log_.faults.begin(), log_.faults.end(), [&](const Fault& fault) {
    if (fault.from.at > until || !counts(fault)) return false;
    if (!fault.until) return Lasts(fault.kind) || fault.from.at + Aftermath(fault) >= from;
    return fault.until->at + Aftermath(fault) >= from;
  });
}

std::string Name(const Call& call) {
  return Concat(call.branch_id, "/", call.op, " in life ", call.sent.life);
}

}  // namespace troth::sim
