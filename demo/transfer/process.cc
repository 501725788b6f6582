#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <utility>

namespace {

void ReadLines(int pipe, const Process::OnLine& on_line) {
  FILE* file = fdopen(pipe, "r");
  char* line = nullptr;
  size_t room = 0;
  for (ssize_t length = 0; (length = getline(&line, &room, file)) > 0;) {
    // A line without its end is the last breath of one that was killed.
    if (line[length - 1] == '\n') on_line(std::string_view(line, static_cast<size_t>(length) - 1));
  }
  free(line);
  fclose(file);
}

// In the child, between fork and exec: only what is safe there.
[[noreturn]] void Become(char* const* arguments, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  dup2(output, STDOUT_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

Process::Process(const std::vector<std::string>& command, OnLine on_line) {
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  const pid_t parent = getpid();
  if (pipe2(ends, O_CLOEXEC) != 0 || (pid_ = fork()) < 0) {
    perror("cannot start a process");
    exit(1);
  }
  if (pid_ == 0) Become(arguments.data(), ends[1], parent);
  close(ends[1]);
  reader_ = std::thread([end = ends[0], on_line = std::move(on_line)] { ReadLines(end, on_line); });
}

Process& Process::operator=(Process&& other) noexcept {
  Kill();
  pid_ = std::exchange(other.pid_, -1);
  reader_ = std::move(other.reader_);
  return *this;
}

bool Process::Signal(int signal) {
  if (pid_ < 0) return false;
  siginfo_t ended{};
  waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
  if (ended.si_pid != 0) return false;
  return kill(pid_, signal) == 0;
}

bool Process::Kill() {
  const bool ran = Signal(SIGKILL);
  Wait();
  return ran;
}

int Process::Wait() {
  if (pid_ < 0) return -1;
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  reader_.join();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Service::Start() {
  {
    const std::lock_guard lock(mutex_);
    port_.clear();
  }
  process_ = Process(command_, [this](std::string_view line) { Hear(line); });
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !port_.empty(); })) {
    return false;
  }
  const bool as_before = command_[kPort] == "0" || command_[kPort] == port_;
  command_[kPort] = port_;
  return as_before;
}

void Service::Hear(std::string_view line) {
  if (!line.starts_with("port ")) return on_line_(line);
  const std::lock_guard lock(mutex_);
  port_ = line.substr(5);
  changed_.notify_all();
}
