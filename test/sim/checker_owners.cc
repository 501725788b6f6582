// Whose the store is: of one process at a time (I30), and a copy of it is nobody's until a person
// says so.
#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using Kind = Stored::Kind;

// The file's locks were made to answer as if somebody held them.
bool LocksHaveFailed(const Log& log, const Life& life) {
  return std::any_of(log.faults.begin(), log.faults.end(), [&](const Fault& fault) {
    return fault.kind == Fault::Kind::kCommitFails && fault.from.seq < life.opened.seq;
  });
}

// Only its holder, or nobody, may open it; and each who does is told by a higher number.
void CheckEpochs(const Log& log, Findings& findings) {
  uint64_t epoch = 0;
  for (const Life& life : log.lives) {
    const bool taken = life.why.find("another") != std::string::npos;
    if (life.refused && taken && !LocksHaveFailed(log, life)) {
      findings.Add(life.opened.seq, "a new life was refused: " + life.why);
    }
    if (life.epoch == 0) continue;
    if (life.epoch <= epoch) findings.Add(life.opened.seq, "a new life has an old epoch");
    epoch = life.epoch;
    bool owner_file_gone = false;  // and one who was refused may have made another
    for (const Stranger& stranger : log.strangers) {
      if (stranger.when.life != life.number) continue;
      owner_file_gone = owner_file_gone || stranger.owner_file_gone;
      if (!stranger.opened) continue;
      if (!owner_file_gone) findings.Add(stranger.when.seq, "a stranger was let in");
      if (stranger.epoch <= epoch) findings.Add(stranger.when.seq, "a stranger has an old epoch");
      epoch = stranger.epoch;
    }
  }
}

// From the moment on at which another process has the store.
void CheckLoser(const Index& index, const Stranger& stranger, Findings& findings) {
  for (const Stored& row : index.log().stored) {
    const bool written =
        row.kind == Kind::kCommitted || row.kind == Kind::kPurged || row.kind == Kind::kDeleted;
    if (!written || row.when.life != stranger.when.life) continue;
    if (row.when.seq < stranger.when.seq) continue;
    findings.Add(row.when.seq, row.row.gid + " was written by a process that has lost the store");
  }
}

// Whether the answer tells of what was durable before the store was lost.
bool IsOfThePast(const Index& index, const ApiCall& call, const Life& life) {
  const Trail* trail = index.Find(call.gid);
  return call.what == Ask::kAdopted && trail != nullptr && trail->DurableAt(life.lost->seq);
}

// From the moment on at which it has been told.
void CheckInformedLoser(const Index& index, const Life& life, Findings& findings) {
  for (const ApiCall& call : index.log().api) {
    if (call.began.life != life.number || call.began.seq < life.lost->seq) continue;
    const bool changes =
        ChangesSomething(call.what) && call.what != Ask::kLeave && !IsOfThePast(index, call, life);
    if (changes && call.answered && call.answered->life == life.number && call.status.ok()) {
      findings.Add(call.began.seq, call.gid + ": OK from a process that has lost the store");
    }
  }
  for (const Call& call : index.log().calls) {
    if (call.sent.life != life.number || call.sent.seq < life.lost->seq) continue;
    findings.Add(call.sent.seq, Name(call) + " was sent by a process that has lost the store");
  }
}

// --- restored backups ---

const ApiCall* BackupOf(const Log& log) {
  for (const ApiCall& call : log.api) {
    if (call.what == Ask::kBackup && call.answered && call.status.ok()) return &call;
  }
  return nullptr;
}

const Stored* Find(const Image& image, std::string_view gid) {
  const auto row = std::find_if(image.rows.begin(), image.rows.end(),
                                [&](const Stored& one) { return one.row.gid == gid; });
  return row == image.rows.end() ? nullptr : &*row;
}

// A copy holds what was durable at some moment from the question to the answer.
void CheckCopy(const Index& index, const ApiCall& backup, const Image& copy, Findings& findings) {
  for (const Trail& trail : index.trails()) {
    if (trail.reused) continue;  // what came after its tombstone is not in it
    const Stored* before = trail.DurableAt(backup.began.seq);
    const Stored* held = Find(copy, trail.gid);
    if (held == nullptr) {
      const bool stays = before != nullptr && trail.DurableAt(backup.answered->seq) != nullptr;
      if (stays) findings.Add(trail, backup.answered->seq, "is not in the copy of the store");
      continue;
    }
    uint64_t newest = 0;
    for (const Stored* row : trail.rows) {
      const bool written = row->kind != Kind::kNotWritten && row->when.seq < backup.answered->seq;
      if (written) newest = std::max(newest, row->row.version);
    }
    if (held->row.version > newest || (before && held->row.version < before->row.version)) {
      findings.Add(trail, backup.answered->seq,
                   Concat("version ", held->row.version, " is in the copy of the store"));
    }
  }
}

// In the run on a copy nothing of it moves before a person has acted on it.
void CheckRestoredOne(const Log& copy, const Stored& found, Findings& findings) {
  const std::string& gid = found.row.gid;
  const auto add = [&](uint64_t seq, const std::string& what) {
    findings.Add(seq, Concat(gid, " of a restored copy ", what));
  };
  uint64_t acted = UINT64_MAX;
  for (const ApiCall& call : copy.api) {
    if (call.gid == gid && call.what == Ask::kRetry) acted = std::min(acted, call.began.seq);
  }
  for (const Call& call : copy.calls) {
    if (call.gid == gid && call.sent.seq < acted) add(call.sent.seq, "was called unasked");
  }
  const Stored* last = Find(copy.end.image, gid);
  if (last == nullptr) {
    const bool deleted = std::any_of(
        copy.stored.begin(), copy.stored.end(),
        [&](const Stored& row) { return row.kind == Kind::kDeleted && row.row.gid == gid; });
    return deleted ? void() : add(copy.end.when.seq, "is gone");
  }
  if (acted == UINT64_MAX) {
    const bool parked = last->row.parked == ReasonCode::kParkedRestored && !last->row.due;
    if (!parked) add(copy.end.when.seq, "does not wait for a person");
    if (last->row.status != found.row.status) add(copy.end.when.seq, "has gone on by itself");
  } else if (!HasEnded(last->row.status)) {
    add(copy.end.when.seq, "has not ended, though a person let it go on");
  }
}

}  // namespace

void CheckOwners(const Index& index, Findings& findings) {
  CheckEpochs(index.log(), findings);
  for (const Stranger& stranger : index.log().strangers) {
    if (stranger.opened) CheckLoser(index, stranger, findings);
  }
  for (const Life& life : index.log().lives) {
    if (life.lost) CheckInformedLoser(index, life, findings);
  }
}

void CheckRestored(const Index& index, Findings& findings) {
  if (index.log().restored == nullptr) return;
  const Log& copy = *index.log().restored;
  const ApiCall* backup = BackupOf(index.log());
  if (backup == nullptr || copy.lives.size() < 2 || copy.images.empty()) {
    return findings.Add(0, "a run on a copy of the store that was never made");
  }
  const Life& unasked = copy.lives[0];
  if (!unasked.refused || unasked.why.find("backup") == std::string::npos) {
    findings.Add(unasked.opened.seq, "a copy was opened as if it were the store");
  }
  CheckCopy(index, *backup, copy.images[0], findings);
  for (const Stored& found : copy.images[0].rows) {
    if (!HasEnded(found.row.status)) {
      CheckRestoredOne(copy, found, findings);
      continue;
    }
    const Stored* last = Find(copy.end.image, found.row.gid);
    if (last != nullptr && last->row.status != found.row.status) {
      findings.Add(copy.end.when.seq, found.row.gid + " of a restored copy has ended once more");
    }
  }
}

}  // namespace troth::sim
