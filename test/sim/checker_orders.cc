// The application's own database against the store: an order is there exactly when its transaction
// is, whatever crashed in between (I29).
#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using internal::Decision;
using Kind = Stored::Kind;

Wanted::Order OrderOf(const Trail& trail) {
  return trail.wanted.empty() ? Wanted::Order::kNone : trail.wanted[0]->order;
}

const ShopRow& RowOf(const ShopImage& image, const std::string& gid) {
  static const ShopRow kNothing;
  const auto row = std::find_if(image.rows.begin(), image.rows.end(),
                                [&](const ShopRow& one) { return one.gid == gid; });
  return row == image.rows.end() ? kNothing : *row;
}

bool WasAsked(const Trail& trail, uint64_t before, const std::function<bool(const ApiCall&)>& is) {
  return std::any_of(trail.asked.begin(), trail.asked.end(),
                     [&](const ApiCall* call) { return call->began.seq < before && is(*call); });
}
bool WasAsked(const Trail& trail, uint64_t before, Ask what) {
  return WasAsked(trail, before, [&](const ApiCall& call) { return call.what == what; });
}

// Somebody submits the gid by another way, with a content of his own.
bool IsContested(const Trail& trail, uint64_t before) {
  return WasAsked(trail, before, Ask::kSubmit);
}

// It has been taken back although its sender's local transaction had committed, or may still do so.
bool IsTakenBack(const Trail& trail, uint64_t seq) {
  bool submitted = false;
  for (const Stored* row : trail.rows) {
    if (row->when.seq > seq) break;
    if (row->transaction == nullptr) continue;
    // Written or not: the next write holds the submit and what followed from it.
    if (row->transaction->outcome == Decision::kCommit) submitted = true;
    if (!IsCertain(*row)) continue;
    if (row->transaction->forced) return false;
    if (row->transaction->outcome != Decision::kRollback) continue;
    // What was submitted may be cancelled by a person before its first call.
    const bool cancelled = submitted && WasAsked(trail, row->when.seq, Ask::kCancel);
    return !cancelled && !WasAsked(trail, row->when.seq, Ask::kAbort);
  }
  return false;
}

// What is wrong about one commit of both; empty: nothing.
std::string WrongOfOneCommit(const Trail& trail, const ShopRow& row, bool held, uint64_t seq) {
  if (row.orders > 0) {
    if (row.refused) return IsContested(trail, seq) ? "" : "its outbox row is refused";
    return held || row.in_outbox ? "" : "there is an order, and no transaction";
  }
  if (row.in_outbox) return "its outbox row is there, and no order";
  return held && !IsContested(trail, seq) ? "there is a transaction, and no order" : "";
}

std::string WrongOfTwoPhases(const Trail& trail, const ShopRow& row, bool held, uint64_t seq) {
  if (row.in_outbox) return "it has a row in the outbox";
  if (row.orders > 0) {
    if (!held) return "there is an order, and no transaction";
    return IsTakenBack(trail, seq) ? "there is an order, and its message was taken back" : "";
  }
  const GlobalTransaction* t = trail.ValueAt(seq);
  const bool submitted = t != nullptr && t->outcome == Decision::kCommit;
  return submitted && !IsContested(trail, seq) ? "its message is submitted, and there is no order"
                                               : "";
}

// What left the house has its order in every later image.
bool HasLeft(const Trail& trail, uint64_t before) {
  return std::any_of(trail.calls.begin(), trail.calls.end(), [&](const Call* call) {
    return call->sent.seq < before && !IsCheckBack(call->op) && MayHaveArrived(*call);
  });
}

// A power loss may take back what SQLite has answered OK: of a commit at synchronous=NORMAL, and of
// one in a log that an earlier life could not sync. The frames before it are read from the cache
// of the operating system then, and no sync writes them again.
bool MayBeLostWithPower(const Log& log, const ApiCall& commit) {
  return !commit.synced ||
         std::any_of(log.faults.begin(), log.faults.end(), [&](const Fault& fault) {
           return fault.kind == Fault::Kind::kShop && fault.what.starts_with("sync") &&
                  fault.from.life < commit.began.life;
         });
}

// A local COMMIT that was answered OK, and that no power loss can have taken back. Of one that
// failed nothing is said: the order may be there, or come with the next opening, or not. What
// DoAndSubmit has answered OK is durable, however the application commits.
bool IsCommittedLocally(const Index& index, const Trail& trail, uint64_t before) {
  return WasAsked(trail, before, [&](const ApiCall& call) {
    if (!call.answered || call.answered->seq > before || !call.status.ok()) return false;
    if (call.what == Ask::kDoAndSubmit) return true;
    if (call.what != Ask::kCommitLocally) return false;
    const auto& faults = index.log().faults;
    return !MayBeLostWithPower(index.log(), call) ||
           std::none_of(faults.begin(), faults.end(), [&](const Fault& fault) {
             return fault.kind == Fault::Kind::kPowerLoss && fault.from.seq > call.began.seq &&
                    fault.from.seq < before;
           });
  });
}

void CheckShopImage(const Index& index, const Trail& trail, const ShopImage& image,
                    Findings& findings) {
  const uint64_t seq = image.when.seq;
  const ShopRow& row = RowOf(image, trail.gid);
  const Stored* then = trail.DurableAt(seq);
  const bool one_commit = OrderOf(trail) == Wanted::Order::kOneCommit;
  const std::string wrong = one_commit ? WrongOfOneCommit(trail, row, then != nullptr, seq)
                                       : WrongOfTwoPhases(trail, row, then != nullptr, seq);
  if (!wrong.empty()) findings.Add(trail, seq, wrong);
  if (row.orders > 1) findings.Add(trail, seq, Concat(row.orders, " orders were made"));
  if (row.orders > 0) return;
  if (HasLeft(trail, seq) && !IsContested(trail, seq)) {
    findings.Add(trail, seq, "was sent to branches, and its order is gone");
  }
  if (IsCommittedLocally(index, trail, seq)) {
    findings.Add(trail, seq, "its order was committed, and is gone");
  }
}

}  // namespace

void CheckOrders(const Index& index, const Trail& trail, Findings& findings) {
  if (OrderOf(trail) == Wanted::Order::kNone) return;
  // After its tombstone is gone nobody knows of it any more.
  const auto deleted = std::find_if(trail.rows.begin(), trail.rows.end(),
                                    [](const Stored* row) { return row->kind == Kind::kDeleted; });
  for (const ShopImage& image : index.log().shop) {
    if (deleted != trail.rows.end() && (*deleted)->when.seq < image.when.seq) break;
    CheckShopImage(index, trail, image, findings);
  }
}

bool IsToldAsRefused(const Health& health, const std::string& gid) {
  return std::any_of(health.outboxes.begin(), health.outboxes.end(), [&](const OutboxHealth& box) {
    return std::any_of(box.refused.begin(), box.refused.end(),
                       [&](const OutboxRefusal& refused) { return refused.gid == gid; });
  });
}

// When all is settled nothing waits in the outbox but what can't be adopted, which is told.
void CheckOutbox(const Index& index, Findings& findings) {
  const Log& log = index.log();
  if (log.shop.empty() || !log.end.settled) return;
  for (const ShopRow& row : log.shop.back().rows) {
    const Trail* trail = index.Find(row.gid);
    if (!row.in_outbox || trail == nullptr) continue;
    // A refused one may outlive the transaction that stood in its way, and that one's tombstone.
    // Its mark may be missing: the application was writing then, or its disk had trouble.
    const bool told = row.refused || IsToldAsRefused(log.end.health, row.gid);
    const bool refused = told && IsContested(*trail, UINT64_MAX);
    const bool held = trail->DurableAt(UINT64_MAX) != nullptr;
    if (!held && !refused)
      findings.Add(*trail, log.end.when.seq, "is in the outbox, and was not adopted");
  }
  for (const OutboxHealth& box : log.end.health.outboxes) {
    if (box.waiting > 0) {
      findings.Add(log.end.when.seq, Concat(box.waiting, " wait in the outbox: ", box.problem));
    }
    for (const OutboxRefusal& refused : box.refused) {
      const ShopRow& row = RowOf(log.shop.back(), refused.gid);
      if (!row.in_outbox) {
        findings.Add(log.end.when.seq, refused.gid + " is told as refused, and is not there");
      }
    }
  }
}

}  // namespace troth::sim
