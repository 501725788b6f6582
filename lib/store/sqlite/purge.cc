#include "store/sqlite/purge.h"

#include <sqlite3.h>

#include <algorithm>

#include "model/bounds.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/schema.h"

namespace troth::internal::sqlite {
namespace {

// Rows looked at between two looks at the clock, and changed in one commit at most. Looking costs
// about a microsecond a row, changing ten, a commit milliseconds: so the walk goes on to its slice
// before it commits.
constexpr int64_t kRowsPerLook = 128;
constexpr size_t kRowsPerCommit = 256;

}  // namespace

Status Purger::Prepare(Connection& connection) {
  const std::pair<const char*, Statement*> all[] = {{kWalk, &walk_},
                                                    {kBury, &bury_},
                                                    {kDelete, &delete_},
                                                    {kDeleteParts, &delete_parts_},
                                                    {kHighestId, &highest_}};
  for (const auto& [sql, statement] : all) {
    if (Status status = connection.Prepare(sql, *statement); !status.ok()) return status;
  }
  return Status();
}

Status Purger::Run(Writer& writer, PurgePass& pass, Time finished_before, Time tombstones_before,
                   std::chrono::milliseconds slice, Writer::Outcome& outcome) {
  outcome = Writer::Outcome::kDone;
  const auto end = now_() + slice;
  Step step{.bury = {}, .remove = {}, .pass = pass};
  do {
    Status status = Look(writer.connection(), finished_before, tombstones_before, step);
    if (!status.ok()) return status;
  } while (!step.pass.finished && step.bury.size() + step.remove.size() < kRowsPerCommit &&
           now_() < end);
  if (step.bury.empty() && step.remove.empty()) {
    pass = step.pass;
    return Status();
  }
  Status status;
  outcome = writer.Begin(status);
  if (outcome != Writer::Outcome::kDone) return status;
  if (status = Write(writer, step); !status.ok()) {
    writer.Rollback();
    outcome = Writer::Outcome::kNotWritten;
    return status;
  }
  outcome = writer.Commit(status);
  if (outcome == Writer::Outcome::kDone) pass = step.pass;
  return status;
}

Status Purger::Look(Connection& connection, Time finished_before, Time tombstones_before,
                    Step& step) {
  const StatementUse use_highest(highest_);
  if (const int code = highest_.Step(); code != SQLITE_ROW) return connection.Error(code, "purge");
  const int64_t highest = highest_.Int(0);
  const StatementUse use(walk_);
  walk_.Bind(1, step.pass.position).Bind(2, kRowsPerLook);
  // Before 1970: tombstones are kept for ever.
  const bool for_ever = tombstones_before < Time{};
  const auto grave_time =
      for_ever ? std::chrono::milliseconds::zero() : finished_before - tombstones_before;
  const auto remember = [&step](Time old_enough) {
    step.pass.next = std::min(step.pass.next.value_or(Time::max()), old_enough);
  };
  int code = SQLITE_ROW;
  int64_t rows = 0;
  for (; (code = walk_.Step()) == SQLITE_ROW; ++rows) {
    const int64_t id = walk_.Int(0);
    step.pass.position = id;
    const std::optional<Time> finished = walk_.OptionalTime(1);
    if (!finished || !IsInRange(*finished) || !IsRowId(id)) continue;
    const bool tombstone = walk_.Int(2) == 0;
    if (tombstone && *finished < tombstones_before) {
      if (id == highest) continue;
      step.remove.push_back(id);
      ++step.pass.deleted;
    } else if (tombstone) {
      if (!for_ever) remember(*finished + grave_time);
    } else if (*finished < finished_before) {
      step.bury.push_back(id);
      ++step.pass.purged;
      if (!for_ever) remember(*finished + grave_time);
    } else {
      remember(*finished);
    }
  }
  if (code != SQLITE_DONE) return connection.Error(code, "purge");
  step.pass.examined += static_cast<size_t>(rows);
  step.pass.finished = rows < kRowsPerLook;
  return Status();
}

Status Purger::Write(Writer& writer, const Step& step) {
  for (const int64_t id : step.bury) {
    delete_parts_.Bind(1, PartKey(id, 0)).Bind(2, PartKey(id, 0xFFFF));
    if (Status status = writer.Run(delete_parts_, "purge"); !status.ok()) return status;
    if (Status status = writer.Run(bury_.Bind(1, id), "purge"); !status.ok()) return status;
  }
  for (const int64_t id : step.remove) {
    if (Status status = writer.Run(delete_.Bind(1, id), "purge"); !status.ok()) return status;
  }
  return Status();
}

}  // namespace troth::internal::sqlite
