// Branches behind HTTP, in a process of their own, and how they are called with and without a
// coordinator.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "child.h"
#include "load.h"
#include "troth/branch.h"
#include "troth/coordinator.h"
#include "troth/saga.h"

namespace troth::bench {

// In a child: serves these functions, each under its path, on all of this machine's addresses, and
// says its port.
struct ServedBranch {
  std::string path;
  std::function<BranchResult(const BranchContext&, std::string_view payload)> function;
};
[[noreturn]] void ServeBranches(const std::vector<ServedBranch>& branches);

// The child's URL, "http://127.0.0.1:PORT".
std::string UrlOf(Child& server);
// The same server by another one of the addresses that this machine has, from 1: for the
// coordinator it is another host.
std::string UrlOf(Child& server, int host);

// Two steps with a small payload, at these URLs.
Saga SagaAt(const std::string& first, const std::string& second);

// Calls branches with the coordinator's own HTTP client, and no coordinator.
class PlainClient {
 public:
  PlainClient();
  ~PlainClient();
  // The same two calls as the saga's, one after the other; each must succeed.
  void CallBoth(const Saga& saga);

 private:
  struct Transport;
  std::unique_ptr<Transport> transport_;
};

// No-op branches at "/first" and "/second".
inline constexpr char kNoOpServer[] = "no-op-server";
void RunNoOpServer(const Arguments&);
// How many such sagas a second a coordinator on a new store runs.
double SagasOverHttp(Child& server, const Load& load);

}  // namespace troth::bench
