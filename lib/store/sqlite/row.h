// Rows of troth_transaction and troth_part, from and to statements.
#pragma once

#include <string_view>
#include <vector>

#include "model/store.h"
#include "store/sqlite/statement.h"

namespace troth::internal::sqlite {

// From the columns TROTH_ROW_COLUMNS.
TransactionRow RowFrom(const Statement& select);
inline constexpr int kStateColumn = 11;  // after them
// Whether all of a whole row's columns have the types that the schema gives them. SQLite lets no
// others in, but does not look when it reads a damaged page.
bool HasSchemaTypes(const Statement& select);

void BindInsert(Statement& insert, const TransactionRow& row, std::string_view state);
void BindUpdate(Statement& update, const TransactionRow& row, std::string_view state);

// All parts of a transaction, by number; a SQLite code.
int ReadParts(Statement& select_parts, int64_t id, std::vector<Part>& parts);

}  // namespace troth::internal::sqlite
