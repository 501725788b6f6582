// A run has two parts. In the first everything may go wrong, until the scenario's `chaos` is over.
// In the second all is well, and a patient person retries what is parked until all has ended. Then
// everything is read.
#include "run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "actors.h"
#include "base/check.h"
#include "client.h"
#include "disk_fault.h"
#include "model/url.h"
#include "network.h"
#include "orders.h"
#include "process.h"
#include "shop.h"
#include "storage.h"
#include "strangers.h"
#include "workflows.h"

namespace troth::sim {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::hours(24 * 365 * 50)};
// Longer than any wait that a scenario has; but a date may lie years ahead, when the clock that it
// was named by has been put back.
constexpr milliseconds kCalmStep = 12h;
constexpr milliseconds kCalmStride = 24h * 500;
constexpr milliseconds kYear = 24h * 365;
constexpr int kCalmSteps = 40;
constexpr int kCalmStepsMax = 60;
constexpr int kIdleHours = 4;
constexpr uint64_t kStepsMax = 3'000'000;

class Runner {
 public:
  Runner(const Scenario& scenario, WallClock wall_clock, Log& log)
      : scenario_(scenario),
        wall_clock_(wall_clock),
        log_(log),
        dice_(scenario.facts.seed),
        universe_(kStart),
        recorder_(universe_, log_),
        fibers_(universe_, dice_.Fork()),
        network_(
            scenario, recorder_, bank_, dice_.Fork(),
            [this](const BranchContext& context, std::function<void(Status)> done) {
              actors_.Nest(context, std::move(done));
            },
            [this](const internal::Call& call) { return AnswerOfShop(call); },
            [this](const BranchContext& context, const std::string& input,
                   std::function<void(BranchResult)> done) {
              workflows_.CallBack(context, input, std::move(done));
            }),
        storage_(scenario.sqlite ? NewSqliteStorage(scenario.facts.seed) : NewMemoryStorage()),
        shop_(scenario.shop.open ? std::make_unique<Shop>(scenario.shop, scenario.facts.seed)
                                 : nullptr),
        process_(scenario, universe_, fibers_, recorder_, *storage_, shop_.get(), dice_.Fork()),
        client_(process_, fibers_, recorder_),
        orders_(client_, fibers_, universe_, shop_.get()),
        workflows_(scenario, client_, fibers_, universe_, bank_),
        actors_(scenario, client_, orders_, workflows_, fibers_, bank_, dice_.Fork(),
                [this](const PlannedDeed& deed) { Knock(deed); }),
        strangers_(*storage_, recorder_),
        wall_dice_(dice_.Fork()),
        answer_dice_(dice_.Fork()) {}

  void Go(Counts& counts) {
    Prepare();
    const Time calm = kStart + scenario_.chaos;
    RunUntil(calm);
    CalmDown();
    SeeToTheEnd();
    if (log_.end.settled) Idle();
    ReadAll();
    counts.commits += process_.commits();
    if (IsBackedUp()) RunOnBackup();
    process_.Close(1s);
    fibers_.EndAll();
    ++counts.seeds;
    counts.transactions += scenario_.transactions.size();
    counts.lives += log_.lives.size();
    counts.calls += log_.calls.size();
    counts.requests += log_.api.size();
  }

 private:
  void Prepare() {
    log_.facts = scenario_.facts;
    log_.facts.store = storage_->name();
    for (const Planned& planned : scenario_.transactions) {
      log_.wanted.insert(log_.wanted.end(), planned.wanted.begin(), planned.wanted.end());
    }
    universe_.outside = &network_;
    universe_.scheduler = &fibers_;
    universe_.housekeeping = true;
    universe_.store_time = [this] { return scenario_.facts.commit_time + slow_; };
    universe_.answer_time = [this] {
      return milliseconds{answer_dice_.Chance(25) ? answer_dice_.Skewed(1, 200) : 0};
    };
    for (const char* name : {"l1", "l2", "l3"}) {
      if (std::count(scenario_.late_locals.begin(), scenario_.late_locals.end(), name) == 0) {
        process_.RegisterAtOpen(name);
      }
    }
    PlanTroubles();
    PlanTroublesOfShop();
    actors_.Start();
    OpenAtLast();
  }

  void PlanTroubles() {
    for (const HostTrouble& trouble : scenario_.hosts_down) {
      const auto fault = std::make_shared<size_t>();
      universe_.At(kStart + trouble.from, [this, &trouble, fault] {
        if (calm_) return;
        *fault =
            recorder_.Begin(Fault::Kind::kHostDown, "http://bank-" + std::to_string(trouble.host));
        network_.SetTrouble(trouble, true);
      });
      universe_.At(kStart + trouble.until, [this, &trouble, fault] {
        if (calm_) return;
        recorder_.Until(*fault);
        network_.SetTrouble(trouble, false);
      });
    }
    for (const StoreFault& trouble : scenario_.store_faults) {
      const auto fault = std::make_shared<size_t>();
      universe_.At(kStart + trouble.from, [this, &trouble, fault] {
        if (calm_) return;
        *fault = recorder_.Begin(KindOf(trouble), {});
        storage_->Begin(trouble);
        if (trouble.kind == StoreFault::Kind::kSlow)
          slow_ = std::min(trouble.lasts, kSlowestCommit);
      });
      universe_.At(kStart + trouble.from + trouble.lasts, [this, &trouble, fault] {
        if (calm_) return;
        recorder_.Until(*fault);
        storage_->End(trouble);
        if (trouble.kind == StoreFault::Kind::kSlow) slow_ = 0ms;
      });
    }
  }

  void PlanTroublesOfShop() {
    for (const StoreFault& trouble : scenario_.shop.faults) {
      const auto fault = std::make_shared<size_t>();
      universe_.At(kStart + trouble.from, [this, &trouble, fault] {
        if (calm_) return;
        *fault = recorder_.Begin(Fault::Kind::kShop, NameOf(trouble));
        shop_->Begin(trouble);
      });
      universe_.At(kStart + trouble.from + trouble.lasts, [this, &trouble, fault] {
        if (calm_) return;
        recorder_.Until(*fault);
        shop_->End(trouble);
      });
    }
  }

  // The application's own check-back, and that of its outbox.
  std::optional<BranchResult> AnswerOfShop(const internal::Call& call) {
    if (shop_ == nullptr || call.context.op != "msg") return std::nullopt;
    if (internal::IsLocalUrl(call.url)) return process_.RunCheckBack(call.context);
    const auto& all = scenario_.transactions;
    const bool ordered = std::any_of(all.begin(), all.end(), [&](const Planned& planned) {
      return planned.gid() == call.context.gid &&
             planned.wanted[0].order == Wanted::Order::kTwoPhases;
    });
    return ordered ? std::optional(shop_->CheckBack(call.context)) : std::nullopt;
  }

  static Fault::Kind KindOf(const StoreFault& fault) {
    switch (fault.kind) {
      case StoreFault::Kind::kFails:
        return Fault::Kind::kCommitFails;
      case StoreFault::Kind::kUnknown:
        return Fault::Kind::kCommitUnknown;
      case StoreFault::Kind::kFull:
        return Fault::Kind::kDiskFull;
      case StoreFault::Kind::kReads:
        return Fault::Kind::kReadFails;
      case StoreFault::Kind::kSyncs:
      case StoreFault::Kind::kSlow:
        break;
    }
    return Fault::Kind::kCommitSlow;
  }

  // How the life that has just begun is to end.
  void PlanEnd() {
    end_ = nullptr;
    if (calm_ || next_end_ == scenario_.life_ends.size()) return;
    end_ = &scenario_.life_ends[next_end_++];
    const bool cut = end_->changes > 0 && scenario_.sqlite;
    const bool shop_cut = (end_->shop_changes > 0 || end_->at_failure) && shop_ != nullptr;
    const auto tell = [this] { universe_.SetCrashed(true); };
    if (cut) {
      storage_->CutPowerAt(end_->changes, tell);
    } else if (shop_cut) {
      end_->at_failure ? shop_->CutAtFailure(tell) : shop_->CutAt(end_->shop_changes, tell);
    } else if (end_->effects > 0) {
      universe_.CrashAfter(end_->effects);
    }
    if (cut || shop_cut || end_->effects > 0) {
      end_at_ = Time::max();
    } else {
      end_at_ = universe_.now() + end_->after;
    }
  }

  // Where the store is lost to another process, this one dies soon.
  void Knock(const PlannedDeed& deed) {
    if (calm_ || closing_ || !process_.up()) return;
    if (!strangers_.Knock(deed.deed == Deed::kTakeOver)) return;
    storage_->CutPowerAt(0, nullptr);
    if (shop_ != nullptr) shop_->CutAt(0, nullptr);
    universe_.CrashAfter(0);
    usurped_ = LifeEnd{.after = deed.lasts};
    end_ = &usurped_;
    end_at_ = std::min(universe_.now() + deed.lasts, kStart + scenario_.chaos);
  }

  // One thing that happens; false: nothing does up to `limit`.
  bool Step(Time limit) {
    TROTH_CHECK(++steps_ < kStepsMax);
    if (wall_clock_ == WallClock::kUnruly) {
      universe_.wall = wall_ + milliseconds{wall_dice_.Between(-kYear.count(), kYear.count())};
    }
    if (universe_.crashed()) {
      EndLife(/*close=*/false);
      return true;
    }
    if (end_ && universe_.now() >= end_at_) {
      EndLife(end_->close);
      return true;
    }
    if (process_.driver().Step(end_ ? std::min(limit, end_at_) : limit)) return true;
    if (!end_ || end_at_ > limit) return false;
    universe_.JumpTo(end_at_);
    return true;
  }

  void EndLife(bool close) {
    const LifeEnd end = end_ ? *end_ : LifeEnd{};
    const bool power = end_ && end.power;
    strangers_.Leave();
    recorder_.Begin(power ? Fault::Kind::kPowerLoss : Fault::Kind::kCrash, close ? "close" : "");
    if (close) {
      closing_ = true;
      process_.Close(end.grace);
      closing_ = false;
    } else {
      process_.Crash(power);
    }
    StayDown(end.down);
    if (end.wall != 0ms) {
      wall_ += end.wall;
      recorder_.Begin(Fault::Kind::kClockJump, std::to_string(end.wall.count()) + " ms");
    }
    OpenAtLast();
  }

  // The trouble that ends the next life may come while it is being opened.
  void OpenAtLast() {
    universe_.wall = wall_;
    for (milliseconds pause = 100ms;; pause = std::min(pause * 2, milliseconds{600'000})) {
      universe_.SetCrashed(false);
      PlanEnd();
      if (process_.Open()) return;
      StayDown(pause);
    }
  }

  // What is outside goes on.
  void StayDown(milliseconds time) {
    const Time until = universe_.now() + time;
    for (;;) {
      TROTH_CHECK(++steps_ < kStepsMax);
      if (fibers_.RunReady(/*must=*/true) || universe_.DoNext()) continue;
      const auto next = universe_.NextTime();
      if (!next || *next > until) break;
      universe_.JumpTo(*next);
    }
    universe_.JumpTo(until);
  }

  void RunUntil(Time until) {
    while (Step(until)) {
    }
    universe_.JumpTo(until);
  }

  void CalmDown() {
    calm_ = true;
    end_ = nullptr;
    slow_ = 0ms;
    universe_.CrashAfter(0);
    network_.CalmDown();
    storage_->ForgetFaults();
    if (shop_ != nullptr) shop_->ForgetFaults();
    actors_.CalmDown();
    workflows_.CalmDown();
    for (Fault& fault : log_.faults) {
      if (!fault.until) fault.until = recorder_.Now();
    }
    log_.facts.calm = recorder_.Now();
    fibers_.Start([this] {
      (void)client_.Resume();
      for (const std::string& name : scenario_.late_locals) (void)client_.RegisterLocal(name);
    });
  }

  // What is left is parked, or due far away.
  void SeeToTheEnd() {
    for (int i = 0; i < kCalmStepsMax; ++i) {
      RunUntil(universe_.now() + (i < kCalmSteps ? kCalmStep : kCalmStride));
      bool unended = false;
      DoInFiber([&] {
        const auto all = client_.List();
        unended = actors_.SeeToParked(all);
        log_.facts.calm_person = log_.facts.calm_person || unended;
      });
      if (!unended && fibers_.running() == 0) return;
    }
    log_.end.settled = false;
  }

  // Nothing is left to do: whether the coordinator sleeps (I34). In one hour or another something
  // may be old enough to be purged.
  void Idle() {
    for (int i = 0; i < kIdleHours && log_.end.idle_wakes != 0; ++i) {
      const uint64_t before = process_.driver().wakes();
      RunUntil(universe_.now() + 1h);
      log_.end.idle_wakes = process_.driver().wakes() - before;
    }
  }

  void ReadAll() {
    DoInFiber([&] {
      log_.end.listed = client_.List();
      for (const TransactionSummary& one : log_.end.listed) {
        auto record = client_.Query(one.gid);
        if (record.ok()) log_.end.records.push_back(*std::move(record));
      }
      log_.end.health = client_.GetHealth();
    });
    log_.end.when = recorder_.Now();
    auto image = ReadImage(process_.store(), recorder_);
    TROTH_CHECK(image.ok());
    log_.end.image = *std::move(image);
    log_.end.effects = bank_.Effects();
    if (shop_ != nullptr) shop_->Look(recorder_);
  }

  bool IsBackedUp() const {
    return log_.end.settled && std::any_of(log_.api.begin(), log_.api.end(), [](const ApiCall& a) {
             return a.what == Ask::kBackup && a.answered && a.status.ok();
           });
  }

  // A person restores it, and lets every other transaction of what it holds go on.
  void RunOnBackup() {
    process_.Close(1s);
    Log before = std::exchange(log_, Log{});
    log_.facts = before.facts;
    universe_.calls.clear();
    storage_->Restore();
    universe_.wall = wall_;
    if (!process_.Open() && process_.Open(/*restored=*/true)) LetSomeGoOn();
    before.restored = std::make_shared<const Log>(std::exchange(log_, Log{}));
    log_ = std::move(before);
  }

  void LetSomeGoOn() {
    std::set<std::string> chosen;
    const std::vector<Stored> found = log_.images[0].rows;
    for (const Stored& row : found) {
      const bool unended = row.row.status != TransactionStatus::kSucceed &&
                           row.row.status != TransactionStatus::kFailed;
      if (unended && dice_.Chance(50)) chosen.insert(row.row.gid);
    }
    const auto act = [&](const std::function<bool(const TransactionSummary&)>& is_due) {
      DoInFiber([&] {
        for (const std::string& name : scenario_.late_locals) (void)client_.RegisterLocal(name);
        for (const TransactionSummary& one : client_.List()) {
          if (chosen.contains(one.gid) && is_due(one)) (void)client_.Retry(one.gid);
        }
      });
      RunUntil(universe_.now() + kCalmStep);
    };
    act([](const TransactionSummary&) { return false; });
    for (int i = 0; i < kCalmSteps; ++i) {
      act([](const TransactionSummary& one) {
        return !one.finished && one.parked != ReasonCode::kNone;
      });
    }
    ReadAll();
  }

  void DoInFiber(const std::function<void()>& what) {
    bool done = false;
    fibers_.Start([&] {
      what();
      done = true;
    });
    while (!done) Step(Time::max());
  }

  const Scenario& scenario_;
  const WallClock wall_clock_;
  Log& log_;
  Dice dice_;
  testing::Universe universe_;
  Recorder recorder_;
  Fibers fibers_;
  Bank bank_;
  Network network_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<Shop> shop_;
  Process process_;
  Client client_;
  Orders orders_;
  Workflows workflows_;
  Actors actors_;
  Strangers strangers_;
  Dice wall_dice_;
  Dice answer_dice_;
  milliseconds wall_{0};  // what a life finds the wall clock to be, less the virtual time
  bool calm_ = false;
  bool closing_ = false;
  milliseconds slow_{0};
  size_t next_end_ = 0;
  const LifeEnd* end_ = nullptr;  // of this life; null: none is planned
  LifeEnd usurped_;               // of one that has lost the store
  Time end_at_ = Time::max();
  uint64_t steps_ = 0;
};

}  // namespace

void Run(const Scenario& scenario, Log& log, Counts& counts, WallClock wall_clock) {
  Runner(scenario, wall_clock, log).Go(counts);
}

}  // namespace troth::sim
