// When the log is copied into the file, so that it starts over instead of growing (design §4).
//
// Runs on the writer's connection only, between two batches and when idle; SQLite's own automatic
// checkpoints are off.
#pragma once

#include <string>

#include "store/sqlite/connection.h"

namespace troth::internal::sqlite {

class Checkpoints {
 public:
  Checkpoints(Connection& connection, int frames_max);

  // After each commit: one checkpoint if the log has grown past its bound.
  void AfterCommit();
  // One checkpoint if anything was committed since the last one.
  void WhenIdle();
  // Waits for readers (up to the busy time-out) and empties the log. OK only when it is empty.
  Status Truncate();

  // Why the log can't start over; empty: it can.
  const std::string& problem() const { return problem_; }

 private:
  static int OnCommit(void* self, sqlite3* database, const char* schema, int frames);
  void Run();

  Connection& connection_;
  const int frames_max_;
  int frames_ = 0;     // in the log
  int next_ = 0;       // at how many the next one is due
  bool dirty_ = true;  // a crash may have left a long log
  std::string problem_;
};

}  // namespace troth::internal::sqlite
