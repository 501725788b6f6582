// Writes as an engine would make them, with contents that a test can recognise.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/store.h"

namespace troth::internal {

inline Time At(int64_t milliseconds) { return Time(std::chrono::milliseconds(milliseconds)); }

inline Part PartOf(uint16_t number, std::string document) {
  return {.number = number, .document = std::make_shared<const std::string>(std::move(document))};
}

// A submitted saga that is due at 1,000.
inline Write NewWrite(const std::string& gid) {
  Write write;
  write.row.gid = gid;
  write.row.mode = Mode::kSaga;
  write.row.status = TransactionStatus::kSubmitted;
  write.row.due = At(1'000);
  write.row.created = At(500);
  write.row.updated = At(500);
  write.row.version = 1;
  write.row.digest = "digest of " + gid;
  write.state = "state 1";
  write.parts = {PartOf(0, "definition of " + gid)};
  return write;
}

// The write that follows `last`, of the row that got `id`.
inline Write NextWrite(const Write& last, int64_t id) {
  Write write = last;
  write.row.id = id;
  ++write.row.version;
  write.row.updated += std::chrono::milliseconds(1);
  write.state = "state " + std::to_string(write.row.version);
  write.parts.clear();
  return write;
}

// The write with which a transaction ends.
inline Write LastWrite(const Write& last, int64_t id, TransactionStatus status, Time finished) {
  Write write = NextWrite(last, id);
  write.row.status = status;
  write.row.due.reset();
  write.row.finished = finished;
  return write;
}

}  // namespace troth::internal
