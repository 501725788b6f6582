#include "checker.h"

#include <algorithm>

#include "checker_checks.h"

namespace troth::sim {
namespace {

using OfAll = void (*)(const Index&, Findings&);
using OfOne = void (*)(const Index&, const Trail&, Findings&);

struct Check {
  int invariant = 0;
  OfOne of_one = nullptr;  // called for each transaction
  OfAll of_all = nullptr;
};

constexpr Check kChecks[] = {
    {1, CheckAcknowledged},
    {1, nullptr, CheckImages},
    {2, CheckCallsAreAllowed},
    {3, CheckStatusEdges},
    {4, CheckOutcomesStay},
    {4, CheckRecords},
    {4, CheckWorkflowAnswers},
    {5, CheckActionsSucceeded},
    {6, CheckConfirmed},
    {7, CheckUndone},
    {7, CheckWorkflowEnds},
    {8, CheckPhaseTwo},
    {8, CheckChoices},
    {9, CheckNoActionLate},
    {9, CheckNoActionAfterFailure},
    {10, CheckOneCallInFlight},
    {11, CheckUndoingWaits},
    {12, CheckOrder},
    {13, CheckOnlyCalledIsUndone},
    {14, CheckReasons},
    {15, CheckMessages},
    {15, CheckSubscribers},
    {16, CheckCheckBacks},
    {16, CheckCallBacks},
    {17, CheckDelays},
    {18, CheckOneTransaction},
    {19, CheckRegistered},
    {20, CheckBytes},
    {21, CheckGaps},
    {21, CheckCallBackGaps},
    {22, CheckLimits},
    {22, CheckCallBackLimits},
    {23, CheckWaiting},
    {24, CheckEndsInTime},
    {25, CheckHostsApart},
    {26, CheckWaits},
    {26, nullptr, CheckTold},
    {27, CheckQueries},
    {27, nullptr, CheckLists},
    {28, CheckRepeatedAfterDoubt},
    {28, CheckRefusals},
    {29, CheckOrders},
    {29, nullptr, CheckOutbox},
    {30, nullptr, CheckOwners},
    {30, nullptr, CheckRestored},
    {31, nullptr, CheckClock},
    {32, CheckBalances},
    {32, CheckWorkflowBooks},
    {34, nullptr, CheckIdle},
    {36, CheckActsAreKept},
    {36, CheckActsWait},
};

// What branches see of a call.
std::string Seen(const Call& call) {
  std::string text = Concat(call.gid, " ", call.branch_id, "/", call.op, " ", call.url, " ",
                            call.payload, call.post ? " POST" : " GET");
  for (const Header& header : call.headers) text += Concat(" ", header.name, ":", header.value);
  for (const Arrival& arrival : call.arrivals) {
    text += Concat(" → ", arrival.verdict, " ", arrival.http_status);
  }
  return text;
}

std::string Text(const Stamp& stamp) {
  return Concat(stamp.seq, " at ", stamp.at.time_since_epoch().count(), " in life ", stamp.life);
}

std::string Text(const Call& call) {
  return Concat(Text(call.sent), " ", Seen(call), " ends ",
                call.ended ? Text(*call.ended) : "never", " as ", static_cast<int>(call.result));
}

std::string Text(const Stored& stored) {
  return Concat(Text(stored.when), " ", stored.row.gid, " kind ", static_cast<int>(stored.kind),
                " version ", stored.row.version, " ", StatusName(stored.row.status), " updated ",
                stored.row.updated.time_since_epoch().count());
}

std::string Text(const ApiCall& call) {
  return Concat(Text(call.began), " asked ", static_cast<int>(call.what), " of ", call.gid,
                " answered ", call.answered ? Text(*call.answered) : "never", ": ",
                call.status.ToString());
}

// The first record that is not the same in both.
template <class Records, class ToText>
void Compare(int invariant, const char* what, const Records& one, const Records& other,
             const ToText& text, std::vector<Violation>& out) {
  for (size_t i = 0; i < std::max(one.size(), other.size()); ++i) {
    const std::string mine = i < one.size() ? text(one[i]) : "nothing";
    const std::string theirs = i < other.size() ? text(other[i]) : "nothing";
    if (mine == theirs) continue;
    out.push_back({invariant, {}, Concat(what, " ", i, " is once ", mine, " and once ", theirs)});
    return;
  }
}

}  // namespace

std::vector<Violation> CheckLog(const Log& log) {
  const Index index(log);
  std::vector<Violation> out;
  for (const Check& check : kChecks) {
    Findings findings(check.invariant, out);
    if (check.of_all != nullptr) check.of_all(index, findings);
    if (check.of_one == nullptr) continue;
    for (const Trail& trail : index.trails()) check.of_one(index, trail, findings);
  }
  return out;
}

std::vector<Violation> CheckSameRun(const Log& one, const Log& other) {
  std::vector<Violation> out;
  const auto text = [](const auto& record) { return Text(record); };
  Compare(35, "call", one.calls, other.calls, text, out);
  Compare(35, "write", one.stored, other.stored, text, out);
  Compare(35, "answer", one.api, other.api, text, out);
  return out;
}

std::vector<Violation> CheckSameCalls(const Log& one, const Log& other) {
  std::vector<Violation> out;
  Compare(31, "call", one.calls, other.calls, Seen, out);
  return out;
}

}  // namespace troth::sim
