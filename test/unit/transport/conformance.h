// What every Transport must do, whatever it calls: one suite, run for each of them.
//
//   TEST_CASE("my transport keeps the contract") { CheckTransport([] { return MakeSubject(); }); }
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "collecting_sink.h"
#include "model/transport.h"

namespace troth::internal {

// A fresh transport, and URLs that behave in known ways.
class TransportSubject {
 public:
  virtual ~TransportSubject() = default;
  virtual Transport& transport() = 0;
  // Answers success soon; a success's body is "done".
  virtual std::string Good() = 0;
  // Answers a business failure with the text "no money".
  virtual std::string Failing() = 0;
  // Does not answer until it is cancelled.
  virtual std::string Hanging() = 0;
  // Blocks until so many calls hang.
  virtual void WaitUntilHanging(size_t calls) = 0;
  // One that this transport can never call.
  virtual std::string Unusable() = 0;
  // Blocks until so many calls have ended; false: they do not.
  virtual bool WaitForEnds(CollectingSink& sink, size_t calls) { return sink.WaitFor(calls); }
  // Whether it may be used from several threads at once; the test kit's may not.
  virtual bool ManyThreads() const { return true; }
  // Whether a hanging call that was cancelled ends as lost; else the branch still gave an answer.
  virtual bool CancelLoses() = 0;
};

using TransportFactory = std::function<std::unique_ptr<TransportSubject>()>;

void CheckTransport(const TransportFactory& make);

// A call with a generous time-out.
Call MakeCall(uint64_t id, std::string url);

}  // namespace troth::internal
