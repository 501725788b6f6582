#include "store/sqlite/load.h"

#include <sqlite3.h>

#include <limits>

#include "store/sqlite/queries.h"
#include "store/sqlite/row.h"

namespace troth::internal::sqlite {

Result<std::optional<StoredTransaction>> LoadByGid(Reader& reader, std::string_view gid) {
  // Row and parts of one moment: between two, the purge might turn the row into a tombstone.
  const ReadTransaction transaction(*reader.connection);
  const StatementUse use(reader.whole_by_gid);
  int code = reader.whole_by_gid.BindText(1, gid).Step();
  if (code == SQLITE_DONE) return std::optional<StoredTransaction>();
  if (code != SQLITE_ROW) return reader.connection->Error(code, "read a transaction");
  if (!HasSchemaTypes(reader.whole_by_gid)) {
    return reader.connection->Error(SQLITE_CORRUPT, "read a transaction");
  }
  StoredTransaction stored;
  stored.row = RowFrom(reader.whole_by_gid);
  stored.state = reader.whole_by_gid.Bytes(kStateColumn);
  code = ReadParts(reader.parts, stored.row.id, stored.parts);
  if (code != SQLITE_OK) return reader.connection->Error(code, "read a transaction's parts");
  return std::optional<StoredTransaction>(std::move(stored));
}

Status DueLoader::Prepare(Connection& connection) {
  connection_ = &connection;
  const std::pair<const char*, Statement*> all[] = {{kDueTogether, &together_},
                                                    {kDueAfter, &after_},
                                                    {kNextDue, &next_},
                                                    {kSelectWholeById, &whole_by_id_},
                                                    {kSelectParts, &parts_}};
  for (const auto& [sql, statement] : all) {
    if (Status status = connection.Prepare(sql, *statement); !status.ok()) return status;
  }
  return Status();
}

Status DueLoader::Collect(Statement& statement, size_t max, std::vector<DuePosition>& positions) {
  const StatementUse use(statement);
  int code = SQLITE_ROW;
  while (positions.size() < max && (code = statement.Step()) == SQLITE_ROW) {
    positions.push_back({.due = TimeOf(statement.Int(0)), .id = statement.Int(1)});
  }
  return code == SQLITE_ROW || code == SQLITE_DONE ? Status()
                                                   : connection_->Error(code, "read what is due");
}

// A row on a damaged page comes back with its id and due time alone, so that the rest goes on
// (R24). Any other error may pass, so nothing is skipped for it.
Result<StoredTransaction> DueLoader::Fetch(const DuePosition& position) {
  const StatementUse use(whole_by_id_);
  StoredTransaction stored;
  int code = whole_by_id_.Bind(1, position.id).Step();
  if (code == SQLITE_ROW && !HasSchemaTypes(whole_by_id_)) code = SQLITE_CORRUPT;
  if (code == SQLITE_ROW) {
    stored.row = RowFrom(whole_by_id_);
    stored.state = whole_by_id_.Bytes(kStateColumn);
    code = ReadParts(parts_, position.id, stored.parts);
    if (code == SQLITE_OK) return stored;
    stored.state.clear();
    stored.parts.clear();
  }
  const bool passes = code != SQLITE_DONE && (code & 0xFF) != SQLITE_CORRUPT;
  if (passes) return connection_->Error(code, "read what is due");
  stored.row.id = position.id;
  stored.row.due = position.due;
  return stored;
}

Result<DuePage> DueLoader::Load(std::optional<DuePosition> after, Time until, size_t max) {
  std::vector<DuePosition> positions;
  const size_t wanted = max + 1;  // one more tells whether there is more
  const auto limit = static_cast<int64_t>(wanted);
  if (after && after->due <= until) {
    together_.Bind(1, MillisecondsOf(after->due)).Bind(2, after->id).Bind(3, limit);
    if (Status status = Collect(together_, wanted, positions); !status.ok()) return status;
  }
  const int64_t from = after ? MillisecondsOf(after->due) : std::numeric_limits<int64_t>::min();
  after_.Bind(1, from).Bind(2, MillisecondsOf(until)).Bind(3, limit);
  if (Status status = Collect(after_, wanted, positions); !status.ok()) return status;

  DuePage page;
  page.more = positions.size() > max;
  if (page.more) positions.pop_back();
  page.transactions.reserve(positions.size());
  for (const DuePosition& position : positions) {
    Result<StoredTransaction> stored = Fetch(position);
    if (!stored.ok()) return stored.status();
    page.transactions.push_back(*std::move(stored));
  }
  if (page.more) return page;

  const StatementUse use(next_);
  const int code = next_.Bind(1, MillisecondsOf(until)).Step();
  if (code == SQLITE_ROW) page.next_due = TimeOf(next_.Int(0));
  if (code != SQLITE_ROW && code != SQLITE_DONE)
    return connection_->Error(code, "read what is due");
  return page;
}

}  // namespace troth::internal::sqlite
