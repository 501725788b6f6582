#include "transaction.h"

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "model/stored.h"

namespace troth::fuzz {
namespace {

using internal::Branch;
using internal::BranchState;
using internal::Edit;
using internal::GlobalTransaction;
using internal::Part;
using internal::Step;
using internal::StoredTransaction;

Time TakeTime(Input& in) { return Time(std::chrono::milliseconds(in.Signed())); }

std::shared_ptr<const std::string> Document(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

bool SameReason(const Reason& a, const Reason& b) {
  const auto all = [](const Reason& r) {
    return std::tie(r.code, r.branch_id, r.op, r.http_status, r.text, r.attempt, r.author, r.at);
  };
  return all(a) == all(b);
}

bool SameReasons(const std::vector<Reason>& a, const std::vector<Reason>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), SameReason);
}

bool SameCancel(const std::optional<Reason>& a, const std::optional<Reason>& b) {
  return a.has_value() == b.has_value() && (!a || SameReason(*a, *b));
}

bool SameHistory(const HistoryRecord& a, const HistoryRecord& b) {
  return std::tie(a.at, a.author, a.what, a.reason) == std::tie(b.at, b.author, b.what, b.reason);
}

bool SameBranch(const Branch& a, const Branch& b) {
  const auto look = [](const Branch& x) { return std::tie(x.step, x.op, x.state, x.started); };
  if (look(a) != look(b) || !SameReasons(a.failures, b.failures)) return false;
  const auto single = [](const Branch& x) {
    return x.state == BranchState::kDone && x.calls <= 1 && x.failures.empty();
  };
  if (single(a) || single(b)) return single(a) && single(b);
  const auto detail = [](const Branch& x) {
    return std::tie(x.calls, x.unknowns, x.interval, x.first_call, x.next);
  };
  return detail(a) == detail(b);
}

using Edits = std::map<uint16_t, std::shared_ptr<const Edit>>;
bool SameEdit(const Edits::value_type& a, const Edits::value_type& b) {
  const auto all = [](const Edit& e) { return std::tie(e.branch, e.url, e.payload, e.headers); };
  return a.first == b.first && all(*a.second) == all(*b.second);
}

template <class Value>
bool SameValue(const std::shared_ptr<const Value>& a, const std::shared_ptr<const Value>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

template <class List, class Equal>
bool SameList(const List& a, const List& b, const Equal& equal) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace

StoredTransaction ReadStored(Input& in) {
  StoredTransaction stored;
  stored.row.id = 1;
  stored.row.created = TakeTime(in);
  stored.row.updated = TakeTime(in);
  if (in.Bool()) stored.row.finished = TakeTime(in);
  stored.row.mode = static_cast<Mode>(in.Byte());
  stored.row.status = static_cast<TransactionStatus>(in.Byte());
  stored.row.version = in.Number();
  for (size_t left = in.Byte() % 16; left > 0; --left) {
    const auto number = static_cast<uint16_t>(in.Number());
    stored.parts.push_back({number, Document(in.Piece())});
  }
  stored.state = in.Rest();
  return stored;
}

void WriteStored(Output& out, const StoredTransaction& stored) {
  out.Signed(stored.row.created.time_since_epoch().count());
  out.Signed(stored.row.updated.time_since_epoch().count());
  out.Byte(stored.row.finished ? 1 : 0);
  if (stored.row.finished) out.Signed(stored.row.finished->time_since_epoch().count());
  out.Byte(static_cast<uint8_t>(stored.row.mode)).Byte(static_cast<uint8_t>(stored.row.status));
  out.Number(stored.row.version).Byte(static_cast<uint8_t>(stored.parts.size()));
  for (const Part& part : stored.parts) out.Number(part.number).Piece(*part.document);
  out.Rest(stored.state);
}

StoredTransaction StoredOf(const GlobalTransaction& t) {
  StoredTransaction stored{.row = RowOf(t), .state = EncodeState(t), .parts = {}};
  stored.parts.push_back({0, Document(EncodeDefinition(*t.definition))});
  for (size_t i = 0; i < t.registered.size(); ++i) {
    stored.parts.push_back({t.registered_parts[i], Document(EncodeStep(*t.registered[i]))});
  }
  for (size_t i = 0; i < t.progress.size(); ++i) {
    stored.parts.push_back({t.registered_parts[i], Document(EncodeProgress(*t.progress[i]))});
  }
  if (t.result_part != 0) {
    stored.parts.push_back({t.result_part, Document(internal::EncodeResult(*t.result))});
  }
  for (const auto& [branch, part] : t.edit_parts) {
    stored.parts.push_back({part, Document(EncodeEdit(*t.edits.at(branch)))});
  }
  return stored;
}

bool Same(const GlobalTransaction& a, const GlobalTransaction& b) {
  const auto plain = [](const GlobalTransaction& t) {
    return std::tie(t.id, t.gid, *t.definition, t.digest, t.version, t.created, t.updated,
                    t.finished, t.deadline, t.start, t.first_action, t.phase, t.outcome, t.forced,
                    t.restored, t.in_doubt, t.registered_parts, t.result_part, t.edit_parts,
                    t.parts, t.unknown_fields, t.durable_phase, t.durable_outcome);
  };
  return plain(a) == plain(b) && SameReason(a.reason, b.reason) &&
         SameCancel(a.cancel_asked, b.cancel_asked) &&
         SameList(a.history, b.history, SameHistory) &&
         SameList(a.registered, b.registered, SameValue<Step>) &&
         SameList(a.progress, b.progress, SameValue<internal::Progress>) &&
         SameValue(a.result, b.result) && SameList(a.branches, b.branches, SameBranch) &&
         SameList(a.edits, b.edits, SameEdit);
}

}  // namespace troth::fuzz
