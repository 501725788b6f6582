#include "audit.h"

#include <algorithm>

using troth::Mode;
using troth::TransactionRecord;
using troth::TransactionStatus;

namespace {

// What a branch's journal must say, by mode and end, and what must not even have been called.
struct Rule {
  Mode mode;
  std::set<std::string> succeeded;  // at every branch
  std::set<std::string> undone;     // where something had been done, and the transaction failed
  std::string not_when_succeeded;
  std::string not_when_failed;
};

const Rule& RuleOf(Mode mode) {
  static const std::vector<Rule>& rules = *new std::vector<Rule>{
      {Mode::kSaga, {"action"}, {"action", "compensate"}, "compensate", ""},
      {Mode::kTcc, {"try", "confirm"}, {"try", "cancel"}, "cancel", "confirm"},
      {Mode::kXa, {"commit"}, {}, "rollback", "commit"},
      {Mode::kMessage, {"action"}, {}, "", "action"},
  };
  return *std::find_if(rules.begin(), rules.end(),
                       [&](const Rule& rule) { return rule.mode == mode; });
}

bool Succeeded(const TransactionRecord& record) {
  return record.status == TransactionStatus::kSucceed;
}

// The application ends its gids so.
std::string KindOf(const std::string& gid) { return gid.substr(gid.rfind('-') + 1); }

bool PaysFromTill(const std::string& kind) { return kind == "prepared" || kind == "do"; }

// The branches at banks.
std::set<std::string> BranchIdsOf(const TransactionRecord& record) {
  std::set<std::string> ids;
  for (const troth::BranchRecord& branch : record.branches) {
    if (branch.op != "msg" && !branch.url.empty()) ids.insert(branch.branch_id);
  }
  return ids;
}

}  // namespace

void Audit::Run(Checks& checks) const {
  checks.Count("the books are sound", books_.sound, "each balance is the sum of its journal");
  checks.Count("no money was made or lost", books_.available == 0,
               "sum of all balances: " + std::to_string(books_.available));
  checks.Count("nothing is left frozen or prepared", books_.frozen == 0 && books_.prepared == 0,
               "frozen: " + std::to_string(books_.frozen) +
                   ", prepared: " + std::to_string(books_.prepared));
  checks.All("every acknowledged transaction is in the store", said_.accepted(),
             [&](const std::string& gid) { return store_.contains(gid); });
  checks.All("every transaction at a bank is in the store", books_.branches,
             [&](const auto& entry) { return store_.contains(entry.first); });
  checks.All("every line in the till has its transaction", books_.till,
             [&](const auto& entry) { return TillLineHasTransaction(entry.first); });
  checks.All("every transaction has its line in the till, or none, as it must", store_,
             [&](const auto& entry) { return HasItsTillLine(entry.second); });
  checks.All("every transaction has ended, none is parked or forced", store_,
             [](const auto& entry) {
               return entry.second.finished && entry.second.parked == troth::ReasonCode::kNone &&
                      !entry.second.forced;
             });
  checks.All("succeed is each effect once at each branch, failed is none", store_,
             [&](const auto& entry) { return HasRightEffects(entry.second); });
  checks.All("each transaction only moves money", store_,
             [&](const auto& entry) { return MovesNoMoney(entry.second); });
  checks.All("no branch was called for the other end", store_,
             [&](const auto& entry) { return HasOnePhaseTwo(entry.second); });
  const size_t registered = RegisteredThemselves();
  checks.Count("XA branches registered themselves again", registered != 0,
               std::to_string(registered) + " were told success");
  checks.All("every failure has its reason, and no success has", store_, [](const auto& entry) {
    return Succeeded(entry.second) == (entry.second.reason.code == troth::ReasonCode::kNone);
  });
  const auto as_told = [&](const auto& told) { return EndedOnlyAs(told.first, told.second); };
  checks.All("every transaction ended as was promised", said_.promised(), as_told);
  checks.All("no end that was told has changed", said_.ended(), as_told);
}

bool Audit::HasRightEffects(const TransactionRecord& record) const {
  const Rule& rule = RuleOf(record.mode);
  std::set<std::string> ids;
  for (const auto& [branch_id, branch] : books_.BranchesOf(record.gid)) {
    if (branch.done.empty()) continue;
    const bool right = Succeeded(record) ? branch.HasDone(rule.succeeded) && branch.frozen == 0
                                         : branch.HasDone(rule.undone) && branch.available == 0 &&
                                               branch.frozen == 0;
    if (!right) return false;
    ids.insert(branch_id);
  }
  return !Succeeded(record) || ids == BranchIdsOf(record);
}

bool Audit::HasOnePhaseTwo(const TransactionRecord& record) const {
  const Rule& rule = RuleOf(record.mode);
  const auto& forbidden = Succeeded(record) ? rule.not_when_succeeded : rule.not_when_failed;
  const auto& branches = books_.BranchesOf(record.gid);
  return std::none_of(branches.begin(), branches.end(),
                      [&](const auto& branch) { return branch.second.called.contains(forbidden); });
}

bool Audit::MovesNoMoney(const TransactionRecord& record) const {
  const auto line = books_.till.find(record.gid);
  long long sum = line == books_.till.end() ? 0 : line->second;
  for (const auto& [branch_id, branch] : books_.BranchesOf(record.gid)) sum += branch.available;
  return sum == 0;
}

size_t Audit::RegisteredThemselves() const {
  size_t count = 0;
  for (const auto& [gid, branches] : books_.branches) {
    for (const auto& [branch_id, branch] : branches) count += branch.called.count("register");
  }
  return count;
}

// What pays from the till succeeds if, and only if, the till has paid; what was submitted in one
// commit is there if, and only if, its line is.
bool Audit::HasItsTillLine(const TransactionRecord& record) const {
  const std::string kind = KindOf(record.gid);
  const bool wanted = kind == "outbox" || (PaysFromTill(kind) && Succeeded(record));
  return wanted == books_.till.contains(record.gid);
}

bool Audit::TillLineHasTransaction(const std::string& gid) const {
  const auto found = store_.find(gid);
  if (found == store_.end()) return false;
  return KindOf(gid) == "outbox" || Succeeded(found->second);
}

bool Audit::EndedOnlyAs(const std::string& gid, const std::set<std::string>& statuses) const {
  const auto found = store_.find(gid);
  return statuses.size() == 1 && found != store_.end() &&
         *statuses.begin() == troth::StatusName(found->second.status);
}

void Audit::PrintFigures() const {
  struct Figures {
    size_t accepted = 0, stored = 0, succeeded = 0, failed = 0, undone = 0;
  };
  std::map<std::string, Figures> kinds;
  for (const std::string& gid : said_.accepted()) ++kinds[KindOf(gid)].accepted;
  for (const auto& [gid, record] : store_) {
    Figures& kind = kinds[KindOf(gid)];
    ++kind.stored;
    ++(Succeeded(record) ? kind.succeeded : kind.failed);
    const auto& branches = books_.BranchesOf(gid);
    kind.undone += !Succeeded(record) &&
                   std::any_of(branches.begin(), branches.end(),
                               [](const auto& branch) { return !branch.second.done.empty(); });
  }
  std::printf("kind      acknowledged  stored  succeeded  failed  (with effects to undo)\n");
  for (const auto& [name, kind] : kinds) {
    std::printf("%-9s %12zu %7zu %10zu %7zu  (%zu)\n", name.c_str(), kind.accepted, kind.stored,
                kind.succeeded, kind.failed, kind.undone);
  }
}
