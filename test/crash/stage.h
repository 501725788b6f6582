// The processes that are killed: three banks, the till's check-back service, the application; and
// the checks when all are dead. The crash test and the torture differ in what they do to them.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "process.h"
#include "said.h"

constexpr size_t kBanks = 3;
constexpr size_t kServices = kBanks + 1;  // the last one is the till's

// What a program of this kind is called with, `NAME [SIZE [SEED]]`. Prints the seed, which repeats
// what is drawn, but not how the processes are scheduled.
struct StageArguments {
  StageArguments(const char* name, size_t default_size, int count, char** words);
  size_t size;
  unsigned seed;
  std::filesystem::path folder;  // of the program
};

class Stage {
 public:
  // `programs` is the folder of crash_application and crash_bank.
  Stage(unsigned seed, const std::filesystem::path& programs);

  // Ends the program if one does not start.
  void StartServices();
  // In the order of the services: where the application calls them, if not directly.
  void SetUrls(std::vector<std::string> urls) { urls_ = std::move(urls); }

  // Those below return false when a process does not start, or had died before.
  bool StartService(size_t i) { return services_[i].Start(); }
  void StartApplication(size_t count);
  bool KillApplication();
  bool TerminateApplication();  // it closes what it can
  bool KillService(size_t i) { return Killed(services_[i].Kill()); }
  bool KillAll();
  bool SignalApplication(int signal) { return application_.Signal(signal); }
  bool SignalService(size_t i, int signal) { return services_[i].Signal(signal); }

  // One last life ends what was left; then everything is checked, and the figures are printed.
  // Returns the program's exit status.
  int Finish(bool went_well);

  unsigned Below(size_t end) { return static_cast<unsigned>(random_() % end); }
  void SleepBelow(unsigned end_ms);
  Said& said() { return said_; }
  const Service& service(size_t i) const { return services_[i]; }

 private:
  std::string File(const std::string& name) const { return folder_ / (name + ".db"); }
  void AddService(const std::string& name);
  void WaitForMoment();
  bool Killed(bool ran);

  std::mt19937 random_;
  const std::filesystem::path programs_;
  std::filesystem::path folder_;
  Said said_;
  std::deque<Service> services_;  // they do not move
  std::vector<std::string> urls_;
  Process application_;
  size_t kills_ = 0;
};
