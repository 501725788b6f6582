// What only reads: from the store, on the caller's thread. The engine is not asked, so it is not
// held up.
#include <mutex>
#include <utility>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "model/stored.h"

namespace troth {

using internal::Concat;

namespace {

constexpr size_t kListMax = 1'000;

TransactionSummary SummaryOf(const internal::TransactionRow& row) {
  return {.gid = row.gid,
          .mode = row.mode,
          .status = row.status,
          .created = row.created,
          .updated = row.updated,
          .finished = row.finished,
          .due = row.due,
          .parked = row.parked};
}

TransactionRecord RecordOf(const internal::TransactionRow& row,
                           const internal::GlobalTransaction* t) {
  TransactionRecord record = t != nullptr ? internal::ToRecord(*t) : TransactionRecord{};
  static_cast<TransactionSummary&>(record) = SummaryOf(row);
  record.purged = t == nullptr;
  return record;
}

}  // namespace

Result<TransactionRecord> Coordinator::Impl::Query(std::string_view gid) const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  const auto stored = backends_.store->Load(gid);
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    return Status(StatusCode::kNotFound, Concat("no transaction with gid ", gid));
  }
  const internal::StoredTransaction& found = **stored;
  if (found.parts.empty() && found.row.finished) return RecordOf(found.row, nullptr);
  const auto t = internal::FromStored(found);
  if (!t.ok()) return t.status();
  return RecordOf(found.row, t->get());
}

Result<ListPage> Coordinator::Impl::List(const ListFilter& filter, size_t limit,
                                         std::string_view position) const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  if (limit < 1 || limit > kListMax) {
    return Status(StatusCode::kInvalidArgument,
                  Concat("limit: ", limit, " is not 1 to ", kListMax));
  }
  const std::optional<int64_t> before = position.empty() ? 0 : internal::ParseInt(position);
  if (!before || *before < 0) {
    return Status(StatusCode::kInvalidArgument,
                  "position: not one that List() has answered as next_position");
  }
  const auto page = backends_.store->List({.status = filter.status,
                                           .mode = filter.mode,
                                           .created_from = filter.created_from,
                                           .created_to = filter.created_to,
                                           .parked = filter.parked,
                                           .unended = filter.unended},
                                          *before, limit);
  if (!page.ok()) return page.status();
  ListPage list;
  for (const internal::TransactionRow& row : page->rows) {
    list.transactions.push_back(SummaryOf(row));
  }
  if (page->next_before > 0) list.next_position = std::to_string(page->next_before);
  return list;
}

Status Coordinator::Impl::Backup(const std::string& path) const {
  const Result<Reading> reading = Read();
  if (!reading.ok()) return reading.status();
  if (path.empty()) return {StatusCode::kInvalidArgument, "path: empty"};
  return backends_.store->Backup(path);
}

// The engine's counters, and what only the store can count.
Statistics Coordinator::Impl::GetStatistics() {
  Statistics statistics;
  if (backends_.driver != nullptr && Writable().ok()) {
    const auto call = std::make_shared<internal::PendingCall>();
    const auto counted = std::make_shared<Statistics>();
    backends_.driver->Post(internal::ControlRequest{
        .kind = internal::ControlRequest::Kind::kStatistics,
        .name = {},
        .done = [reply = std::make_shared<internal::Reply>(call)](
                    const Health&) { (*reply)(internal::Answer{}); },
        .statistics = [counted](const Statistics& now) { *counted = now; }});
    backends_.driver->Await(*call, std::nullopt);
    if (call->Take().status.ok()) statistics = *counted;
  }
  const Result<Reading> reading = Read();
  if (!reading.ok()) return statistics;
  const Result<size_t> parked = backends_.store->CountParked();
  if (parked.ok()) statistics.parked = *parked;
  return statistics;
}

Health Coordinator::Impl::GetHealth() {
  Health health;
  if (backends_.driver == nullptr) {
    health.open = Usable().ok();
    health.owner = false;
  } else if (Control(internal::ControlRequest::Kind::kHealth, {}, &health).ok()) {
    health.clock_offset = backends_.driver->ClockOffset();
  } else {
    health.open = false;
    return health;
  }
  if (outboxes_ != nullptr) health.outboxes = outboxes_->GetHealth();
  const Result<Reading> reading = Read();
  if (health.open && health.store_problem.empty() && reading.ok()) {
    health.store_problem = backends_.store->Problem();
  }
  return health;
}

}  // namespace troth
