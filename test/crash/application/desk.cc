#include "desk.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<bool> end_is_expected = false;

}  // namespace

void Say(const std::string& line) {
  const std::string ended = line + "\n";
  const auto length = static_cast<ssize_t>(ended.size());
  if (write(STDOUT_FILENO, ended.data(), ended.size()) != length) _exit(1);
}

void SayAccepted(const std::string& gid) { Say("accepted " + gid); }

void SayPromised(const std::string& gid, troth::TransactionStatus status) {
  Say("promised " + gid + " " + std::string(troth::StatusName(status)));
}

void SayEnded(const troth::Outcome& outcome) {
  Say("ended " + outcome.gid + " " + std::string(troth::StatusName(outcome.status)));
}

void ExpectEnd() { end_is_expected = true; }

void Fail(std::string_view what, const troth::Status& status) {
  while (end_is_expected) pause();
  std::fprintf(stderr, "crash_application: %s: %s\n", std::string(what).c_str(),
               status.ToString().c_str());
  _exit(1);
}

std::vector<Part> Desk::DrawTransfer() {
  const size_t from = Below(banks.size());
  const auto bank = [&](size_t i) { return banks[(from + i) % banks.size()]; };
  const int amount = 2 + static_cast<int>(Below(100));
  if (!OneIn(3)) return {{bank(0), -amount}, {bank(2), amount}};
  return {{bank(0), -amount}, {bank(1), amount / 2}, {bank(2), amount - amount / 2}};
}

std::vector<Part> Desk::DrawRiskyTransfer() {
  std::vector<Part> parts = DrawTransfer();
  if (OneIn(10)) {
    constexpr int kTooMuch = 10'000;
    parts.front().amount -= kTooMuch;
    parts.back().amount += kTooMuch;
  }
  return parts;
}

void Desk::Wait(const std::string& gid, std::chrono::milliseconds timeout) {
  const auto outcome = coordinator.Wait(gid, timeout);
  if (outcome.ok()) return SayEnded(*outcome);
  if (outcome.status().code() != troth::StatusCode::kDeadlineExceeded) {
    Fail("Wait", outcome.status());
  }
}

void Desk::Cancel(const std::string& gid) {
  const troth::Status status =
      coordinator.Cancel(gid, {.author = "crash test", .reason = "second thoughts"});
  // It may have been decided, or have ended, before.
  if (!status.ok() && status.code() != troth::StatusCode::kFailedPrecondition) {
    Fail("Cancel", status);
  }
}

std::string NewGidOf(std::string_view kind) { return troth::NewGid() + "-" + std::string(kind); }
