#include "gateway/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace troth::internal {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Metrics {
 public:
  // Further values go to the metric that was begun last.
  void Counter(std::string name, std::string help) {
    families_.push_back({"troth_" + name, std::move(help), MetricType::Counter, {}});
  }
  void Gauge(std::string name, std::string help) {
    families_.push_back({"troth_" + name, std::move(help), MetricType::Gauge, {}});
  }
  Metrics& Value(uint64_t value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    metric.gauge.value = static_cast<double>(value);
    families_.back().metric.push_back(std::move(metric));
    return *this;
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

void AddModes(const Statistics& s, Metrics& out) {
  const std::pair<Mode, const ModeStatistics&> modes[] = {{Mode::kSaga, s.saga},
                                                          {Mode::kTcc, s.tcc},
                                                          {Mode::kXa, s.xa},
                                                          {Mode::kMessage, s.message},
                                                          {Mode::kWorkflow, s.workflow}};
  const auto add = [&](std::string name, std::string help, uint64_t ModeStatistics::*count) {
    out.Counter(std::move(name), std::move(help));
    for (const auto& [mode, counts] : modes) {
      out.Value(counts.*count, {{"mode", std::string(ModeName(mode))}});
    }
  };
  add("transactions_accepted_total", "Transactions stored for the first time",
      &ModeStatistics::accepted);
  add("transactions_succeeded_total", "Transactions that have ended as succeed",
      &ModeStatistics::succeeded);
  add("transactions_failed_total", "Transactions that have ended as failed, forced ones included",
      &ModeStatistics::failed);
  add("transactions_forced_total", "Transactions that a person has stopped",
      &ModeStatistics::forced);
}

void AddCalls(const Statistics& s, Metrics& out) {
  out.Counter("calls_total", "Calls of branches that have ended, by what they told");
  out.Value(s.calls_succeeded, {{"result", "success"}})
      .Value(s.calls_failed, {{"result", "failure"}})
      .Value(s.calls_ongoing, {{"result", "ongoing"}})
      .Value(s.calls_unknown, {{"result", "unknown"}})
      .Value(s.calls_not_sent, {{"result", "not sent"}});
  out.Counter("call_retries_total", "Calls begun of operations that had been called before");
  out.Value(s.retries);
  out.Counter("alerts_total", "Branches worth an alert");
  out.Value(s.alerts);
  out.Counter("alerts_lost_total", "Alerts whose POST found no success");
  out.Value(s.alerts_lost);
}

void AddStore(const Statistics& s, const Health& health, Metrics& out) {
  out.Counter("store_commits_total", "Batches committed");
  out.Value(s.commits);
  out.Counter("store_writes_total", "Transactions written in these");
  out.Value(s.writes);
  out.Counter("store_commits_refused_total", "Batches that the store refused");
  out.Value(s.commits_refused);
  out.Counter("store_troubles_total", "Times that the store could not say, or could not commit");
  out.Value(s.store_troubles);
  out.Gauge("store_ok", "Whether the store can commit");
  out.Value(health.store_problem.empty() ? 1 : 0);
}

void AddPresent(const Statistics& s, const Health& health, Metrics& out) {
  out.Gauge("info", "The library's version, as a label");
  out.Value(1, {{"version", std::string(Version())}});
  out.Gauge("up", "Whether the coordinator is open, and owns its store");
  out.Value(health.open && health.owner ? 1 : 0);
  out.Gauge("paused", "Whether new calls are held back");
  out.Value(health.paused ? 1 : 0);
  out.Gauge("transactions_live", "Transactions in memory");
  out.Value(s.live);
  out.Gauge("transactions_parked", "Transactions that wait for a person");
  out.Value(s.parked);
  out.Gauge("calls_in_flight", "Calls of branches under way");
  out.Value(s.in_flight);
  size_t down = 0;
  size_t waiting = 0;
  for (const HostHealth& host : health.hosts) {
    down += host.down ? 1 : 0;
    waiting += host.waiting;
  }
  out.Gauge("hosts_down", "Hosts that give no HTTP answer");
  out.Value(down);
  out.Gauge("transactions_waiting_for_hosts", "Transactions that wait for room at a host");
  out.Value(waiting);
  size_t refused = 0;
  for (const OutboxHealth& outbox : health.outboxes) refused += outbox.refused.size();
  out.Gauge("outbox_rows_refused", "Rows of outboxes that a person must settle");
  out.Value(refused);
  out.Counter("notices_dropped_total", "Notices that a callback was too slow for");
  out.Value(s.notices_dropped);
}

}  // namespace

void AnswerCounter::Count(int status) {
  const auto found = std::find(kStatuses.begin(), kStatuses.end(), status);
  const auto index = found == kStatuses.end() ? kStatuses.size() - 1
                                              : static_cast<size_t>(found - kStatuses.begin());
  counts_[index].fetch_add(1, std::memory_order_relaxed);
}

std::string MetricsText(const Statistics& statistics, const Health& health,
                        const AnswerCounter& answers) {
  Metrics out;
  AddPresent(statistics, health, out);
  AddModes(statistics, out);
  AddCalls(statistics, out);
  AddStore(statistics, health, out);
  out.Counter("gateway_answers_total", "Answers of the gateway, by HTTP status");
  for (size_t i = 0; i < AnswerCounter::kStatuses.size(); ++i) {
    out.Value(answers.Of(i), {{"status", std::to_string(AnswerCounter::kStatuses[i])}});
  }
  return out.Text();
}

}  // namespace troth::internal
