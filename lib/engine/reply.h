// What the engine answers to a request, and to whom.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/store.h"
#include "troth/coordinator.h"

namespace troth::internal {

struct Answer {
  Status status;
  bool repeated = false;             // Submit; a retry where nothing waits
  bool ended = false;                // and what it repeats had succeeded when it came
  std::string body;                  // of a session's call that succeeded
  std::unique_ptr<Outcome> outcome;  // Wait, when the status is OK
};

// Who is answered: at most once, in a turn of the engine or from a thread of the writer's.
class Asker {
 public:
  virtual ~Asker() = default;
  // None of these blocks. It may be that nobody listens any more.
  virtual void OnAnswer(Answer&& answer) = 0;
  // There will be no answer: the coordinator has ended.
  virtual void OnDropped() {}
  // Before what can't be taken back. False: the asker has given up, so it must not begin.
  virtual bool Claim() { return true; }
};

// The right to answer somebody once. Unused, it is dropped.
class Reply {
 public:
  Reply() = default;
  explicit Reply(std::shared_ptr<Asker> asker) : asker_(std::move(asker)) {}
  template <std::invocable<Answer&&> Function>
  explicit(false) Reply(Function function)
      : asker_(std::make_shared<Calls<Function>>(std::move(function))) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept {
    std::swap(asker_, other.asker_);
    return *this;
  }
  ~Reply() {
    if (asker_ != nullptr) asker_->OnDropped();
  }

  explicit operator bool() const { return asker_ != nullptr; }
  bool Claim() { return asker_->Claim(); }
  void operator()(Answer&& answer) { std::exchange(asker_, nullptr)->OnAnswer(std::move(answer)); }

 private:
  template <class Function>
  struct Calls final : Asker {
    explicit Calls(Function f) : function(std::move(f)) {}
    void OnAnswer(Answer&& answer) override { function(std::move(answer)); }
    Function function;
  };

  std::shared_ptr<Asker> asker_;
};

// Who is to be answered, and with what.
using Answers = std::vector<std::pair<Reply, Answer>>;

}  // namespace troth::internal
