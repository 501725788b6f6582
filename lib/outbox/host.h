// What an outbox needs of its coordinator.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/transaction.h"
#include "troth/message.h"
#include "troth/saga.h"
#include "troth/status.h"

namespace troth::internal::outbox {

// A transaction to accept, checked and complete.
struct Submission {
  std::string gid;
  std::shared_ptr<const Definition> definition;
  std::string digest;  // of what the caller gave, its topics unexpanded; empty: the definition's
  std::optional<Time> start;  // msg: no action before it
};

// Opened once, by whichever thread; whoever waits for it waits as the coordinator does: in the test
// kit the world goes on meanwhile.
class Gate {
 public:
  virtual ~Gate() = default;
  virtual void Open() = 0;
  // kDeadlineExceeded; kCancelled: the coordinator has crashed.
  virtual Status Wait(std::chrono::milliseconds timeout) = 0;
};

class Host {
 public:
  virtual ~Host() = default;

  // The coordinator's clock.
  virtual Time Now() const = 0;
  virtual std::shared_ptr<Gate> NewGate() const = 0;

  // kInvalidArgument names the field; kFailedPrecondition: closed, forked, read-only.
  virtual Result<Submission> Check(const Saga& saga) const = 0;
  virtual Result<Submission> Check(const Message& message) const = 0;
  // Whether the store has a transaction, or a tombstone, with that gid.
  virtual Result<bool> Holds(std::string_view gid) const = 0;
  // Makes them durable, in few commits, and starts them. One status each: OK also for what the
  // store has already with the same content, whatever became of it; kAlreadyExists: with another.
  virtual std::vector<Status> Accept(std::vector<Submission>&& submissions) = 0;
  // A row of `path` can't be adopted, ever. Never blocks.
  virtual void OnRefused(const std::string& gid, std::string_view path, std::string_view why) = 0;
};

}  // namespace troth::internal::outbox
