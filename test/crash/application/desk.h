// What each thread of the application works with, and what it says.
#pragma once

#include <troth/coordinator.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "../book.h"

// One line on the standard output, in one write, so that what was said before a kill arrives.
void Say(const std::string& line);
// The transaction must not be lost from now on.
void SayAccepted(const std::string& gid);
// So it must end, once it has ended.
void SayPromised(const std::string& gid, troth::TransactionStatus status);
// Somebody was told that it has ended so.
void SayEnded(const troth::Outcome& outcome);
// What can't be right: ends the program.
[[noreturn]] void Fail(std::string_view what, const troth::Status& status);
// From now on calls may fail, as the coordinator is being closed: whoever fails then waits for the
// end of the program.
void ExpectEnd();

// A bank, and what it gets: negative amounts are what it pays.
struct Part {
  std::string bank;
  int amount;
};

struct Desk {
  troth::Coordinator& coordinator;
  const std::vector<std::string>& banks;
  const std::string& till_url;     // the check-back over HTTP
  const std::string& gateway_url;  // where branches may register themselves
  Book till;                       // a connection of this thread's own
  std::mt19937 random;

  unsigned Below(size_t end) { return static_cast<unsigned>(random() % end); }
  bool OneIn(unsigned n) { return Below(n) == 0; }
  std::chrono::milliseconds Milliseconds(unsigned from, unsigned to) {
    return std::chrono::milliseconds(from + Below(to - from));
  }
  const std::string& AnyBank() { return banks[Below(banks.size())]; }

  // Takes an amount from one bank and gives it to one or two others; their parts sum to nothing.
  std::vector<Part> DrawTransfer();
  // The same, and sometimes so much that a bank will refuse it.
  std::vector<Part> DrawRiskyTransfer();

  void Wait(const std::string& gid, std::chrono::milliseconds timeout);
  // Not every transaction is waited for.
  void MayWait(const std::string& gid) {
    if (OneIn(2)) Wait(gid, std::chrono::milliseconds(500));
  }
  void Cancel(const std::string& gid);
};

// New gids end in the kind of their transaction, by which the checks tell them apart.
std::string NewGidOf(std::string_view kind);

// One transaction each.
void TransferBySaga(Desk& desk);
void TransferByTcc(Desk& desk);
void TransferByXa(Desk& desk);
void TransferByMessage(Desk& desk);  // without a local transaction
void PayByMessage(Desk& desk);       // from the till: Prepare, and what may come after it
void PayByDoAndSubmit(Desk& desk);
void OrderInOneCommit(Desk& desk);  // SubmitInTransaction of a saga or a message

// Made for others, as for SubmitInTransaction.
troth::Saga DrawSaga(Desk& desk, std::string_view kind);
// Gives `amount` away, which is even: to one bank, to two, or to a topic's subscribers.
void GiveAway(Desk& desk, troth::Message& message, int amount);
// Serves dtm's HTTP API from now on: where.
std::string ServeGateway(troth::Coordinator& coordinator);
// Subscribes two banks to the topic of GiveAway.
void SubscribeBanks(troth::Coordinator& coordinator, const std::vector<std::string>& banks);
// local:prepared, the check-back that reads the till itself.
troth::LocalBranch CheckBackOn(std::string till);
// local:agent, a try that has a branch of its own.
troth::LocalBranch AgentOf(troth::Coordinator& coordinator);
