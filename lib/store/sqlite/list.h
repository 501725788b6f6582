// Pages of rows for a person: newest first, by an index or over a bounded number of rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/store.h"
#include "store/sqlite/connection.h"

namespace troth::internal::sqlite {

// Looks at no more than `examined_max` rows; the page says where to go on.
Result<RowPage> ListRows(Connection& connection, const RowFilter& filter, int64_t before,
                         size_t max, size_t examined_max);

}  // namespace troth::internal::sqlite
