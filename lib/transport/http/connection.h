// One connection to a branch, and one request with its answer over it: all that the transport wants
// from an HTTP client library. The library is known to connection.cc alone.
//
// It knows nothing of calls, deadlines and verdicts. It never sends a request twice, never follows
// a redirect and never unpacks a compressed answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transport/http/endpoint.h"

namespace troth::internal {

struct HttpRequest {
  bool post = true;
  std::string target;
  Headers headers;  // complete: nothing but Content-Length is added
  std::string_view payload;
  size_t answer_bytes_max = 0;
};

struct HttpReply {
  enum class Kind {
    kComplete,
    kTooLarge,      // the status is known, the body is not
    kNotConnected,  // no connection: certain that nothing of the request was sent
    kFailed,        // no whole answer; the request may have been sent
  };
  Kind kind = Kind::kFailed;
  int status = 0;
  std::string body;
  bool framed = false;    // the body's length was announced, so a cut-off one would have been seen
  bool reusable = false;  // the connection can take another request
  std::chrono::milliseconds keep_alive_max{};  // what the server says; 0: nothing
  bool connect_timed_out = false;
  bool ours = false;    // no connection, as this process has no descriptor left for it
  std::string problem;  // in words, where there is no answer
};

class Connection {
 public:
  // Called with each new socket, before it connects. Newer versions of the library may connect a
  // second time within one exchange, to send the request again: who does not want that must shut
  // the socket down here.
  using OnSocket = std::function<void(int socket)>;

  explicit Connection(const Endpoint& endpoint);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The open socket, or -1.
  int socket() const;
  // Whether the peer has neither closed it nor said anything since the last answer.
  bool IsQuiet() const;
  // The same, but a connection that has had one answer only is watched for a moment after it: a
  // server that closes after each answer without saying so is found out before a request is lost to
  // it. A connection that is used again has proved itself, and is not waited for any more.
  bool IsKept() const;

  // Where to connect, if it must: a numeric address.
  void SetAddress(const std::string& address, std::chrono::milliseconds timeout);
  HttpReply Exchange(const HttpRequest& request, const OnSocket& on_socket);

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

// How much stack a thread needs that calls Exchange.
size_t ConnectionStackBytes();

// Makes the TLS library ready, before there are threads that use it.
void InitializeTls();

}  // namespace troth::internal
