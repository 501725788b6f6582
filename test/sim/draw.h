// What the parts of a scenario are drawn with.
#pragma once

#include <string>
#include <string_view>

#include "scenario.h"

namespace troth::sim {

// Policies at one level, some of their fields set; and what applies in the end.
CallOptions DrawCallOptions(Dice& dice, uint32_t percent);
WantedPolicy Effective(const CallOptions& coordinator, const CallOptions& transaction,
                       const CallOptions& step);

// A branch's URL says all that the branch needs to know: "http://bank-1/a2/7/b/action" adds 7 to
// account a2. Flags: b it has a barrier, r it refuses what may be refused, j it joins the
// transaction with branches of its own.
struct BranchUrl {
  int host = 0;  // -1, -2, …: the local functions l1, l2, …
  std::string account;
  int64_t amount = 0;
  std::string flags;
  std::string op;
};
std::string ToString(const BranchUrl& url);
BranchUrl ParseBranchUrl(std::string_view url);
inline constexpr std::string_view kCheckBackPath = "/ask";
inline constexpr std::string_view kCallBackPath = "/resume";

// The transactions, with what their clients do.
void DrawTransactions(Dice dice, Scenario& scenario);
// The application's own database, where there is one, and what goes wrong on its disk.
void DrawShop(Dice dice, Scenario& scenario);
// Its syncs that fail, and what comes with them. Has dice of its own, so that a seed without them
// is what it always was.
void DrawSyncsOfShop(uint64_t seed, Scenario& scenario);
// The workflows among them, if there are any, and what befalls their application. Has dice of its
// own, so that a seed without workflows is what it always was.
void DrawWorkflows(uint64_t seed, Scenario& scenario);

}  // namespace troth::sim
