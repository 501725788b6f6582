// What a caller of List() may give: a position, a limit and a filter.
//
// Properties: it is answered, or refused with kInvalidArgument. Pages that follow each other's
// positions end, and show rows in order, each at most once; without a position they show all that
// the filter lets through.
#include <cstdlib>
#include <set>

#include "base/check.h"
#include "base/text.h"
#include "input.h"
#include "troth/coordinator.h"
#include "troth/saga.h"

namespace troth {
namespace {

constexpr size_t kRows = 30;

std::string GidOf(size_t row) { return internal::Concat("row ", row); }

// Nothing is ever called, and nothing waits for its function, so all stay as they are.
Coordinator& Opened() {
  static Coordinator& coordinator = *[] {
    auto opened = Coordinator::Open({.store = ":memory:"});
    TROTH_CHECK(opened.ok());
    const auto nothing = [](const BranchContext&, std::string_view, std::stop_token) {
      return BranchResult::Success();
    };
    TROTH_CHECK(opened->RegisterLocal({.name = "nothing", .function = nothing}).ok());
    TROTH_CHECK(opened->Pause().ok());
    for (size_t row = 0; row < kRows; ++row) {
      Saga saga{.gid = GidOf(row)};
      saga.Add({.action = "local:nothing"});
      TROTH_CHECK(opened->Submit(saga).ok());
    }
    return new Coordinator(*std::move(opened));
  }();
  return coordinator;
}

ListFilter TakeFilter(fuzz::Input& in) {
  const auto time = [&] { return Time(std::chrono::milliseconds(in.Signed())); };
  ListFilter filter;
  const uint8_t what = in.Byte();
  if ((what & 1) != 0) filter.status = static_cast<TransactionStatus>(in.Byte());
  if ((what & 2) != 0) filter.mode = static_cast<Mode>(in.Byte());
  if ((what & 4) != 0) filter.created_from = time();
  if ((what & 8) != 0) filter.created_to = time();
  filter.parked = (what & 16) != 0;
  return filter;
}

bool LetsThrough(const ListFilter& filter, const TransactionSummary& row) {
  return (!filter.status || row.status == *filter.status) &&
         (!filter.mode || row.mode == *filter.mode) &&
         (!filter.created_from || row.created >= *filter.created_from) &&
         (!filter.created_to || row.created < *filter.created_to) &&
         (!filter.parked || row.parked != ReasonCode::kNone);
}

size_t CountAll(const ListFilter& filter) {
  static const ListPage& all = *new ListPage(*Opened().List({}, kRows));
  size_t count = 0;
  for (const TransactionSummary& row : all.transactions) count += LetsThrough(filter, row) ? 1 : 0;
  return count;
}

void Check(fuzz::Input in) {
  const ListFilter filter = TakeFilter(in);
  const size_t limit = in.Number();
  const std::string given = in.Rest();
  std::string position = given;
  std::set<std::string> seen;
  size_t pages = 0;
  do {
    const auto page = Opened().List(filter, limit, position);
    if (!page.ok()) {
      TROTH_CHECK(page.status().code() == StatusCode::kInvalidArgument);
      TROTH_CHECK(pages == 0);
      return;
    }
    TROTH_CHECK(++pages <= kRows + 1);
    TROTH_CHECK(page->transactions.size() <= limit);
    for (const TransactionSummary& row : page->transactions) {
      TROTH_CHECK(LetsThrough(filter, row) && seen.insert(row.gid).second);
    }
    position = page->next_position;
  } while (!position.empty());
  if (given.empty()) TROTH_CHECK(seen.size() == CountAll(filter));
}

}  // namespace
}  // namespace troth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::Check(troth::fuzz::Input(data, size));
  return 0;
}
