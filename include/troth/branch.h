// The branch side: what a service, or a function in the same process, needs to take part in a
// global transaction.
//
// The library troth_branch holds this header, sqlite.h and the functions of httplib.h; a service
// links it without the coordinator. The wire contract is dtm's: the call carries gid, trans_type,
// branch_id and op in its query, and the answer is 200 (success), 409 (failure), 425 (ongoing);
// anything else means "unknown, call again".
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/export.h"
#include "troth/status.h"

namespace troth {

struct Header {
  std::string name;  // compared without case
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// Which call this is. The same (gid, branch_id, op) may arrive any number of times, late, and after
// the call that undoes it: a branch without a barrier (see sqlite.h) must be able to stand that by
// itself.
struct BranchContext {
  std::string gid;         // the global transaction
  std::string trans_type;  // "saga", "tcc", "xa", "msg", "workflow"
  std::string branch_id;   // "01", "02", …; nested "0102"; the check-back of a message is "00"
  // "action", "compensate", "try", "confirm", "cancel", "commit", "rollback", "msg".
  std::string op;

  // Base URL of the coordinator, where it has one (query parameter `dtm`); else empty.
  std::string coordinator;
  std::string phase2_url;  // xa only: what the branch registers itself with
  Headers headers;         // what came with the call; FromQuery leaves it empty

  // Reads the context from the query of an HTTP request: `get` returns the decoded value of a query
  // parameter, or nothing. A call without `op` but with `branch_type` is read as older SDKs mean
  // it.
  //
  // kInvalidArgument names the parameter that is missing or empty, has control characters, or is
  // too long (`dtm` and `phase2_url`: 4 kB, all others 128 bytes): answer 400. kUnknown: `get`
  // threw. Thread-safe; keeps nothing.
  TROTH_EXPORT static Result<BranchContext> FromQuery(
      const std::function<std::optional<std::string>(std::string_view name)>& get);
};

// What a branch answers. There is no conversion from Status on purpose: whether an error of the
// branch's own means "no" or "try again" is a business decision that only its author can take.
class [[nodiscard]] BranchResult {
 public:
  enum class Verdict { kSuccess, kFailure, kOngoing, kUnknown };

  // Done. `body` goes back to a caller that wants it (Tcc's try); the coordinator does not keep it.
  // A body that is not JSON must not contain the words FAILURE and ONGOING in capitals: callers
  // that follow dtm's older rule take them for the verdict (ToHttp sees to JSON itself).
  static BranchResult Success(std::string body = {}) {
    return {Verdict::kSuccess, std::move(body)};
  }
  // No, for good: the transaction is rolled back. Only a saga's action, a try, an xa action and a
  // check-back may say so; elsewhere it counts as unknown. `text` becomes the reason that a person
  // reads (its first kilobyte is kept).
  static BranchResult Failure(std::string text) { return {Verdict::kFailure, std::move(text)}; }
  // Still at work: call again after the base interval. Never counts against a retry limit.
  static BranchResult Ongoing(std::string text = {}) {
    return {Verdict::kOngoing, std::move(text)};
  }
  // It may or may not have happened: call again, with back-off.
  static BranchResult Unknown(std::string text) { return {Verdict::kUnknown, std::move(text)}; }

  Verdict verdict() const { return verdict_; }
  // The body of a success; else the reason.
  const std::string& text() const { return text_; }

 private:
  BranchResult(Verdict verdict, std::string text) : verdict_(verdict), text_(std::move(text)) {}
  Verdict verdict_;
  std::string text_;
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

// The answer that says `result` to any coordinator that speaks dtm's protocol: 200 with the body
// ({"dtm_result":"SUCCESS"} where it is empty), 409 and 425 with
// {"dtm_result":"FAILURE"|"ONGOING","message":text}, 500 with {"message":text} for unknown; of the
// text the first kilobyte.
//
// Some coordinators search the raw body for FAILURE and ONGOING, whatever the status. So where a
// text, or a body that is JSON, happens to contain one of the words, one letter of it is written as
// a JSON escape: a JSON reader sees the same text, the search finds nothing.
//
// Thread-safe; keeps nothing.
TROTH_EXPORT HttpAnswer ToHttp(const BranchResult& result);

}  // namespace troth
