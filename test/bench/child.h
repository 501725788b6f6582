// This program as a child process that plays one role, and tells its parent numbers: "KEY NUMBER",
// one a line.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "bench.h"
#include "process.h"

namespace troth::bench {

// What a role's command line begins with.
inline constexpr std::string_view kRoleFlag = "--role";

// In the child: tells the parent.
void Say(const std::string& key, double number);
// In the child: until the parent ends it.
[[noreturn]] void StayUntilKilled();

// Ended with its parent at the latest.
class Child {
 public:
  Child(const std::string& role, const Arguments& arguments);
  ~Child() { process_.Kill(); }

  // Waits until the child has said it. Fails if it ends without, or does not within that time.
  double Number(const std::string& key, std::chrono::milliseconds within = std::chrono::minutes(2));
  pid_t pid() { return static_cast<pid_t>(Number("pid")); }
  void Kill() { process_.Kill(); }
  // Fails if it does not end well.
  void Wait();

 private:
  void Hear(std::string_view line);

  const std::string role_;
  std::mutex mutex_;
  std::condition_variable heard_;
  std::map<std::string, double> numbers_;
  Process process_;  // ends before what it is heard with
};

}  // namespace troth::bench
