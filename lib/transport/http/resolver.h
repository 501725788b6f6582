// Name lookup with a deadline.
//
// getaddrinfo takes no time-out and can't be stopped, so it runs on a thread of its own. A lookup
// that is given up on may end whenever it likes: all it does then is fill the cache. It never
// connects to anything.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/http/interrupt.h"

namespace troth::internal {

struct Lookup {
  std::vector<std::string> addresses;  // numeric, the best first
  std::string problem;                 // why there are none
  bool ours = false;                   // as this process lacks a descriptor or a thread for it
};

using LookupFunction = std::function<Lookup(const std::string& host)>;

// What getaddrinfo says.
Lookup SystemLookup(const std::string& host);

struct ResolverOptions {
  LookupFunction lookup = &SystemLookup;
  std::chrono::milliseconds keep{5'000};  // how long an answer is used again
  size_t threads_max = 16;                // lookups at once
  size_t names_max = 1'000;               // names kept
};

class Resolver {
 public:
  explicit Resolver(ResolverOptions options);
  ~Resolver();

  // Blocks until there is an answer, or `interrupt` is raised. Several calls for one name share a
  // lookup. A numeric address is its own answer.
  Lookup Resolve(const std::string& host, Interrupt& interrupt);

  // Waits no longer than `patience` for lookups under way; those that hang are left to themselves.
  void Stop(std::chrono::milliseconds patience);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace troth::internal
