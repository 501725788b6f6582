#include "records.h"

#include <sqlite3.h>

#include <algorithm>

namespace {

struct Sums {
  long long available = 0;
  long long frozen = 0;
  friend bool operator==(const Sums&, const Sums&) = default;
};

class Reader {
 public:
  explicit Reader(const std::string& path)
      : readable_(sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr) ==
                  SQLITE_OK) {}
  ~Reader() { sqlite3_close(db_); }

  template <class OnRow>
  void Read(const char* sql, OnRow on_row) {
    sqlite3_stmt* statement = nullptr;
    int result = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
      result = sqlite3_step(statement);
      if (result == SQLITE_ROW) on_row(statement);
    }
    sqlite3_finalize(statement);
    readable_ = readable_ && result == SQLITE_DONE;
  }

  bool readable() const { return readable_; }

 private:
  sqlite3* db_ = nullptr;
  bool readable_;
};

std::string Text(sqlite3_stmt* row, int column) {
  return reinterpret_cast<const char*>(sqlite3_column_text(row, column));
}

// Calls `on_line` with each line of the journal and its amounts, and sums up.
template <class OnLine>
void ReadJournal(Reader& reader, Books& books, OnLine on_line) {
  Sums balance;
  Sums journal;
  reader.Read("SELECT available, frozen FROM balance", [&](sqlite3_stmt* row) {
    balance = {sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1)};
  });
  reader.Read("SELECT gid, branch_id, op, available, frozen FROM journal", [&](sqlite3_stmt* row) {
    const Sums line{sqlite3_column_int64(row, 3), sqlite3_column_int64(row, 4)};
    journal.available += line.available;
    journal.frozen += line.frozen;
    on_line(row, line);
  });
  books.available += balance.available;
  books.frozen += balance.frozen;
  books.sound = books.sound && reader.readable() && balance == journal;
}

}  // namespace

bool Branch::HasDone(const std::set<std::string>& operations) const {
  return done.size() == operations.size() &&
         std::all_of(done.begin(), done.end(), [&](const auto& operation) {
           return operation.second == 1 && operations.contains(operation.first);
         });
}

const std::map<std::string, Branch>& Books::BranchesOf(const std::string& gid) const {
  static const std::map<std::string, Branch>& none = *new std::map<std::string, Branch>;
  const auto found = branches.find(gid);
  return found != branches.end() ? found->second : none;
}

void ReadBank(const std::string& path, Books& books) {
  Reader reader(path);
  reader.Read("SELECT gid, branch_id, op FROM called", [&](sqlite3_stmt* row) {
    books.branches[Text(row, 0)][Text(row, 1)].called.insert(Text(row, 2));
  });
  reader.Read("SELECT count(*) FROM prepared WHERE amount IS NOT NULL", [&](sqlite3_stmt* row) {
    books.prepared += static_cast<size_t>(sqlite3_column_int64(row, 0));
  });
  ReadJournal(reader, books, [&](sqlite3_stmt* row, const Sums& line) {
    Branch& branch = books.branches[Text(row, 0)][Text(row, 1)];
    ++branch.done[Text(row, 2)];
    branch.available += line.available;
    branch.frozen += line.frozen;
  });
}

void ReadTill(const std::string& path, Books& books) {
  Reader reader(path);
  ReadJournal(reader, books, [&](sqlite3_stmt* row, const Sums& line) {
    const bool first = books.till.emplace(Text(row, 0), line.available).second;
    books.sound = books.sound && first;  // a transaction has one line
  });
}

troth::Result<Store> ReadStore(const std::string& path) {
  auto coordinator = troth::Coordinator::Open({.store = path, .read_only = true});
  if (!coordinator.ok()) return coordinator.status();
  Store store;
  std::string position;
  do {
    const auto page = coordinator->List({}, 1000, position);
    if (!page.ok()) return page.status();
    for (const troth::TransactionSummary& summary : page->transactions) {
      auto record = coordinator->Query(summary.gid);
      if (!record.ok()) return record.status();
      store.emplace(summary.gid, *std::move(record));
    }
    position = page->next_position;
  } while (!position.empty());
  return store;
}
