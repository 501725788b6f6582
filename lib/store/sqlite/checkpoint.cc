#include "store/sqlite/checkpoint.h"

#include <sqlite3.h>

#include "base/text.h"

namespace troth::internal::sqlite {

Checkpoints::Checkpoints(Connection& connection, int frames_max)
    : connection_(connection), frames_max_(frames_max), next_(frames_max) {
  sqlite3_wal_hook(connection.database(), &OnCommit, this);
}

int Checkpoints::OnCommit(void* self, sqlite3*, const char*, int frames) {
  auto& checkpoints = *static_cast<Checkpoints*>(self);
  // Fewer than before: the log has started over.
  if (frames < checkpoints.frames_) checkpoints.next_ = checkpoints.frames_max_;
  checkpoints.frames_ = frames;
  checkpoints.dirty_ = true;
  return SQLITE_OK;
}

void Checkpoints::AfterCommit() {
  if (frames_ >= next_) Run();
}

void Checkpoints::WhenIdle() {
  if (dirty_) Run();
}

// Passive: waits for nobody. What a reader still needs stays in the log for the next time, and that
// comes only when the log has grown by as much again, because each one costs a sync of the file.
void Checkpoints::Run() {
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.database(), "main",
                                             SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  int moved = 0;
  sqlite3_file_control(connection_.database(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  dirty_ = false;
  next_ = frames_ + frames_max_;
  if (moved != 0) {
    problem_ = Concat(connection_.path(),
                      ": the file was moved or deleted while it is open; what "
                      "is written now may be found by nobody");
  } else if (code != SQLITE_OK) {
    problem_ = connection_.Error(code, "copy the log into the file").message();
  } else if (copied >= in_log) {
    problem_.clear();
  } else if (in_log >= 2 * frames_max_) {
    // Once may be one of our own short reads; a log of twice its bound is somebody who stays.
    problem_ = Concat(connection_.path(), ": the log has ", in_log,
                      " pages and can't start over: a reader (another process, or a backup) has "
                      "kept an old view open; end it");
  }
}

Status Checkpoints::Truncate() {
  int in_log = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(connection_.database(), "main",
                                             SQLITE_CHECKPOINT_TRUNCATE, &in_log, &copied);
  if (code != SQLITE_OK) return connection_.Error(code, "empty the log");
  frames_ = 0;
  next_ = frames_max_;
  dirty_ = false;
  problem_.clear();
  return Status();
}

}  // namespace troth::internal::sqlite
