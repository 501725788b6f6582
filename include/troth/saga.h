// A saga: steps that each have an action and a compensation. All actions run, or those that may
// have run are compensated.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "troth/export.h"
#include "troth/options.h"

namespace troth {

// A new global transaction id: lower-case, 26 characters, ordered by time (which keeps the store
// fast), unique across machines by its time and at least 64 random bits. Thread-safe.
[[nodiscard]] TROTH_EXPORT std::string NewGid();

struct SagaStep {
  // The URL that does the step's work: http://, https://, or local:name for a function of this
  // process (local:name?query hands it the query, undecoded, as the header Troth-Query). A user
  // name in a URL is refused. Empty: done at once, and compensated on a rollback.
  std::string action = {};
  // The URL that undoes it. Called with the same payload when the transaction rolls back and the
  // action may have run: also when it is not known whether it ran. Empty: nothing to undo.
  std::string compensate = {};
  // Any bytes; sent untouched to both. A call with an empty payload is a GET, any other a POST.
  std::string payload = {};
  // Sent with both calls, over those of the transaction with the same name. Content-Type is
  // application/json unless set here. Host, Content-Length, Transfer-Encoding and Connection are
  // refused. Stored: for secrets see CoordinatorOptions::headers_for.
  Headers headers = {};
  CallOptions options = {};
};

// A value: build it, submit it, keep or drop it. Not thread-safe while it is changed.
struct Saga {
  // The key of everything: Submit() of the same gid never runs anything twice. At most 128 bytes,
  // no control characters, no blanks at the ends.
  // Drawn when the object is made: a copy has the same one and is the same transaction. For another
  // run assign NewGid().
  std::string gid = NewGid();
  std::vector<SagaStep> steps = {};  // 1 to CoordinatorOptions::limits.steps

  // False: step n+1 starts after step n succeeded; compensations run in reverse, one after another.
  // True: all start at once, except that (steps are counted from 0 here, branch ids from "01") a
  // step waits for those named in `orders` ({2: {0, 1}}: the third waits for the first two); a
  // compensation waits for those of the steps that depend on it.
  bool concurrent = false;
  std::map<size_t, std::vector<size_t>> orders = {};

  // Past it, counted from Submit, a saga that is undecided rolls back. Default: none.
  std::optional<std::chrono::milliseconds> timeout_to_fail = {};
  // Sent with every call of the transaction.
  Headers headers = {};
  CallOptions options = {};

  Saga& Add(SagaStep step) {
    steps.push_back(std::move(step));
    return *this;
  }
};

}  // namespace troth
