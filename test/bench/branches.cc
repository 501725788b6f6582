#include "branches.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "local.h"
#include "machine.h"
#include "model/url.h"
#include "transport/http/http_transport.h"
#include "troth/httplib.h"
#include "troth/httplib_gateway.h"

namespace troth::bench {
namespace {

// One call, and its caller who waits.
class Awaited : public internal::CallSink {
 public:
  void OnCallEnded(internal::CallEnded&& ended) override {
    const std::lock_guard lock(mutex_);
    ended_ = std::move(ended);
    changed_.notify_one();
  }
  internal::CallEnded Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_.has_value(); });
    return *std::move(ended_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<internal::CallEnded> ended_;
};

}  // namespace

void ServeBranches(const std::vector<ServedBranch>& branches) {
  httplib::Server server;
  server.new_task_queue = [] { return new ElasticTaskQueue; };
  server.set_keep_alive_max_count(1'000'000'000);
  server.set_tcp_nodelay(true);
  for (const ServedBranch& branch : branches) Serve(server, branch.path, branch.function);
  const int port = Bind(server, "0.0.0.0", 0);
  Check(port > 0, "no port");
  Say("port", port);
  server.listen_after_bind();
  Fail("the server has ended");
}

std::string UrlOf(Child& server) { return UrlOf(server, 1); }
std::string UrlOf(Child& server, int host) {
  return "http://127.0.0." + std::to_string(host) + ":" +
         std::to_string(static_cast<int>(server.Number("port")));
}

Saga SagaAt(const std::string& first, const std::string& second) {
  Saga saga;
  const std::string payload = R"({"amount":30})";
  saga.Add({.action = first, .compensate = first, .payload = payload});
  saga.Add({.action = second, .compensate = second, .payload = payload});
  return saga;
}

struct PlainClient::Transport {
  internal::HttpTransport http{{}};
  std::atomic<uint64_t> next{1};
};

PlainClient::PlainClient() : transport_(std::make_unique<Transport>()) {}
PlainClient::~PlainClient() = default;

void PlainClient::CallBoth(const Saga& saga) {
  int number = 0;
  for (const SagaStep& step : saga.steps) {
    Awaited awaited;
    internal::Call call;
    call.id = transport_->next++;
    call.context = {.gid = saga.gid,
                    .trans_type = "saga",
                    .branch_id = "0" + std::to_string(++number),
                    .op = "action",
                    .coordinator = {},
                    .phase2_url = {},
                    .headers = {}};
    call.url = internal::WithCallQuery(step.action, call.context);
    call.payload = step.payload;
    call.timeout = std::chrono::seconds(3);
    transport_->http.Start(std::move(call), awaited);
    const internal::CallEnded ended = awaited.Wait();
    Check(ended.kind == internal::CallEnded::Kind::kAnswered &&
              ended.verdict == BranchResult::Verdict::kSuccess,
          "a call has failed: " + ended.text);
  }
}

void RunNoOpServer(const Arguments&) {
  const auto nothing = [](const BranchContext&, std::string_view) {
    return BranchResult::Success();
  };
  ServeBranches({{"/first", nothing}, {"/second", nothing}});
}

double SagasOverHttp(Child& server, const Load& load) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  const std::string url = UrlOf(server);
  const double rate =
      Rate(load, [&](int) { RunSaga(coordinator, SagaAt(url + "/first", url + "/second")); });
  Check(coordinator.Close(), "close");
  return rate;
}

}  // namespace troth::bench
