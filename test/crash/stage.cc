#include "stage.h"

#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <thread>

#include "audit.h"

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kRequestTimeout = 100ms;
constexpr milliseconds kLate = 180ms;  // what a bank takes when it is late

}  // namespace

StageArguments::StageArguments(const char* name, size_t default_size, int count, char** words)
    : size(count > 1 ? std::strtoul(words[1], nullptr, 10) : default_size),
      seed(count > 2 ? static_cast<unsigned>(std::strtoul(words[2], nullptr, 10))
                     : std::random_device()()),
      folder(std::filesystem::read_symlink("/proc/self/exe").parent_path()) {
  std::printf("%s: seed %u\n", name, seed);
  std::fflush(stdout);
}

Stage::Stage(unsigned seed, const std::filesystem::path& programs)
    : random_(seed), programs_(programs) {
  std::string folder = std::filesystem::temp_directory_path() / "troth-crash-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) std::perror(folder.c_str()), std::exit(1);
  folder_ = folder;
  for (size_t i = 0; i < kBanks; ++i) AddService("bank" + std::to_string(i));
  AddService("till");
}

void Stage::AddService(const std::string& name) {
  services_.emplace_back(
      std::vector<std::string>{programs_ / "crash_bank", File(name), "0",
                               std::to_string(Below(1'000'000)), std::to_string(kLate.count())},
      [](std::string_view) {});
}

void Stage::StartServices() {
  for (Service& service : services_) {
    if (!service.Start()) std::fprintf(stderr, "a service does not start\n"), std::exit(1);
    urls_.push_back(service.Url());
  }
}

void Stage::StartApplication(size_t count) {
  std::vector<std::string> command{programs_ / "crash_application",
                                   File("store"),
                                   File("till"),
                                   std::to_string(Below(1'000'000)),
                                   std::to_string(count),
                                   std::to_string(kRequestTimeout.count()),
                                   urls_.back()};
  command.insert(command.end(), urls_.begin(), urls_.end() - 1);
  application_ = Process(command, [this](std::string_view line) { said_.Hear(line); });
}

bool Stage::KillApplication() {
  WaitForMoment();
  return Killed(application_.Kill());
}

bool Stage::TerminateApplication() {
  said_.WaitForWord(10s);  // once it has said a word, it has learnt to listen to the signal
  const bool ran = application_.Signal(SIGTERM);
  const int status = application_.Wait();
  if (status != 0) std::printf("     | asked to end, the application ended with %d\n", status);
  return ran && status == 0;
}

bool Stage::KillAll() {
  WaitForMoment();
  // All signals first: nobody is to see another one's end.
  bool ran = Killed(application_.Signal(SIGKILL));
  for (Service& service : services_) ran = Killed(service.Signal(SIGKILL)) && ran;
  application_.Kill();
  for (Service& service : services_) service.Kill();
  return ran;
}

// Half of the time just after the application has said something that must stay true: the less has
// been written since, the better.
void Stage::WaitForMoment() {
  if (Below(2) == 0) said_.WaitForWord(100ms);
}

bool Stage::Killed(bool ran) {
  if (!ran) std::printf("     | a process had ended before it was killed\n");
  kills_ += ran;
  return ran;
}

void Stage::SleepBelow(unsigned end_ms) {
  std::this_thread::sleep_for(milliseconds(Below(end_ms)));
}

int Stage::Finish(bool went_well) {
  Checks checks;
  StartApplication(0);
  const int status = application_.Wait();
  checks.Count("everything that was left ended by itself", status == 0,
               "exit status " + std::to_string(status));
  for (Service& service : services_) went_well = service.Kill() && went_well;
  checks.Count("every process lived until it was killed", went_well,
               std::to_string(kills_) + " kills");
  Books books;
  for (size_t i = 0; i < kBanks; ++i) ReadBank(services_[i].database(), books);
  ReadTill(File("till"), books);
  auto store = ReadStore(File("store"));
  checks.Count("the store can be read", store.ok(), store.status().ToString());
  if (store.ok()) {
    const Audit audit(std::move(books), *std::move(store), said_);
    audit.Run(checks);
    audit.PrintFigures();
    std::printf("%zu transactions acknowledged, %zu kills, %zu wrong\n", said_.accepted().size(),
                kills_, checks.wrong());
  }
  if (checks.failed()) {
    std::printf("The databases are in %s\n", folder_.c_str());
  } else {
    std::filesystem::remove_all(folder_);
  }
  checks.Summary();
  return checks.failed() ? 1 : 0;
}
