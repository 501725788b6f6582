#include "record_text.h"

#include <optional>
#include <sstream>

namespace troth::sim {
namespace {

template <class T>
int Number(T value) {
  return static_cast<int>(value);
}

std::string TextOf(const std::optional<Time>& time) {
  return time ? std::to_string(time->time_since_epoch().count()) : "-";
}

std::string TextOf(const Reason& reason) {
  return reason.ToString() + " by " + reason.author + " at " + TextOf(std::optional(reason.at));
}

std::string TextOf(const BranchRecord& branch) {
  std::ostringstream out;
  out << "\n  " << branch.branch_id << "/" << branch.op << " " << branch.url << " "
      << Number(branch.status) << (branch.may_have_run ? " may have run" : "") << " attempts "
      << branch.attempts << " first " << TextOf(branch.first_call) << " next "
      << TextOf(branch.next_call) << " payload " << branch.payload;
  if (branch.first_failure) out << "\n    first: " << TextOf(*branch.first_failure);
  for (const Reason& failure : branch.newest_failures) out << "\n    " << TextOf(failure);
  return out.str();
}

template <class T>
std::string Joined(const std::vector<T>& all) {
  std::string text;
  for (const T& one : all) text += " " + one;
  return text;
}

}  // namespace

std::string TextOf(const Status& status) { return status.ToString(); }

std::string TextOf(const TransactionSummary& summary) {
  std::ostringstream out;
  out << summary.gid << " mode " << Number(summary.mode) << " status " << Number(summary.status)
      << " created " << TextOf(std::optional(summary.created)) << " updated "
      << TextOf(std::optional(summary.updated)) << " finished " << TextOf(summary.finished)
      << " due " << TextOf(summary.due) << " parked " << Number(summary.parked);
  return out.str();
}

std::string TextOf(const TransactionRecord& record) {
  std::ostringstream out;
  out << TextOf(static_cast<const TransactionSummary&>(record))
      << (record.concurrent ? " concurrent" : "") << " deadline " << TextOf(record.deadline)
      << " reason " << TextOf(record.reason) << (record.forced ? " forced" : "") << " in doubt"
      << Joined(record.in_doubt) << (record.purged ? " purged" : "") << " asks "
      << record.query_prepared;
  for (const BranchRecord& branch : record.branches) out << TextOf(branch);
  for (const HistoryRecord& act : record.history) {
    out << "\n  " << TextOf(std::optional(act.at)) << " " << act.author << ": " << act.what << ", "
        << act.reason;
  }
  return out.str();
}

std::string TextOf(const Outcome& outcome) {
  std::ostringstream out;
  out << outcome.gid << " " << Number(outcome.status) << " " << TextOf(outcome.reason)
      << (outcome.forced ? " forced" : "") << " in doubt" << Joined(outcome.in_doubt) << " skipped"
      << Joined(outcome.skipped);
  for (const BranchRecord& branch : outcome.branches) out << TextOf(branch);
  return out.str();
}

std::string TextOf(const Topic& topic) {
  std::ostringstream out;
  out << topic.name << " version " << topic.version;
  for (const Subscriber& one : topic.subscribers)
    out << " " << one.url << " (" << one.remark << ")";
  return out.str();
}

std::string TextOf(const Statistics& s) {
  std::ostringstream out;
  out << "calls " << s.calls_succeeded << " " << s.calls_failed << " " << s.calls_ongoing << " "
      << s.calls_unknown << " " << s.calls_not_sent << " retries " << s.retries << " alerts "
      << s.alerts << " commits " << s.commits << " " << s.writes << " " << s.commits_refused
      << " live " << s.live << " in flight " << s.in_flight << " parked " << s.parked;
  return out.str();
}

std::string TextOf(const testing::RecordedCall& call) {
  std::ostringstream out;
  out << TextOf(std::optional(call.at)) << " " << call.url << " " << call.context.gid << " "
      << call.context.branch_id << "/" << call.context.op << " " << call.payload << " "
      << call.result << " " << TextOf(call.ended);
  return out.str();
}

}  // namespace troth::sim
