// The query of a call, as a branch service reads it.
//
// Property: it is kInvalidArgument, or a context within its bounds; and the query that a
// coordinator would send for that context gives an equal one.
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "model/url.h"

namespace troth::internal {
namespace {

// As servers do it: the first parameter of that name, decoded.
std::optional<std::string> Find(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t mark = std::min(pair.find('='), pair.size());
    if (PercentDecoded(pair.substr(0, mark)) == name) {
      return PercentDecoded(pair.substr(std::min(mark + 1, pair.size())));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

Result<BranchContext> Read(std::string_view query) {
  return BranchContext::FromQuery([&](std::string_view name) { return Find(query, name); });
}

bool Same(const BranchContext& a, const BranchContext& b) {
  return a.gid == b.gid && a.trans_type == b.trans_type && a.branch_id == b.branch_id &&
         a.op == b.op && a.coordinator == b.coordinator && a.phase2_url == b.phase2_url;
}

void Check(std::string_view query) {
  const auto context = Read(query);
  if (!context.ok()) {
    TROTH_CHECK(context.status().code() == StatusCode::kInvalidArgument);
    return;
  }
  for (const std::string* name :
       {&context->gid, &context->trans_type, &context->branch_id, &context->op}) {
    TROTH_CHECK(!name->empty() && name->size() <= 128 && !HasControlBytes(*name));
  }
  for (const std::string* url : {&context->coordinator, &context->phase2_url}) {
    TROTH_CHECK(url->size() <= 4096 && !HasControlBytes(*url));
  }
  const std::string sent = WithCallQuery("http://branch.example/path", *context);
  const auto again = Read(std::string_view(sent).substr(sent.find('?') + 1));
  TROTH_CHECK(again.ok());
  TROTH_CHECK(Same(*context, *again));
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
