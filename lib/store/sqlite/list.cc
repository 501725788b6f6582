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
// the insert; the bisection leaves this much room for them, and no more rows than half of a page
// may examine.
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
  Lister(Connection& connection, size_t examined_max)
      : connection_(connection), examined_max_(examined_max) {}
  Result<IdRange> RangeOf(const RowFilter& filter, int64_t before);
  Result<RowPage> Read(const RowFilter& filter, IdRange range, size_t max);

 private:
  // So that a page gets behind what stands there because of the slack alone.
  int64_t slack_rows() const { return static_cast<int64_t>(examined_max_ / 2); }
  Status Narrow(const RowFilter& filter, IdRange& range);
  Result<int64_t> FirstCreatedAt(Time time, IdRange range);

  Connection& connection_;
  const size_t examined_max_;
  Statement created_from_;
};

// Of a row that the statement stands at, before anything of it is copied: most do not match. The
// columns are those of TROTH_ROW_COLUMNS.
bool Matches(const Statement& select, const RowFilter& filter) {
  const auto status = static_cast<TransactionStatus>(select.Int(3));
  return (!filter.status || status == *filter.status) && (!filter.unended || !HasEnded(status)) &&
         (!filter.mode || select.Int(2) == static_cast<int64_t>(*filter.mode)) &&
         (!filter.created_from || TimeOf(select.Int(5)) >= *filter.created_from) &&
         (!filter.created_to || TimeOf(select.Int(5)) < *filter.created_to) &&
         (!filter.parked || select.Int(8) != static_cast<int64_t>(ReasonCode::kNone));
}

const char* QueryFor(const RowFilter& filter) {
  if (filter.parked) return kListParked;
  if (filter.status && *filter.status != TransactionStatus::kSucceed) return kListByStatus;
  if (filter.unended) return kListUnended;
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
  if (Status status = Narrow(filter, range); !status.ok()) return status;
  return range;
}

Status Lister::Narrow(const RowFilter& filter, IdRange& range) {
  const IdRange all = range;
  if (filter.created_to) {
    Result<int64_t> id = FirstCreatedAt(*filter.created_to, all);
    if (!id.ok()) return id.status();
    Result<int64_t> later = FirstCreatedAt(Later(*filter.created_to), all);
    if (!later.ok()) return later.status();
    range.before = std::min(*later, *id + slack_rows());
  }
  if (filter.created_from) {
    Result<int64_t> id = FirstCreatedAt(*filter.created_from, all);
    if (!id.ok()) return id.status();
    Result<int64_t> earlier = FirstCreatedAt(Earlier(*filter.created_from), all);
    if (!earlier.ok()) return earlier.status();
    range.from = std::max(*earlier, *id - slack_rows());
  }
  return Status();
}

Result<RowPage> Lister::Read(const RowFilter& filter, IdRange range, size_t max) {
  RowPage page;
  Statement select;
  const char* query = QueryFor(filter);
  if (Status status = connection_.Prepare(query, select); !status.ok()) return status;
  select.Bind(1, range.from).Bind(2, range.before);
  if (query == kListByStatus) select.Bind(3, static_cast<int64_t>(*filter.status));
  int64_t last = 0;
  for (size_t examined = 0; examined < examined_max_ && page.rows.size() < max; ++examined) {
    const int code = select.Step();
    if (code == SQLITE_DONE) return page;
    if (code != SQLITE_ROW) return connection_.Error(code, "list");
    last = select.Int(0);
    if (Matches(select, filter)) page.rows.push_back(RowFrom(select));
  }
  page.next_before = last > range.from ? last : 0;
  return page;
}

}  // namespace

Result<RowPage> ListRows(Connection& connection, const RowFilter& filter, int64_t before,
                         size_t max, size_t examined_max) {
  const ReadTransaction transaction(connection);
  Lister lister(connection, examined_max);
  Result<IdRange> range = lister.RangeOf(filter, before);
  if (!range.ok()) return range.status();
  if (range->from >= range->before || max == 0) return RowPage();
  return lister.Read(filter, *range, max);
}

}  // namespace troth::internal::sqlite
