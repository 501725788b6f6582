// Rows of a store's file with any value in any column, of any type that SQLite lets in.
//
// Properties: whatever reads, lists, updates and purges rows ends, with a row that is fine or can't
// be true; and one bad row harms no other (R24): a healthy transaction beside it is found by its
// gid, as due and in the list, and is as it was.
//
// Statements are kept prepared by their text, also those that the store prepares anew each time:
// sqlite3_prepare_v3() and what belongs to it below take the place of SQLite's.
#include <dlfcn.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "input.h"
#include "model/stored.h"
#include "store/sqlite/list.h"
#include "store/sqlite/load.h"
#include "store/sqlite/open.h"
#include "store/sqlite/purge.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/topics.h"
#include "transaction.h"

namespace troth::internal::sqlite {
namespace {

using std::chrono::milliseconds;

constexpr Time kStart{milliseconds(1'700'000'000'000)};

void Execute(sqlite3* db, const char* sql) {
  TROTH_CHECK(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
}

template <class Function>
Function* InSqlite(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  TROTH_CHECK(found != nullptr);
  return reinterpret_cast<Function*>(found);
}

// Statements that nobody uses now, by their text. Of the one connection that there is.
class KeptStatements {
 public:
  sqlite3_stmt* Take(std::string_view sql) {
    const auto found = idle_.find(sql);
    if (found == idle_.end() || found->second.empty()) return nullptr;
    sqlite3_stmt* const statement = found->second.back();
    found->second.pop_back();
    return statement;
  }
  void Put(sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    idle_[sqlite3_sql(statement)].push_back(statement);
  }

 private:
  std::map<std::string, std::vector<sqlite3_stmt*>, std::less<>> idle_;
};

KeptStatements& Kept() {
  static KeptStatements& kept = *new KeptStatements;
  return kept;
}

// A store in memory, as the production one is put together.
struct Bench {
  Bench()
      : file(*OpenFile({.path = ":memory:"}, SqliteTuning{})),
        readers(connection(), turn),
        purger(SqliteTuning{}.now) {
    LetAnyTypeIn();
    TROTH_CHECK(due.Prepare(connection()).ok() && purger.Prepare(connection()).ok());
    const char* insert = "INSERT INTO troth_transaction(" TROTH_ROW_COLUMNS
                         ",state) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
    Prepare(insert, &insert_row);
    Prepare("INSERT INTO troth_part VALUES(?1,?2)", &insert_part);
    Prepare("INSERT INTO troth_topic VALUES(?1,?2,?3)", &insert_topic);
    Prepare("DELETE FROM troth_transaction", &empty[0]);
    Prepare("DELETE FROM troth_part", &empty[1]);
    Prepare("DELETE FROM troth_topic", &empty[2]);
    // Parts of the transaction with the id 1 but for its first one.
    Prepare("DELETE FROM troth_part WHERE key BETWEEN 65537 AND 131071", &strange_parts);
  }
  Connection& connection() { return file.writer->connection(); }
  sqlite3* db() { return connection().database(); }
  // As it is in a damaged file.
  void LetAnyTypeIn() {
    sqlite3_db_config(db(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    Execute(db(),
            "PRAGMA writable_schema=ON;"
            "UPDATE sqlite_schema SET sql=replace(replace(sql,', STRICT',''),'STRICT','');"
            "PRAGMA writable_schema=RESET");
  }
  void Prepare(const char* sql, sqlite3_stmt** statement) {
    TROTH_CHECK(sqlite3_prepare_v2(db(), sql, -1, statement, nullptr) == SQLITE_OK);
  }

  OpenedFile file;
  std::mutex turn;
  Readers readers;
  DueLoader due;
  Purger purger;
  sqlite3_stmt* insert_row = nullptr;
  sqlite3_stmt* insert_part = nullptr;
  sqlite3_stmt* insert_topic = nullptr;
  std::array<sqlite3_stmt*, 3> empty{};
  sqlite3_stmt* strange_parts = nullptr;
};

void Run(sqlite3_stmt* statement) {
  TROTH_CHECK(sqlite3_step(statement) == SQLITE_DONE);
  sqlite3_reset(statement);
}

StoredTransaction Sample(const std::string& gid) {
  auto definition = std::make_shared<Definition>();
  definition->steps.push_back({.branch_id = "01", .forward = "http://a/", .rollback = "http://b/"});
  GlobalTransaction t = NewTransaction(gid, definition, kStart);
  t.version = 1;
  t.digest = "digest";
  StoredTransaction stored = fuzz::StoredOf(t);
  stored.row.due = kStart;
  return stored;
}

Write WriteOf(const StoredTransaction& stored) {
  return {.row = stored.row, .state = stored.state, .parts = stored.parts};
}

WriteResult ApplyOne(Bench& bench, const Write& write) {
  const BatchResult result = bench.file.writer->Apply({&write, 1});
  TROTH_CHECK(result.kind == BatchResult::Kind::kCommitted && result.writes.size() == 1);
  return result.writes.front();
}

// Binds what the input says; false: it leaves the column to the caller.
bool BindAny(fuzz::Input& in, sqlite3_stmt* statement, int column) {
  switch (in.Byte() % 6) {
    case 1:
      sqlite3_bind_int64(statement, column, in.Signed());
      return true;
    case 2: {
      const std::string text = in.Piece();
      sqlite3_bind_text64(statement, column, text.data(), text.size(), SQLITE_TRANSIENT,
                          SQLITE_UTF8);
      return true;
    }
    case 3: {
      const std::string blob = in.Piece();
      sqlite3_bind_blob64(statement, column, blob.data(), blob.size(), SQLITE_TRANSIENT);
      return true;
    }
    case 4:
      sqlite3_bind_double(statement, column, std::bit_cast<double>(in.Number()));
      return true;
    case 5:
      sqlite3_bind_null(statement, column);
      return true;
    default:
      return false;
  }
}

// The columns of `row`, each in its place unless the input has something else for it. What SQLite
// itself refuses is left out.
void InsertRow(Bench& bench, fuzz::Input& in, const StoredTransaction& row) {
  sqlite3_stmt* const s = bench.insert_row;
  const auto bind_int = [&](int column, int64_t value) {
    if (!BindAny(in, s, column)) sqlite3_bind_int64(s, column, value);
  };
  const auto bind_blob = [&](int column, const std::string& value) {
    if (!BindAny(in, s, column)) {
      sqlite3_bind_blob64(s, column, value.data(), value.size(), SQLITE_TRANSIENT);
    }
  };
  bind_int(1, row.row.id);
  if (!BindAny(in, s, 2)) {
    sqlite3_bind_text64(s, 2, row.row.gid.data(), row.row.gid.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
  }
  bind_int(3, static_cast<int64_t>(row.row.mode));
  bind_int(4, static_cast<int64_t>(row.row.status));
  bind_int(5, MillisecondsOf(kStart));
  bind_int(6, MillisecondsOf(row.row.created));
  bind_int(7, MillisecondsOf(row.row.updated));
  if (!BindAny(in, s, 8)) sqlite3_bind_null(s, 8);
  bind_int(9, 0);
  bind_int(10, static_cast<int64_t>(row.row.version));
  bind_blob(11, row.row.digest);
  bind_blob(12, row.state);
  (void)sqlite3_step(s);
  sqlite3_reset(s);
}

void InsertPart(Bench& bench, fuzz::Input& in, int64_t id, const std::string& document) {
  sqlite3_stmt* const s = bench.insert_part;
  if (!BindAny(in, s, 1)) sqlite3_bind_int64(s, 1, id << 16);
  if (!BindAny(in, s, 2)) {
    sqlite3_bind_blob64(s, 2, document.data(), document.size(), SQLITE_TRANSIENT);
  }
  (void)sqlite3_step(s);
  sqlite3_reset(s);
}

void InsertTopic(Bench& bench, fuzz::Input& in) {
  sqlite3_stmt* const s = bench.insert_topic;
  for (int column = 1; column <= 3; ++column) {
    if (!BindAny(in, s, column)) sqlite3_bind_text(s, column, "topic", -1, SQLITE_STATIC);
  }
  (void)sqlite3_step(s);
  sqlite3_reset(s);
}

StoredTransaction Load(Bench& bench, const std::string& gid) {
  auto reader = bench.readers.Acquire();
  TROTH_CHECK(reader.ok());
  auto loaded = LoadByGid(**reader, gid);
  TROTH_CHECK(loaded.ok() && loaded->has_value());
  return **std::move(loaded);
}

// What a coordinator does with a row that it has read: takes it up, and writes it once more.
void Use(Bench& bench, const StoredTransaction& stored) {
  auto t = FromStored(stored);
  if (!t.ok()) return;
  TROTH_CHECK(ToRecord(**t).gid == stored.row.gid);
  ++(*t)->version;
  Write write{.row = RowOf(**t), .state = EncodeState(**t), .parts = {}};
  write.row.due = stored.row.due;
  TROTH_CHECK(ApplyOne(bench, write).kind == WriteResult::Kind::kOk);
  const StoredTransaction again = Load(bench, stored.row.gid);
  const auto read = FromStored(again);
  TROTH_CHECK(read.ok() && fuzz::Same(**t, **read));
}

// All pages of what is due, as the engine reads them on.
std::set<int64_t> LoadDue(Bench& bench, size_t rows) {
  std::set<int64_t> ids;
  std::optional<DuePosition> after;
  for (size_t pages = 0;; ++pages) {
    TROTH_CHECK(pages <= rows);
    const auto page = bench.due.Load(after, kStart + std::chrono::hours(1), 2);
    TROTH_CHECK(page.ok());
    for (const StoredTransaction& stored : page->transactions) {
      ids.insert(stored.row.id);
      after = DuePosition{stored.row.due.value_or(Time{}), stored.row.id};
      Use(bench, stored);
    }
    if (!page->more) return ids;
  }
}

std::set<int64_t> ListAll(Bench& bench, const RowFilter& filter, size_t rows) {
  std::set<int64_t> ids;
  int64_t before = 0;
  for (size_t pages = 0;; ++pages) {
    TROTH_CHECK(pages <= rows + 1);
    const auto page = ListRows(bench.connection(), filter, before, 2, 3);
    TROTH_CHECK(page.ok());
    for (const TransactionRow& row : page->rows) TROTH_CHECK(ids.insert(row.id).second);
    if (page->next_before == 0) return ids;
    TROTH_CHECK(before == 0 || page->next_before < before);
    before = page->next_before;
  }
}

void Purge(Bench& bench, Time finished_before, Time tombstones_before, size_t rows) {
  PurgePass pass;
  for (size_t turns = 0; !pass.finished; ++turns) {
    TROTH_CHECK(turns <= rows);
    Writer::Outcome outcome = Writer::Outcome::kDone;
    const Status status = bench.purger.Run(*bench.file.writer, pass, finished_before,
                                           tombstones_before, milliseconds(1), outcome);
    TROTH_CHECK(status.ok() && outcome == Writer::Outcome::kDone);
  }
}

void Check(fuzz::Input in) {
  static Bench& bench = *new Bench;
  for (sqlite3_stmt* const statement : bench.empty) Run(statement);
  const StoredTransaction healthy = Sample("healthy");
  const int64_t id = ApplyOne(bench, WriteOf(healthy)).id;

  const Time finished_before = kStart + milliseconds(static_cast<int32_t>(in.Number()));
  const Time tombstones_before = finished_before - milliseconds(static_cast<int32_t>(in.Number()));
  RowFilter filter;
  if (in.Bool()) filter.created_from = kStart + milliseconds(static_cast<int32_t>(in.Number()));
  if (in.Bool()) filter.created_to = kStart + milliseconds(static_cast<int32_t>(in.Number()));
  const size_t rows = 1 + in.Byte() % 4;
  for (size_t i = 0; i < rows; ++i) {
    StoredTransaction bad = Sample(Concat("bad ", i));
    bad.row.id = id + 1 + static_cast<int64_t>(i);
    InsertRow(bench, in, bad);
    InsertPart(bench, in, bad.row.id, *bad.parts.front().document);
  }
  InsertTopic(bench, in);
  // A second part would be damage to the healthy one itself.
  TROTH_CHECK(id == 1);
  Run(bench.strange_parts);

  TROTH_CHECK(LoadDue(bench, rows + 1).contains(id));
  (void)ListAll(bench, filter, rows + 1);
  TROTH_CHECK(ListAll(bench, {}, rows + 1).contains(id));
  TROTH_CHECK(ListAll(bench, {.status = TransactionStatus::kSubmitted}, rows + 1).contains(id));
  (void)ReadTopics(bench.connection());
  (void)ReadTopic(bench.connection(), "topic");
  Purge(bench, finished_before, tombstones_before, rows + 1);

  const StoredTransaction now = Load(bench, "healthy");
  TROTH_CHECK(now.parts.size() == 1 && *now.parts[0].document == *healthy.parts[0].document);
  TROTH_CHECK(FromStored(now).ok());
}

}  // namespace
}  // namespace troth::internal::sqlite

extern "C" {

int sqlite3_prepare_v3(sqlite3* db, const char* sql, int size, unsigned int flags,
                       sqlite3_stmt** statement, const char** tail) {
  using namespace troth::internal::sqlite;
  static auto* const prepare = InSqlite<decltype(sqlite3_prepare_v3)>("sqlite3_prepare_v3");
  *statement = size < 0 && tail == nullptr ? Kept().Take(sql) : nullptr;
  if (*statement != nullptr) return SQLITE_OK;
  return prepare(db, sql, size, flags, statement, tail);
}

int sqlite3_finalize(sqlite3_stmt* statement) {
  if (statement != nullptr) troth::internal::sqlite::Kept().Put(statement);
  return SQLITE_OK;
}

// Of the few texts without parameters and results that the store runs by it again and again.
int sqlite3_exec(sqlite3* db, const char* sql, int (*row)(void*, int, char**, char**), void* to,
                 char** message) {
  using namespace troth::internal::sqlite;
  static auto* const execute = InSqlite<decltype(sqlite3_exec)>("sqlite3_exec");
  const std::string_view text = sql;
  if (text != "BEGIN" && text != "COMMIT") return execute(db, sql, row, to, message);
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return code;
  code = sqlite3_step(statement);
  sqlite3_finalize(statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::sqlite::Check(troth::fuzz::Input(data, size));
  return 0;
}

}  // extern "C"
