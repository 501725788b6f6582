// A shop that keeps its orders in an SQLite database of its own, and the coordinator beside it.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "../store/temporary_folder.h"
#include "troth/coordinator.h"
#include "troth/outbox.h"

namespace troth::internal {

using namespace std::chrono_literals;

// One connection.
class Database {
 public:
  explicit Database(const std::string& path, int busy_ms = 2'000);
  ~Database() { sqlite3_close(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* get() const { return db_; }
  // SQLite's code.
  int Run(const std::string& sql);
  // Of the first row's first column; -1 where there is none.
  int64_t Int(const std::string& sql);
  // Whether an order is there.
  bool Has(const std::string& gid) {
    return Int("SELECT count(*) FROM orders WHERE gid = '" + gid + "'") == 1;
  }
  int AddOrder(const std::string& gid) {
    return Run("INSERT INTO orders(gid) VALUES('" + gid + "')");
  }

 private:
  sqlite3* db_ = nullptr;
};

// Makes the shop's database: WAL mode, one table.
void MakeShop(const std::string& path);

struct Shop {
  Shop() { MakeShop(app()); }
  std::string app() const { return folder.File("app.db"); }
  CoordinatorOptions Options();
  // Opens the coordinator, again if it is open.
  Status Open();
  Coordinator& operator*() { return *coordinator; }
  Coordinator* operator->() { return &*coordinator; }

  TemporaryFolder folder;
  std::shared_ptr<std::atomic<int>> calls = std::make_shared<std::atomic<int>>(0);
  std::optional<Coordinator> coordinator;
};

Saga OneStep(std::string gid = NewGid(), std::string payload = "1");

}  // namespace troth::internal
