// The torture: the crash test's processes, without a pause: killed, all at once too, frozen and
// released late, closed in the middle of everything, and cut off from each other by proxies. Then
// the same checks, from the databases alone.
//
//   torture [MINUTES [SEED]]    the last line is `N passed, N failed`
#include <signal.h>

#include <cstdio>
#include <deque>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "proxy.h"
#include "stage.h"

namespace {

using Clock = std::chrono::steady_clock;

class Torture {
 public:
  explicit Torture(const StageArguments& arguments)
      : duration_(std::chrono::minutes(arguments.size)),
        stage_(arguments.seed, arguments.folder / "../crash") {}

  int Run() {
    const auto begun = Clock::now();
    stage_.StartServices();
    PutProxiesBetween();
    StartApplication();
    bool went_well = true;
    while (went_well && Clock::now() < begun + duration_) {
      stage_.SleepBelow(400);
      went_well = MakeTrouble();
    }
    went_well = KillApplication() && went_well;
    PrintFigures();
    return stage_.Finish(went_well);
  }

 private:
  void PutProxiesBetween() {
    std::vector<std::string> urls;
    for (size_t i = 0; i < kServices; ++i) {
      const std::string url = stage_.service(i).Url();
      const auto port = static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
      proxies_.emplace_back(port, stage_.Below(1'000'000), proxy_figures_);
      urls.push_back(proxies_.back().Url());
    }
    stage_.SetUrls(std::move(urls));
  }

  // Every trouble ends with all processes running; false when one of them had died by itself.
  bool MakeTrouble() {
    static constexpr std::pair<bool (Torture::*)(), unsigned> kShares[] = {
        {&Torture::RestartApplication, 26},  {&Torture::TerminateApplication, 4},
        {&Torture::RestartService, 25},      {&Torture::RestartAll, 12},
        {&Torture::FreezeApplication, 8},    {&Torture::FreezeService, 8},
        {&Torture::RestartFrozenService, 4}, {&Torture::FreezeAcrossLives, 8},
        {&Torture::RefuseConnections, 5}};
    static constexpr unsigned kSum =
        std::accumulate(std::begin(kShares), std::end(kShares), 0u,
                        [](unsigned sum, const auto& share) { return sum + share.second; });
    unsigned drawn = stage_.Below(kSum);
    for (const auto& [trouble, share] : kShares) {
      if (drawn < share) return (this->*trouble)();
      drawn -= share;
    }
    return true;
  }

  bool RestartApplication() {
    const bool ran = KillApplication();
    StartApplication();
    return ran;
  }

  bool TerminateApplication() {
    ++terminations_;
    const bool ended = stage_.TerminateApplication();
    StartApplication();
    return ended;
  }

  bool RestartService() { return RestartService(stage_.Below(kServices)); }

  bool RestartAll() {
    ++all_kills_;
    if (!stage_.KillAll()) return false;
    for (size_t i = 0; i < kServices; ++i) {
      if (!stage_.StartService(i)) return false;
    }
    StartApplication();
    return true;
  }

  bool FreezeApplication() {
    ++application_freezes_;
    if (!stage_.SignalApplication(SIGSTOP)) return false;
    stage_.SleepBelow(600);
    return stage_.SignalApplication(SIGCONT);
  }

  bool FreezeService() {
    const size_t service = stage_.Below(kServices);
    return Freeze(service) && stage_.SignalService(service, SIGCONT);
  }

  bool RestartFrozenService() {
    const size_t service = stage_.Below(kServices);
    return Freeze(service) && RestartService(service);
  }

  // What the service was asked by one life of the application it does in the time of the next one.
  bool FreezeAcrossLives() {
    const size_t service = stage_.Below(kServices);
    if (!Freeze(service) || !RestartApplication()) return false;
    stage_.SleepBelow(400);
    return stage_.SignalService(service, SIGCONT);
  }

  bool RefuseConnections() {
    Proxy& proxy = proxies_[stage_.Below(kServices)];
    ++refusals_;
    proxy.Refuse(true);
    stage_.SleepBelow(300);
    proxy.Refuse(false);
    return true;
  }

  void StartApplication() { stage_.StartApplication(std::numeric_limits<int>::max() / 2); }

  bool KillApplication() {
    ++application_kills_;
    return stage_.KillApplication();
  }

  bool RestartService(size_t service) {
    ++service_kills_;
    if (!stage_.KillService(service)) return false;
    stage_.SleepBelow(200);
    return stage_.StartService(service);
  }

  bool Freeze(size_t service) {
    ++service_freezes_;
    if (!stage_.SignalService(service, SIGSTOP)) return false;
    stage_.SleepBelow(400);
    return true;
  }

  void PrintFigures() const {
    std::printf(
        "killed: the application %zu times, a service %zu times, all at once %zu times;"
        " %zu times the application was asked to end\n",
        application_kills_, service_kills_, all_kills_, terminations_);
    std::printf("frozen: the application %zu times, a service %zu times\n", application_freezes_,
                service_freezes_);
    std::printf(
        "of %zu connections %zu were delayed, %zu cut in a request, %zu cut in an answer,"
        " %zu swallowed; %zu times a service refused\n",
        proxy_figures_.connections.load(), proxy_figures_.delayed.load(),
        proxy_figures_.cut_requests.load(), proxy_figures_.cut_answers.load(),
        proxy_figures_.swallowed.load(), refusals_);
  }

  const std::chrono::minutes duration_;
  Stage stage_;
  ProxyFigures proxy_figures_;
  std::deque<Proxy> proxies_;  // they do not move
  size_t application_kills_ = 0;
  size_t service_kills_ = 0;
  size_t all_kills_ = 0;
  size_t terminations_ = 0;
  size_t application_freezes_ = 0;
  size_t service_freezes_ = 0;
  size_t refusals_ = 0;
};

}  // namespace

int main(int count, char** words) {
  return Torture(StageArguments("torture", 1, count, words)).Run();
}
