// One random sequence of calls through two coordinators, one on the store in memory, one on
// SQLite's on a simulated disk, in the same virtual time: the same answers, the same calls of
// branches, the same records after every step, through crashes, closes and purges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/text.h"
#include "disk.h"
#include "ordeal.h"
#include "record_text.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth::sim {
namespace {

using internal::Concat;
using testing::World;
using testing::WorldOptions;
using namespace std::chrono_literals;

constexpr int kSteps = 120;
constexpr uint64_t kSeeds = 60;
constexpr int kHosts = 4;

// What a branch answers depends on the seed, its URL, and which call of it this is.
uint64_t Mix(uint64_t seed, std::string_view text, uint64_t n) {
  uint64_t hash = 14695981039346656037u ^ seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  testing::SeededRandom random(hash + n);
  return random.Next();
}

WorldOptions Options(uint64_t seed) {
  WorldOptions options;
  options.seed = seed;
  options.commit_time = 1ms;
  options.coordinator.retention = 20s;
  options.coordinator.tombstone_retention = 60s;
  options.coordinator.defaults.retry = {.first = 100ms, .cap = 2s, .jitter = true, .park_after = 5};
  return options;
}

class Pair {
 public:
  explicit Pair(uint64_t seed)
      : seed_(seed),
        draw_(seed),
        disk_(seed),
        stores_(disk_),
        memory_(Options(seed)),
        sqlite_(Options(seed), stores_) {
    REQUIRE(sqlite_.Reopen().ok());
    for (World* world : {&memory_, &sqlite_}) Serve(*world);
  }

  void Step();
  void CompareAll();

 private:
  uint64_t Draw(uint64_t bound) { return draw_.Next() % bound; }
  // One of the last ones, which have something left to do.
  std::string OldGid() {
    if (gids_.empty()) return "none";
    return gids_[gids_.size() - 1 - Draw(std::min<uint64_t>(gids_.size(), 6))];
  }
  std::string NextGid() {
    if (!gids_.empty() && Draw(8) == 0) return OldGid();
    gids_.push_back(Concat("gid-", gids_.size() + 1));
    return gids_.back();
  }
  std::string Url(std::string_view path) { return Concat("http://h", Draw(kHosts), "/", path); }
  std::chrono::milliseconds Pause() { return std::chrono::milliseconds(Draw(4'000)); }

  void Serve(World& world);
  // The same on both; they must say the same.
  void Both(const std::string& what, const std::function<std::string(World&)>& act);

  void SubmitSaga();
  void SendMessage();
  template <class Session, class SessionOptions, class Branch>
  void RunSession(const Branch& branch);
  void ActOnOne();
  void ChangeTopics();
  void Read();
  void Restart();

  const uint64_t seed_;
  testing::SeededRandom draw_;
  Disk disk_;
  DiskStores stores_;
  World memory_;
  World sqlite_;
  std::vector<std::string> gids_;
  size_t compared_ = 0;  // of the calls
};

void Pair::Serve(World& world) {
  for (int host = 0; host < kHosts; ++host) {
    for (const char* path : {"do", "undo", "try", "confirm", "cancel", "xa", "query", "news"}) {
      const std::string url = Concat("http://h", host, "/", path);
      const bool may_fail = std::string_view(path) == "do" || std::string_view(path) == "try" ||
                            std::string_view(path) == "query" || std::string_view(path) == "xa";
      world.Branch(url).Do(
          [this, url, may_fail, n = uint64_t{0}](const BranchContext&, std::string_view) mutable {
            const uint64_t draw = Mix(seed_, url, ++n) % 20;
            if (draw == 0 && may_fail) return BranchResult::Failure("no");
            if (draw <= 2) return BranchResult::Ongoing();
            if (draw <= 5 + seed_ % 10) return BranchResult::Unknown("trouble");
            return BranchResult::Success();
          });
    }
  }
}

void Pair::Both(const std::string& what, const std::function<std::string(World&)>& act) {
  CAPTURE(what);
  const std::string memory = act(memory_);
  const std::string sqlite = act(sqlite_);
  REQUIRE(memory == sqlite);
}

void Pair::Step() {
  switch (Draw(12)) {
    case 0:
    case 1:
      SubmitSaga();
      break;
    case 2:
    case 3:
      SendMessage();
      break;
    case 4:
      RunSession<Tcc, TccOptions>(TccBranch{.try_url = Url("try"),
                                            .confirm_url = Url("confirm"),
                                            .cancel_url = Url("cancel"),
                                            .payload = "{}"});
      break;
    case 5:
      RunSession<Xa, XaOptions>(XaBranch{.url = Url("xa"), .payload = "{}"});
      break;
    case 6:
    case 7:
      ActOnOne();
      break;
    case 8:
      ChangeTopics();
      break;
    case 9:
      Read();
      break;
    case 10:
      if (Draw(3) == 0) return Restart();
      [[fallthrough]];
    default: {
      const auto pause = Draw(6) == 0 ? 30s + Pause() : Pause();
      Both("advance", [&](World& world) {
        world.Advance(pause);
        return std::string();
      });
    }
  }
  CompareAll();
}

void Pair::SubmitSaga() {
  Saga saga;
  saga.gid = NextGid();
  for (uint64_t i = 1 + Draw(4); i > 0; --i) {
    saga.Add({.action = Url("do"), .compensate = Url("undo"), .payload = "{}"});
  }
  saga.concurrent = Draw(3) == 0;
  if (Draw(4) == 0) saga.timeout_to_fail = Pause() + 1ms;
  const bool wait = Draw(3) == 0;
  Both("submit " + saga.gid, [&](World& world) {
    const auto accepted = world.coordinator().Submit(saga);
    std::string text = TextOf(accepted.status()) + (accepted.ok() && accepted->repeated ? "+" : "");
    if (wait) text += TextOf(world.coordinator().Wait(saga.gid, 1s));
    return text;
  });
}

void Pair::SendMessage() {
  Message message;
  message.gid = NextGid();
  message.query_prepared = Url("query");
  message.timeout_to_fail = 1s + Pause();
  message.Add({.action = Draw(2) == 0 ? "topic://news" : Url("do"), .payload = "{}"});
  message.Add({.action = Url("do"), .payload = "{}"});
  if (Draw(3) == 0) message.delay = Pause();
  const uint64_t how = Draw(4);
  const auto pause = Pause();
  Both("message " + message.gid, [&](World& world) {
    Coordinator& coordinator = world.coordinator();
    if (how == 0) return TextOf(coordinator.Submit(message).status());
    std::string text = TextOf(coordinator.Prepare(message).status());
    world.Advance(pause);
    if (how == 1) text += TextOf(coordinator.Abort(message.gid, "changed my mind"));
    if (how == 2) text += TextOf(coordinator.SubmitPrepared(message).status());
    return text;
  });
}

template <class Session, class SessionOptions, class Branch>
void Pair::RunSession(const Branch& branch) {
  SessionOptions options;
  options.gid = NextGid();
  options.timeout_to_fail = 1s + Pause();
  const uint64_t calls = Draw(4);
  const uint64_t how = Draw(3);
  Both("session " + options.gid, [&](World& world) {
    auto session = Session::Begin(world.coordinator(), options);
    std::string text = TextOf(session.status());
    if (!session.ok()) return text;
    for (uint64_t i = 0; i < calls; ++i) text += TextOf(session->Call(branch).status());
    if (how == 0) text += TextOf(session->Rollback("changed my mind"));
    if (how == 1) text += TextOf(session->Commit());
    return text;
  });
}

void Pair::ActOnOne() {
  const std::string gid = OldGid();
  const Act act{.author = "ann", .reason = "asked by the bank"};
  const char* const ops[] = {"action", "compensate", "confirm", "cancel", "commit", "rollback"};
  const BranchKey key{Concat("0", 1 + Draw(3)), ops[Draw(6)]};
  const std::string url = Url("do");
  const uint64_t kind = Draw(6);
  Both("act on " + gid, [&](World& world) {
    Coordinator& coordinator = world.coordinator();
    if (kind == 0) return TextOf(coordinator.Cancel(gid, act));
    if (kind == 1) return TextOf(coordinator.EditBranch(gid, key, {.url = url}, act));
    if (kind == 2) return TextOf(coordinator.SkipBranch(gid, key, act));
    if (kind == 3) return TextOf(coordinator.Stop(gid, act, /*leave_in_doubt=*/true));
    return TextOf(coordinator.RetryNow(gid, act));
  });
}

void Pair::ChangeTopics() {
  const std::string topic = Draw(4) == 0 ? "other" : "news";
  const std::string url = Url("news");
  const uint64_t kind = Draw(5);
  Both("topic " + topic, [&](World& world) {
    Coordinator& coordinator = world.coordinator();
    if (kind == 0) return TextOf(coordinator.DeleteTopic(topic));
    if (kind == 1) return TextOf(coordinator.Unsubscribe(topic, url));
    return TextOf(coordinator.Subscribe(topic, url, "a remark"));
  });
}

void Pair::Read() {
  ListFilter filter;
  if (Draw(2) == 0) filter.status = static_cast<TransactionStatus>(1 + Draw(5));
  if (Draw(3) == 0) filter.mode = static_cast<Mode>(1 + Draw(4));
  if (Draw(4) == 0) filter.created_from = memory_.now() - 3 * Pause();
  if (Draw(4) == 0) filter.created_to = memory_.now() - Pause();
  filter.parked = Draw(4) == 0;
  const size_t limit = 1 + Draw(10);
  const std::string gid = OldGid();
  Both("read", [&](World& world) {
    std::string text;
    std::string position;
    do {
      const auto page = world.coordinator().List(filter, limit, position);
      if (!page.ok()) return TextOf(page.status());
      for (const TransactionSummary& one : page->transactions) text += TextOf(one) + "\n";
      position = page->next_position;
    } while (!position.empty());
    text += TextOf(world.coordinator().Wait(gid, 0ms));
    return text + TextOf(world.coordinator().GetStatistics());
  });
}

// The clock starts at the newest time in the store, which may be up to a second late in a file that
// was not closed: that much passes in both.
void Pair::Restart() {
  const uint64_t how = Draw(3);
  Both("restart", [&](World& world) {
    std::string text;
    if (how == 0) text = TextOf(world.coordinator().Close(1s));
    world.Crash();
    if (how == 2 && &world == &sqlite_) disk_.LosePower(Loss::kDropAll, draw_);
    world.Advance(1s);
    return text + TextOf(world.Reopen());
  });
}

void Pair::CompareAll() {
  Both("clock", [](World& world) { return Concat(world.now().time_since_epoch().count()); });
  Both("calls", [this](World& world) {
    std::string text;
    const auto& calls = world.calls();
    // The last ones may still have been in flight when they were compared before.
    for (size_t i = compared_ > 20 ? compared_ - 20 : 0; i < calls.size(); ++i) {
      text += TextOf(calls[i]) + "\n";
    }
    return text;
  });
  compared_ = memory_.calls().size();
  for (const std::string& gid : gids_) {
    Both("query " + gid, [&](World& world) { return TextOf(world.coordinator().Query(gid)); });
  }
  Both("topics", [](World& world) {
    std::string text;
    const auto topics = world.coordinator().ListTopics();
    if (!topics.ok()) return TextOf(topics.status());
    for (const Topic& topic : *topics) text += TextOf(topic) + "\n";
    return text;
  });
}

// TROTH_TEST_SEED replays one.
TEST_CASE("coordinator: random calls give the same answers, calls and records on both stores") {
  const char* given = std::getenv("TROTH_TEST_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  const uint64_t last = given != nullptr ? first : kSeeds;
  for (uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);
    Pair pair(seed);
    for (int step = 0; step < kSteps; ++step) {
      CAPTURE(step);
      pair.Step();
    }
  }
}

}  // namespace
}  // namespace troth::sim
