// Status and Result<T>: how every function of Troth reports failure. No function of Troth throws
// (std::bad_alloc apart).
//
// A code is chosen by what the caller must do next; codes have Abseil's numbers and meanings.
// Values of both classes may be copied and moved freely and used from one thread at a time.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace troth {

enum class StatusCode : int {
  kOk = 0,
  kCancelled =
      1,         // ended by Close(); a submitted transaction goes on when the store is opened again
  kUnknown = 2,  // a user's function failed in a way that says nothing
  kInvalidArgument = 3,    // the caller's input is wrong; the message names the field. Correct it
  kDeadlineExceeded = 4,   // a wait ended first; what was waited for goes on. Wait again
  kNotFound = 5,           // no such gid, branch or file
  kAlreadyExists = 6,      // the same gid with another content is stored. Use a new gid
  kPermissionDenied = 7,   // the file system refuses
  kResourceExhausted = 8,  // refused before anything was written (a limit, a full disk). Try later
  kFailedPrecondition =
      9,  // the state of the transaction or coordinator forbids the call. Don't repeat it unchanged
  kAborted = 10,          // the transaction failed as a business decision
  kOutOfRange = 11,       // not answered yet
  kUnimplemented = 12,    // not answered yet
  kInternal = 13,         // a defect of Troth. Report it
  kUnavailable = 14,      // the outcome is unknown. Repeat the same call with the same gid
  kDataLoss = 15,         // a stored row that can't be true
  kUnauthenticated = 16,  // not answered yet
};

// The name of a code, as in "INVALID_ARGUMENT".
constexpr std::string_view StatusCodeName(StatusCode code) {
  constexpr std::string_view kNames[] = {"OK",
                                         "CANCELLED",
                                         "UNKNOWN",
                                         "INVALID_ARGUMENT",
                                         "DEADLINE_EXCEEDED",
                                         "NOT_FOUND",
                                         "ALREADY_EXISTS",
                                         "PERMISSION_DENIED",
                                         "RESOURCE_EXHAUSTED",
                                         "FAILED_PRECONDITION",
                                         "ABORTED",
                                         "OUT_OF_RANGE",
                                         "UNIMPLEMENTED",
                                         "INTERNAL",
                                         "UNAVAILABLE",
                                         "DATA_LOSS",
                                         "UNAUTHENTICATED"};
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : "UNKNOWN";
}

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  // The message of an OK is dropped.
  Status(StatusCode code, std::string message) : code_(code) {
    if (code != StatusCode::kOk) message_ = std::move(message);
  }

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  // Empty when OK. For a person; its wording may change between releases.
  const std::string& message() const { return message_; }
  // "OK", or "INVALID_ARGUMENT: saga.steps[0].action: …".
  std::string ToString() const {
    if (ok()) return "OK";
    return std::string(StatusCodeName(code_)) + ": " + message_;
  }

  friend bool operator==(const Status&, const Status&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Status& status) {
    return out << status.ToString();
  }

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

// A T, or the Status that says why there is none (never OK then). Reading the value of a failed
// Result ends the process: it is a defect of the caller, like reading past the end of an array, but
// it never goes unseen.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: `return value;` must work
  Result(Status status) : status_(std::move(status)) {  // NOLINT: `return status;` must work
    if (status_.ok()) std::abort();
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & { return Checked(), *value_; }
  const T& value() const& { return Checked(), *value_; }
  T&& value() && { return Checked(), *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  template <class U>
  T value_or(U&& other) const& {
    return ok() ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  void Checked() const {
    if (value_.has_value()) return;
    std::fprintf(stderr, "troth: the value of a failed Result was read: %s\n",
                 status_.ToString().c_str());
    std::abort();
  }

  Status status_;
  std::optional<T> value_;
};

}  // namespace troth
