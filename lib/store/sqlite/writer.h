// The one connection that writes: transactions under the owner's epoch, and the batches in them.
//
// One write transaction at a time, each of them "BEGIN IMMEDIATE, compare the epoch, …, COMMIT".
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/store.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/statement.h"

namespace troth::internal::sqlite {

class Writer {
 public:
  // What became of one write transaction.
  enum class Outcome {
    kDone,
    kNotWritten,  // for certain
    kUnknown,     // COMMIT failed
    kLostOwner,
  };

  explicit Writer(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  Status Prepare(uint64_t epoch, Time clock);

  Connection& connection() { return *connection_; }
  bool lost_owner() const { return lost_owner_; }

  BatchResult Apply(std::span<const Write> writes);
  // After kUnknown of Apply and a good commit since: what is really there (R4).
  BatchResult ReadAgain(std::span<const Write> writes);

  // For housekeeping: Begin, then statements, then Commit or Rollback. `status` says why not.
  Outcome Begin(Status& status);
  Outcome Commit(Status& status);
  void Rollback();
  // Runs one prepared statement inside the transaction; OK or what went wrong.
  Status Run(Statement& statement, std::string_view doing);

  // The last COMMIT with an unknown outcome failed for want of room, and not by an I/O error.
  bool last_failure_was_full() const { return full_; }
  // A commit that changes nothing but a counter.
  Outcome Probe(Status& status);

  // The latest `updated` that was written; it may be exact only at a clean close.
  Time latest() const { return latest_; }

 private:
  int WriteAll(std::span<const Write> writes, std::vector<WriteResult>& results);
  int WriteEach(std::span<const Write> writes, std::vector<WriteResult>& results,
                std::vector<bool>& left_out);
  int WriteOne(const Write& write, WriteResult& result);
  int Insert(const Write& write, WriteResult& result);
  int Update(const Write& write, WriteResult& result);
  int InsertParts(int64_t id, std::span<const Part> parts);
  int FindByGid(std::string_view gid, std::optional<TransactionRow>& row);
  int KeepClock(std::span<const Write> writes);
  int ReadOneAgain(const Write& write, const WriteResult& tentative, WriteResult& result);
  Outcome NotWritten(int code, std::string_view doing, Status& status);

  std::unique_ptr<Connection> connection_;
  uint64_t epoch_ = 0;
  bool lost_owner_ = false;
  bool full_ = false;
  Time latest_{};
  Time clock_{};                        // as stored: at or past `latest_`
  std::vector<WriteResult> tentative_;  // of the batch whose COMMIT failed

  Statement begin_, commit_, rollback_, savepoint_, release_, rollback_to_;
  Statement select_epoch_, select_by_gid_, select_version_;
  Statement insert_, update_, insert_part_, set_clock_, probe_;
};

}  // namespace troth::internal::sqlite
