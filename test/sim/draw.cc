// One seed becomes a scenario: options, troubles, what people do. Transactions are drawn in
// draw_transactions.cc.
#include "draw.h"

#include <algorithm>

#include "base/text.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;
using internal::Concat;

milliseconds Within(Dice& dice, milliseconds limit) {
  return milliseconds{dice.Between(0, limit.count())};
}

// How bad it is: half of the runs have fair weather in one respect or another.
uint32_t Percent(Dice& dice, uint32_t most) {
  if (dice.Chance(55)) return 0;
  return static_cast<uint32_t>(dice.Between(1, most));
}

Weather DrawWeather(Dice dice) {
  if (dice.Chance(25)) return {};
  Weather weather;
  weather.lost = Percent(dice, 30);
  weather.vanished = Percent(dice, 15);
  weather.refused = Percent(dice, 15);
  weather.slow = Percent(dice, 30);
  weather.doubled = Percent(dice, 30);
  weather.failing = Percent(dice, 30);
  weather.ongoing = Percent(dice, 30);
  weather.odd = Percent(dice, 20);
  return weather;
}

void DrawLimits(Dice dice, CoordinatorOptions& options) {
  Limits& limits = options.limits;
  if (dice.Chance(15)) limits.calls_per_host = static_cast<size_t>(dice.Between(1, 3));
  if (dice.Chance(10)) limits.calls = static_cast<size_t>(dice.Between(1, 5));
  if (dice.Chance(15)) limits.local_threads = static_cast<size_t>(dice.Between(1, 2));
  if (dice.Chance(12)) limits.live = static_cast<size_t>(dice.Between(1, 4));
  if (dice.Chance(5)) limits.steps = 6;
  if (dice.Chance(3)) limits.unwritten_bytes = 2'000;
}

void DrawTimes(Dice dice, Scenario& scenario) {
  CoordinatorOptions& options = scenario.options;
  scenario.chaos = dice.Of({1s, 1s, 5s, 30s, 150s, 1'200s, 10'000s});
  if (dice.Chance(15)) {
    options.retention = dice.Of({milliseconds{1}, milliseconds{5s}, milliseconds{3min}});
    // Longer than any client repeats itself: then a gid is free again.
    options.tombstone_retention = 24h;
  }
  if (dice.Chance(6)) options.barrier_retention = dice.Of<milliseconds>({2s, 1min, 30min});
  if (dice.Chance(20)) options.patience = dice.Of<milliseconds>({1ms, 20ms, 1s});
  if (dice.Chance(10)) options.alert_after = static_cast<int32_t>(dice.Between(1, 3));
  if (dice.Chance(10)) options.alert_url = "http://alerts/alert";
  scenario.facts.commit_time = dice.Of<milliseconds>({0ms, 1ms, 2ms, 2ms, 5ms, 20ms, 150ms});
  scenario.facts.call_time = dice.Of<milliseconds>({0ms, 1ms, 1ms, 3ms, 40ms});
}

void DrawHosts(Dice dice, Scenario& scenario) {
  scenario.hosts = static_cast<uint32_t>(dice.Between(1, 4));
  while (dice.Chance(25)) {
    HostTrouble trouble{.host = static_cast<uint32_t>(dice.Between(0, scenario.hosts - 1))};
    trouble.from = Within(dice, scenario.chaos);
    trouble.until = trouble.from + Within(dice, scenario.chaos);
    trouble.answers_503 = dice.Chance(30);
    trouble.vanishes = dice.Chance(30);
    scenario.hosts_down.push_back(trouble);
  }
}

void DrawStoreFaults(Dice dice, Scenario& scenario) {
  using enum StoreFault::Kind;
  if (dice.Chance(50)) return;
  do {
    StoreFault fault;
    fault.kind = dice.Of({kFails, kUnknown, kUnknown, kReads, kFull, kSlow});
    fault.from = Within(dice, scenario.chaos);
    fault.lasts = milliseconds{dice.Skewed(1, std::max<int64_t>(scenario.chaos.count() / 2, 1))};
    const bool unknown = fault.kind == kUnknown;
    fault.count = static_cast<size_t>(dice.Skewed(unknown ? 0 : 1, 6));
    fault.committed = dice.Chance(50);
    scenario.store_faults.push_back(fault);
  } while (scenario.store_faults.size() < 5 && dice.Chance(45));
}

LifeEnd DrawLifeEnd(Dice& dice, const Scenario& scenario) {
  LifeEnd end;
  end.close = dice.Chance(15);
  if (end.close || dice.Chance(25)) {
    end.after = Within(dice, scenario.chaos);
  } else {
    end.effects = static_cast<size_t>(dice.Skewed(1, 120));
  }
  end.power = !end.close && dice.Chance(30);
  if (scenario.shop.open && !end.close && dice.Chance(25)) {
    end.shop_changes = static_cast<uint64_t>(dice.Skewed(1, 120));
  }
  if (end.power && dice.Chance(70)) end.changes = static_cast<uint64_t>(dice.Skewed(1, 400));
  end.grace = dice.Of<milliseconds>({0ms, 3ms, 1s, 5s});
  end.down = dice.Of<milliseconds>({0ms, 0ms, 2ms, 500ms, 60s});
  if (dice.Chance(12)) {
    // Up to a day back the clock goes on from what is stored; behind that it starts anew (R23).
    constexpr milliseconds kYears = 24h * 1'000;
    end.wall = dice.Of<milliseconds>({500ms, 1h, 23h, 25h, 72h, 24h * 40, kYears});
    if (dice.Chance(50)) end.wall = -end.wall;
  }
  return end;
}

void DrawLives(Dice dice, Scenario& scenario) {
  if (dice.Chance(25)) return;
  do {
    scenario.life_ends.push_back(DrawLifeEnd(dice, scenario));
  } while (scenario.life_ends.size() < 12 && dice.Chance(60));
  // Several in a row, while it recovers.
  if (dice.Chance(15)) {
    for (size_t i = 0; i < 5; ++i) {
      scenario.life_ends.push_back({.effects = i + 1});
    }
  }
}

void DrawDeeds(Dice dice, Scenario& scenario) {
  using enum Deed;
  const std::vector<Deed> all = {kCancel,    kCancel,      kCancel,      kRetry, kRetry,   kEdit,
                                 kEdit,      kSkip,        kSkip,        kStop,  kAbort,   kAbort,
                                 kQuery,     kList,        kWait,        kWait,  kHealth,  kPause,
                                 kSubscribe, kUnsubscribe, kDeleteTopic, kKnock, kTakeOver};
  if (dice.Chance(30)) return;
  while (scenario.deeds.size() < 12 && dice.Chance(70)) {
    PlannedDeed deed{.deed = dice.Of(all)};
    const bool stops = deed.deed == kStop || deed.deed == kSkip || deed.deed == kTakeOver;
    if (stops && dice.Chance(50)) continue;  // what they leave in doubt can't be checked so well
    deed.at = Within(dice, scenario.chaos);
    deed.transaction = static_cast<size_t>(
        dice.Between(0, static_cast<int64_t>(scenario.transactions.size()) - 1));
    // The second phase of a session is short, most of all of an xa: to meet it takes many.
    const Mode mode = scenario.transactions[deed.transaction].mode();
    const bool session = mode == Mode::kTcc || mode == Mode::kXa;
    if (session && dice.Chance(25)) deed.deed = dice.Of({kStop, kStop, kSkip, kSkip, kSkip});
    // Most of what is done is done soon after the beginning, while something is under way.
    const bool soon = dice.Chance(60);
    if (soon) {
      deed.at =
          scenario.transactions[deed.transaction].begins + milliseconds{dice.Skewed(0, 5'000)};
    }
    deed.branch = static_cast<size_t>(dice.Between(0, 11));
    deed.lasts = milliseconds{dice.Skewed(1, 10'000)};
    deed.leave_in_doubt = dice.Chance(session ? 80 : 50);
    deed.topic = Concat("t", dice.Between(0, 2));
    deed.url = ToString({.host = static_cast<int>(dice.Between(0, scenario.hosts - 1)),
                         .account = Concat("a", dice.Between(0, 5)),
                         .amount = dice.Between(1, 9),
                         .flags = "b",
                         .op = "action"});
    scenario.deeds.push_back(std::move(deed));
  }
}

void DrawLocals(Dice dice, Scenario& scenario) {
  for (int i = 1; i <= 3; ++i) {
    if (dice.Chance(10)) scenario.late_locals.push_back(Concat("l", i));
  }
  scenario.locals_at = Within(dice, scenario.chaos);
}

}  // namespace

std::string SubscriberOf(const std::string& topic) {
  return ToString({.host = 0, .account = "a0", .amount = 3, .flags = "b", .op = topic});
}

CallOptions DrawCallOptions(Dice& dice, uint32_t percent) {
  CallOptions options;
  if (!dice.Chance(percent)) return options;
  RetryPolicy& retry = options.retry;
  if (dice.Chance(70)) {
    retry.first = milliseconds{dice.Skewed(1, 20'000)};
    retry.cap = *retry.first * dice.Of({1, 1, 4, 50});
  }
  if (dice.Chance(30)) retry.factor = dice.Of({1.0, 1.5, 3.0});
  if (dice.Chance(30)) retry.jitter = dice.Chance(70);
  if (dice.Chance(35))
    retry.limit = dice.Chance(20) ? kNoLimit : static_cast<int32_t>(dice.Skewed(0, 5));
  if (dice.Chance(20)) retry.give_up_after = milliseconds{dice.Skewed(1, 40'000)};
  if (dice.Chance(25)) retry.park_after = static_cast<int32_t>(dice.Skewed(0, 4));
  if (dice.Chance(30)) options.request_timeout = milliseconds{dice.Skewed(5, 10'000)};
  return options;
}

WantedPolicy Effective(const CallOptions& coordinator, const CallOptions& transaction,
                       const CallOptions& step) {
  const auto over = [](const auto& third, const auto& second, const auto& first, auto built_in) {
    return first ? *first : second ? *second : third ? *third : built_in;
  };
  const RetryPolicy& c = coordinator.retry;
  const RetryPolicy& t = transaction.retry;
  const RetryPolicy& s = step.retry;
  return {.first = over(c.first, t.first, s.first, milliseconds{10'000}),
          .factor = over(c.factor, t.factor, s.factor, 2.0),
          .cap = over(c.cap, t.cap, s.cap, milliseconds{600'000}),
          .jitter = over(c.jitter, t.jitter, s.jitter, false),
          .limit = over(c.limit, t.limit, s.limit, kNoLimit),
          .give_up_after = over(c.give_up_after, t.give_up_after, s.give_up_after, kNoTimeLimit),
          .park_after = over(c.park_after, t.park_after, s.park_after, kNoLimit),
          .request_timeout = over(coordinator.request_timeout, transaction.request_timeout,
                                  step.request_timeout, milliseconds{3'000})};
}

std::string ToString(const BranchUrl& url) {
  const std::string path =
      Concat(url.account, "/", url.amount, "/", url.flags.empty() ? "-" : url.flags, "/", url.op);
  if (url.host < 0) return Concat("local:l", -url.host, "?", path);
  return Concat("http://bank-", url.host, "/", path);
}

BranchUrl ParseBranchUrl(std::string_view url) {
  BranchUrl parsed;
  const bool local = url.starts_with("local:l");
  url.remove_prefix(local ? 7 : std::string_view("http://bank-").size());
  const size_t host_ends = url.find_first_of("/?");
  parsed.host = static_cast<int>(*internal::ParseInt(url.substr(0, host_ends)));
  if (local) parsed.host = -parsed.host;
  url.remove_prefix(host_ends + 1);
  const auto next = [&] {
    const size_t ends = std::min(url.find_first_of("/?"), url.size());
    const std::string part(url.substr(0, ends));
    url.remove_prefix(std::min(ends + 1, url.size()));
    return part;
  };
  parsed.account = next();
  parsed.amount = *internal::ParseInt(next());
  parsed.flags = next();
  parsed.op = next();
  return parsed;
}

Scenario Draw(uint64_t seed) {
  Dice dice(seed * 0x2545F4914F6CDD1Du + 1);
  Scenario scenario;
  scenario.facts.seed = seed;
  scenario.sqlite = dice.Chance(80);
  scenario.options.store = ":memory:";
  DrawTimes(dice.Fork(), scenario);
  DrawLimits(dice.Fork(), scenario.options);
  DrawHosts(dice.Fork(), scenario);
  scenario.weather = DrawWeather(dice.Fork());
  DrawStoreFaults(dice.Fork(), scenario);
  DrawShop(dice.Fork(), scenario);
  DrawLives(dice.Fork(), scenario);
  DrawLocals(dice.Fork(), scenario);
  Dice options = dice.Fork();
  scenario.options.defaults = DrawCallOptions(options, 50);
  scenario.topics = {"t0", "t1"};
  Dice backup = dice.Fork();
  if (backup.Chance(4)) scenario.backup = Within(backup, scenario.chaos);
  DrawTransactions(dice.Fork(), scenario);
  DrawDeeds(dice.Fork(), scenario);
  DrawWorkflows(seed, scenario);
  DrawSyncsOfShop(seed, scenario);
  Facts& facts = scenario.facts;
  facts.limits = scenario.options.limits;
  facts.patience = scenario.options.patience;
  facts.retention = scenario.options.retention;
  facts.tombstone_retention = scenario.options.tombstone_retention;
  facts.barrier_retention = scenario.options.barrier_retention;
  facts.unloaded = facts.limits.calls_per_host >= 256 && facts.limits.calls >= 1024 &&
                   facts.limits.local_threads >= 64 && facts.limits.live >= 1'000 &&
                   scenario.transactions.size() <= 12;
  return scenario;
}

}  // namespace troth::sim
