// The barrier's table: its shape, its name, and the statements on it. Knows rows, never what they
// mean.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "troth/status.h"

struct sqlite3;

namespace troth::internal::branch {

// What makes a row unique.
struct BarrierKey {
  std::string_view gid;
  std::string_view branch_id;
  std::string_view op;
  std::string_view barrier_id;
};

class BarrierTable {
 public:
  // `name` is taken as it is; Check() says whether it may be.
  BarrierTable(sqlite3* db, std::string_view name) : db_(db), name_(name) {}

  // kInvalidArgument: no connection, or not a plain SQL name.
  Status Check() const;

  Status Create() const;
  // kFailedPrecondition: the table that is there cannot serve.
  Status CheckShape() const;
  // True: the row is new. False: one with this key was there, and stays as it was.
  Result<bool> Insert(std::string_view trans_type, const BarrierKey& key,
                      std::string_view reason) const;
  // kDataLoss: there is no such row.
  Result<std::string> ReadReason(const BarrierKey& key) const;
  Result<size_t> Purge(std::chrono::sys_time<std::chrono::milliseconds> before,
                       size_t rows_max) const;

  std::string PurgeSql() const;

 private:
  std::string InsertSql() const;
  // Always in `main`: a temporary table of the same name must not take the rows, and a commit over
  // several attached files is not atomic in WAL mode.
  std::string Qualified() const;

  sqlite3* const db_;
  const std::string name_;
};

}  // namespace troth::internal::branch
