// How a branch is called: the interface of every transport, and what crosses it.
//
// A transport carries calls and reads answers. It knows nothing of retries, of order or of what an
// answer leads to.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "troth/branch.h"
#include "troth/status.h"
#include "troth/transaction.h"

namespace troth::internal {

struct Call {
  uint64_t id = 0;        // the engine's; unique in this life
  std::string url;        // http(s): with the protocol's query parameters added; local: as defined
  BranchContext context;  // with the headers to send
  std::string_view payload;
  std::shared_ptr<const void> payload_owner;  // keeps `payload` alive
  bool post = true;                           // else GET
  std::chrono::milliseconds timeout{};        // from Start to the last byte
  bool body_verdicts = true;                  // R11
  bool json_rpc = false;   // `payload` is a JSON-RPC request, and its answer is read as such
  bool keep_body = false;  // hand a success's body over
};

// Exactly one for each Start.
struct CallEnded {
  enum class Kind : uint8_t {
    kAnswered,  // the branch answered: `verdict` says what
    kNotSent,   // not one byte was sent: no attempt
    kLost,      // the branch may have been called; nothing is known
  };
  uint64_t id = 0;
  Kind kind = Kind::kAnswered;
  BranchResult::Verdict verdict = BranchResult::Verdict::kUnknown;
  int http_status = 0;  // 0: no HTTP answer
  ReasonCode code =
      ReasonCode::kNone;  // for what is not a success: kHttpStatus, kNoAnswer, kCallTimeout, …
  std::string text;  // for what is not a success: what the branch or the system said, at most 1 kB
  std::string body;  // of a success, where Call::keep_body asks for it
  // Whether the host itself is out of reach: no HTTP answer, or 502, 503, 504 (R21).
  bool host_down = false;
};

class CallSink {
 public:
  virtual ~CallSink() = default;
  // From any thread, also from inside Start. Never blocks.
  virtual void OnCallEnded(CallEnded&& ended) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Whether the URL is one that this transport can ever call (its form), apart from whether it can
  // now.
  virtual Status CheckUrl(std::string_view url) const = 0;
  // Whether it can be called now: a local function may not be registered yet.
  virtual bool CanCall(std::string_view url) const = 0;

  // Begins the call and returns at once. `sink` gets exactly one CallEnded, also after Cancel and
  // Close, not before the call can no longer send a first byte. The sink outlives it.
  virtual void Start(Call call, CallSink& sink) = 0;
  // Asks the call to end soon; it still ends with its CallEnded. Unknown ids are ignored. Local: a
  // stop request.
  virtual void Cancel(uint64_t id) = 0;
  // No Start after it. Waits up to `grace` for calls in flight, then cancels them; whether all had
  // ended by themselves.
  virtual bool Close(std::chrono::milliseconds grace) = 0;
};

}  // namespace troth::internal
