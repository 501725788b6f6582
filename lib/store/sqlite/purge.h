// Retention: a walk over all rows, oldest first, that turns what ended long ago into tombstones and
// deletes tombstones that have served their time (R10).
//
// It never deletes the row with the highest id: SQLite would give that id out again.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/store.h"
#include "store/sqlite/tuning.h"
#include "store/sqlite/writer.h"

namespace troth::internal::sqlite {

class Purger {
 public:
  explicit Purger(decltype(SqliteTuning::now) now) : now_(std::move(now)) {}
  Status Prepare(Connection& connection);
  // Goes on with `pass` for about `slice`, and at least one step. On an error nothing of the last
  // step counts, and the next call repeats it. `outcome` says what became of its transaction.
  Status Run(Writer& writer, PurgePass& pass, Time finished_before, Time tombstones_before,
             std::chrono::milliseconds slice, Writer::Outcome& outcome);

 private:
  struct Step {
    std::vector<int64_t> bury;
    std::vector<int64_t> remove;
    PurgePass pass;  // as it will stand
  };
  Status Look(Connection& connection, Time finished_before, Time tombstones_before, Step& step);
  Status Write(Writer& writer, const Step& step);

  decltype(SqliteTuning::now) now_;
  Statement walk_, bury_, delete_, delete_parts_, highest_;
};

}  // namespace troth::internal::sqlite
