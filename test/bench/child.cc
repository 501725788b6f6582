#include "child.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace troth::bench {
namespace {

// How often it is looked at whether the child still runs.
constexpr std::chrono::milliseconds kLook{100};

std::vector<std::string> Command(const std::string& role, const Arguments& arguments) {
  std::vector<std::string> command{std::filesystem::read_symlink("/proc/self/exe"),
                                   std::string(kRoleFlag), role};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace

void Say(const std::string& key, double number) {
  std::printf("%s %.17g\n", key.c_str(), number);
  std::fflush(stdout);
}

void StayUntilKilled() {
  for (;;) pause();
}

Child::Child(const std::string& role, const Arguments& arguments)
    : role_(role),
      process_(Command(role, arguments), [this](std::string_view line) { Hear(line); }) {}

double Child::Number(const std::string& key, std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  std::unique_lock lock(mutex_);
  const auto there = [&] { return numbers_.count(key) != 0; };
  while (!heard_.wait_for(lock, kLook, there)) {
    const bool runs = process_.Signal(0);
    // Its last words may be on their way.
    if (!runs && heard_.wait_for(lock, kLook, there)) break;
    Check(runs, role_ + " ended without having said " + key);
    Check(std::chrono::steady_clock::now() < until, role_ + " has not said " + key + " in time");
  }
  return numbers_.at(key);
}

void Child::Wait() {
  const int status = process_.Wait();
  Check(status == 0, role_ + " ended with " + std::to_string(status));
}

void Child::Hear(std::string_view line) {
  const size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return;
  const std::lock_guard lock(mutex_);
  numbers_[std::string(line.substr(0, blank))] =
      std::strtod(std::string(line.substr(blank + 1)).c_str(), nullptr);
  heard_.notify_all();
}

}  // namespace troth::bench
