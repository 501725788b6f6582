#include "store/sqlite/row.h"

#include <sqlite3.h>

#include <memory>
#include <string>

#include "store/sqlite/schema.h"

namespace troth::internal::sqlite {

// Taken as it stands: whether a row can be true is judged by whoever knows what it means.
TransactionRow RowFrom(const Statement& select) {
  TransactionRow row;
  row.id = select.Int(0);
  row.gid = select.Bytes(1);
  row.mode = static_cast<Mode>(select.Int(2));
  row.status = static_cast<TransactionStatus>(select.Int(3));
  row.due = select.OptionalTime(4);
  row.created = TimeOf(select.Int(5));
  row.updated = TimeOf(select.Int(6));
  row.finished = select.OptionalTime(7);
  row.parked = static_cast<ReasonCode>(select.Int(8));
  row.version = static_cast<uint64_t>(select.Int(9));
  row.digest = select.Bytes(10);
  return row;
}

bool HasSchemaTypes(const Statement& select) {
  for (const int column : {0, 2, 3, 5, 6, 8, 9}) {
    if (!select.IsInt(column)) return false;
  }
  for (const int column : {4, 7}) {
    if (!select.IsInt(column) && !select.IsNull(column)) return false;
  }
  return select.IsText(1) && select.IsBlob(10) && select.IsBlob(kStateColumn);
}

void BindInsert(Statement& insert, const TransactionRow& row, std::string_view state) {
  insert.BindText(1, row.gid)
      .Bind(2, static_cast<int64_t>(row.mode))
      .Bind(3, static_cast<int64_t>(row.status))
      .Bind(4, row.due)
      .Bind(5, MillisecondsOf(row.created))
      .Bind(6, MillisecondsOf(row.updated))
      .Bind(7, row.finished)
      .Bind(8, static_cast<int64_t>(row.parked))
      .Bind(9, static_cast<int64_t>(row.version))
      .BindBlob(10, row.digest)
      .BindBlob(11, state);
}

void BindUpdate(Statement& update, const TransactionRow& row, std::string_view state) {
  update.Bind(1, row.id)
      .Bind(2, static_cast<int64_t>(row.status))
      .Bind(3, row.due)
      .Bind(4, MillisecondsOf(row.updated))
      .Bind(5, row.finished)
      .Bind(6, static_cast<int64_t>(row.parked))
      .Bind(7, static_cast<int64_t>(row.version))
      .BindBlob(8, state)
      .Bind(9, static_cast<int64_t>(row.version) - 1);
}

int ReadParts(Statement& select_parts, int64_t id, std::vector<Part>& parts) {
  if (!IsRowId(id)) return SQLITE_CORRUPT;
  const StatementUse use(select_parts);
  select_parts.Bind(1, PartKey(id, 0)).Bind(2, PartKey(id, 0xFFFF));
  int code = SQLITE_ROW;
  while ((code = select_parts.Step()) == SQLITE_ROW) {
    Part part;
    part.number = static_cast<uint16_t>(select_parts.Int(0) & 0xFFFF);
    part.document = std::make_shared<const std::string>(select_parts.Bytes(1));
    parts.push_back(std::move(part));
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

}  // namespace troth::internal::sqlite
