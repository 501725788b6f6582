// A child process of a director: started by fork and exec, read line by line, and never left
// behind.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// Start, kill and wait on one thread, which must live as long as the children: the kernel ends them
// when the thread that started them ends, however it does.
class Process {
 public:
  // Called on a thread of the process's own, for each line of its standard output.
  using OnLine = std::function<void(std::string_view line)>;

  Process() = default;
  // Ends the program if the system cannot start another one.
  Process(const std::vector<std::string>& command, OnLine on_line);
  Process& operator=(Process&& other) noexcept;
  ~Process() { Kill(); }

  // True if it was running until then.
  bool Signal(int signal);
  // SIGKILL; returns when it is gone and all that it wrote was read. True as of Signal().
  bool Kill();
  // Waits until it ends: its exit status, or -1 if a signal ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  std::thread reader_;
};

// A child that serves on a port: it can be killed, and started again on the same port. Its command
// is "PROGRAM DATABASE PORT ...", with port 0 at first; the first line that it prints is "port N".
class Service {
 public:
  Service(std::vector<std::string> command, Process::OnLine on_line)
      : command_(std::move(command)), on_line_(std::move(on_line)) {}

  // True when it serves.
  bool Start();
  bool Signal(int signal) { return process_.Signal(signal); }
  bool Kill() { return process_.Kill(); }
  std::string Url() const { return "http://127.0.0.1:" + command_[kPort]; }
  const std::string& database() const { return command_[kDatabase]; }

 private:
  static constexpr size_t kDatabase = 1;
  static constexpr size_t kPort = 2;

  void Hear(std::string_view line);

  std::vector<std::string> command_;  // written while it starts, only
  const Process::OnLine on_line_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string port_;  // empty: it does not serve yet
  Process process_;   // ends before what it is heard with
};
