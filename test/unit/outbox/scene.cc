#include "scene.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace troth::internal {

Database::Database(const std::string& path, int busy_ms) {
  if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) {
    std::fprintf(stderr, "%s: %s\n", path.c_str(), sqlite3_errmsg(db_));
    std::abort();
  }
  sqlite3_busy_timeout(db_, busy_ms);
}

int Database::Run(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
}

int64_t Database::Int(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int64_t value = -1;
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    value = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  return value;
}

void MakeShop(const std::string& path) {
  Database db(path);
  if (db.Run("PRAGMA journal_mode=WAL; CREATE TABLE orders(id INTEGER PRIMARY KEY, gid TEXT)") !=
      SQLITE_OK) {
    std::abort();
  }
}

CoordinatorOptions Shop::Options() {
  return {.store = folder.File("troth.db"),
          .local = {{"deliver",
                     [calls = calls](const BranchContext&, std::string_view, std::stop_token) {
                       ++*calls;
                       return BranchResult::Success();
                     }}},
          .outboxes = {app()}};
}

Status Shop::Open() {
  coordinator.reset();
  auto opened = Coordinator::Open(Options());
  if (!opened.ok()) return opened.status();
  coordinator.emplace(*std::move(opened));
  return {};
}

Saga OneStep(std::string gid, std::string payload) {
  Saga saga;
  saga.gid = std::move(gid);
  saga.Add({.action = "local:deliver", .compensate = {}, .payload = std::move(payload)});
  return saga;
}

}  // namespace troth::internal
