#include "store/sqlite/list.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "store/sqlite/queries.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/row.h"
#include "store/sqlite/schema.h"

namespace troth::internal::sqlite {
namespace {

// `created` grows with the id but for what threads do to each other between drawing the time and
// the insert; the bisection leaves this much room for them.
constexpr std::chrono::minutes kCreatedSlack{1};

// Whoever wants no bound may have given the ends of the clock.
Time Later(Time time) {
  return time > Time::max() - kCreatedSlack ? Time::max() : time + kCreatedSlack;
}
Time Earlier(Time time) {
  return time < Time::min() + kCreatedSlack ? Time::min() : time - kCreatedSlack;
}

struct IdRange {
  int64_t from = 0;
  int64_t before = 0;  // exclusive
};

class Lister {
 public:
  explicit Lister(Connection& connection) : connection_(connection) {}
  Result<IdRange> RangeOf(const RowFilter& filter, int64_t before);
  Result<RowPage> Read(const RowFilter& filter, IdRange range, size_t max, size_t examined_max);

 private:
  Result<int64_t> FirstCreatedAt(Time time, IdRange range);

  Connection& connection_;
  Statement created_from_;
};

bool Matches(const TransactionRow& row, const RowFilter& filter) {
  return (!filter.status || row.status == *filter.status) &&
         (!filter.mode || row.mode == *filter.mode) &&
         (!filter.created_from || row.created >= *filter.created_from) &&
         (!filter.created_to || row.created < *filter.created_to) &&
         (!filter.parked || row.parked != ReasonCode::kNone);
}

const char* QueryFor(const RowFilter& filter) {
  if (filter.parked) return kListParked;
  if (filter.status && *filter.status != TransactionStatus::kSucceed) return kListByStatus;
  return kListById;
}

// The lowest id in the range that was created at `time` or later; range.before if none was. A
// binary search: some ids in between have no row, then the next one that has stands for them.
Result<int64_t> Lister::FirstCreatedAt(Time time, IdRange range) {
  int64_t low = range.from;
  int64_t high = range.before;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const StatementUse use(created_from_);
    const int code = created_from_.Bind(1, middle).Step();
    if (code != SQLITE_ROW && code != SQLITE_DONE) return connection_.Error(code, "list");
    if (code == SQLITE_DONE || created_from_.Int(0) >= high ||
        TimeOf(created_from_.Int(1)) >= time) {
      high = middle;
    } else {
      low = created_from_.Int(0) + 1;
    }
  }
  return low;
}

Result<IdRange> Lister::RangeOf(const RowFilter& filter, int64_t before) {
  Result<int64_t> lowest = connection_.QueryInt(kLowestId);
  if (!lowest.ok()) return lowest.status();
  Result<int64_t> highest = connection_.QueryInt(kHighestId);
  if (!highest.ok()) return highest.status();
  if (Status status = connection_.Prepare(kCreatedFrom, created_from_); !status.ok()) return status;
  IdRange range{.from = std::max<int64_t>(*lowest, 1), .before = std::min(*highest, kIdMax) + 1};
  if (before > 0) range.before = std::min(range.before, before);
  if (filter.created_to) {
    Result<int64_t> id = FirstCreatedAt(Later(*filter.created_to), range);
    if (!id.ok()) return id.status();
    range.before = *id;
  }
  if (filter.created_from) {
    Result<int64_t> id = FirstCreatedAt(Earlier(*filter.created_from), range);
    if (!id.ok()) return id.status();
    range.from = *id;
  }
  return range;
}

Result<RowPage> Lister::Read(const RowFilter& filter, IdRange range, size_t max,
                             size_t examined_max) {
  RowPage page;
  Statement select;
  const char* query = QueryFor(filter);
  if (Status status = connection_.Prepare(query, select); !status.ok()) return status;
  select.Bind(1, range.from).Bind(2, range.before);
  if (query == kListByStatus) select.Bind(3, static_cast<int64_t>(*filter.status));
  int64_t last = 0;
  for (size_t examined = 0; examined < examined_max && page.rows.size() < max; ++examined) {
    const int code = select.Step();
    if (code == SQLITE_DONE) return page;
    if (code != SQLITE_ROW) return connection_.Error(code, "list");
    last = select.Int(0);
    TransactionRow row = RowFrom(select);
    if (Matches(row, filter)) page.rows.push_back(std::move(row));
  }
  page.next_before = last > range.from ? last : 0;
  return page;
}

}  // namespace

Result<RowPage> ListRows(Connection& connection, const RowFilter& filter, int64_t before,
                         size_t max, size_t examined_max) {
  const ReadTransaction transaction(connection);
  Lister lister(connection);
  Result<IdRange> range = lister.RangeOf(filter, before);
  if (!range.ok()) return range.status();
  if (range->from >= range->before || max == 0) return RowPage();
  return lister.Read(filter, *range, max, examined_max);
}

}  // namespace troth::internal::sqlite
