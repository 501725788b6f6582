// The face for other processes: dtm's HTTP API over a coordinator of this process, so that dtm's
// SDKs and services in other languages take part as if dtm itself ran here.
//
//   troth::Gateway gateway(*coordinator);
//   troth::BoundedServer server;  // httplib_server.h
//   server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
//   troth::Mount(server, gateway);  // httplib_gateway.h; the server keeps its own routes
//   server.listen("127.0.0.1", 36789);
//
// With any other server: make a GatewayRequest of each request under the base path and under
// /api, and send what Handle answers.
//
// Workflows are dtm's functions in other processes; they have no C++ face of their own. Such a
// function records here what came of each of its steps, and finds it again when it is run again.
// Whenever nothing was heard of it for retry_interval, longer from time to time up to the cap, it
// is called back at its query_prepared with the data that it began with, until its submit has said
// how it ended: no answer of a call-back ends it, no time-out, and no person but by Stop(). The
// first commit or rollback that it records fixes its outcome; whoever runs it to another one is
// refused.
//
// Who is served, unless GatewayOptions::authorize says otherwise: peers on this machine that are no
// web pages. A reverse proxy on the same machine makes everybody such a peer: then give
// `authorize`.
//
// Link troth_gateway.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/branch.h"
#include "troth/coordinator.h"
#include "troth/export.h"
#include "troth/status.h"

namespace troth {

// One HTTP request, as any server has it.
struct GatewayRequest {
  std::string method = {};                                      // "POST"
  std::string path = {};                                        // decoded, without the query
  std::vector<std::pair<std::string, std::string>> query = {};  // decoded
  Headers headers = {};
  std::string_view body = {};  // lives until Handle returns
  std::string peer = {};       // the address that the connection comes from: "127.0.0.1", "::1"

  // The first of that name; nothing where there is none.
  TROTH_EXPORT std::optional<std::string_view> QueryValue(std::string_view name) const;
  TROTH_EXPORT std::optional<std::string_view> HeaderValue(std::string_view name) const;
};

struct GatewayAnswer {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json; charset=utf-8";
};

// Who sends a request, as far as its head tells.
struct GatewayCaller {
  std::string name = {};                      // as `authorize` says it; may be empty
  std::optional<GatewayAnswer> refusal = {};  // there: this caller is not served
};

struct GatewayOptions {
  // Where dtm's routes are; /api/json-rpc, /api/metrics and /api/ping stand beside it.
  std::string base_path = "/api/dtmsvr";

  // Says who may: the caller's name, which is the author of what a person does through the gateway
  // (force stop, reset), or nothing: the request is refused with 403. A name may be empty; then
  // such an act has to name its author itself (header Troth-Author). Asked once for every request,
  // before its body is read and so without it, on the server's threads, several at once; what it
  // throws refuses. Without `authorize` only peers on this machine are served, and nothing that a
  // web page sends: no request with the header Origin, none that a browser marks as cross-site,
  // none whose Host is a name other than localhost.
  std::function<std::optional<std::string>(const GatewayRequest&)> authorize = {};

  // What a branch URL that comes through the gateway (steps, branches, query_prepared,
  // subscribers; and each subscriber of a topic that a step names, whoever added it) must begin
  // with: "https://bank.example/api" allows that path and what is below it on that scheme, host
  // and port. Empty: any http(s) URL, so that who may call the gateway can make this process call
  // whatever it reaches. local: URLs are refused unless their function is named here, whole and
  // without a query: "local:reserve" allows "local:reserve?room=7" too.
  std::vector<std::string> branch_urls = {};

  // How long a submit with wait_result waits for the end before it answers 425. Some SDKs give up
  // after 8 s, and then know less than a 425 says.
  std::chrono::milliseconds wait{5'000};

  // Larger bodies are refused with 413 where the server has let them through. JSON is refused past
  // `json_depth` levels, or `json_values` values in all.
  size_t body_bytes = 8u << 20;
  size_t json_depth = 32;
  size_t json_values = 100'000;
};

// Serves one coordinator, which must outlive it and stay where it is. Thread-safe; Handle blocks as
// the coordinator's own methods do, and with wait_result up to GatewayOptions::wait.
class TROTH_EXPORT Gateway {
 public:
  // kInvalidArgument names the option: a base path that is none, a branch URL that no branch can
  // have, a bound of zero.
  static Status Check(const GatewayOptions& options);

  // Ends the process where Check refuses the options.
  explicit Gateway(Coordinator& coordinator, GatewayOptions options = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Answers any request; it never throws. 404 for what is no route. A coordinator that is closed,
  // read-only or has lost its store answers no FAILURE: 500, which says nothing of a transaction.
  GatewayAnswer Handle(const GatewayRequest& request);

  // The same in two steps, for a server that can keep a body back: it need not hold the bodies of
  // those who are refused. Admit asks `authorize`, and looks at no body; Handle believes `caller`,
  // which must be what Admit said of the same request.
  GatewayCaller Admit(const GatewayRequest& head);
  GatewayAnswer Handle(const GatewayRequest& request, const GatewayCaller& caller);

  const GatewayOptions& options() const;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// An `authorize` for "Authorization: Bearer <token>": token → the name of who has it. Compared in a
// time that tells nothing of the tokens.
TROTH_EXPORT std::function<std::optional<std::string>(const GatewayRequest&)> BearerTokens(
    std::map<std::string, std::string> tokens);

}  // namespace troth
