// The gateway mounted on a real httplib server, over a coordinator on a real file.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../store/temporary_folder.h"
#include "troth/httplib_gateway.h"

namespace troth {
namespace {

using internal::TemporaryFolder;

Coordinator MustOpen(const std::string& path) {
  Result<Coordinator> opened = Coordinator::Open(
      {.store = path,
       .local = {{"yes", [](const BranchContext&, std::string_view, std::stop_token) {
                    return BranchResult::Success();
                  }}}});
  REQUIRE_MESSAGE(opened.ok(), opened.status());
  return *std::move(opened);
}

// Serves the gateway until it is destroyed, beside a route of the application's.
class Served {
 public:
  explicit Served(Gateway& gateway) {
    server_.new_task_queue = [] { return new ElasticTaskQueue; };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(60);  // a busy machine is no slow client
    Mount(server_, gateway);
    server_.Get("/mine", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("mine", "text/plain");
    });
    port_ = Bind(server_, "127.0.0.1", 0);
    REQUIRE(port_ > 0);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Served() {
    server_.stop();
    thread_.join();
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  httplib::Client Connect() const { return httplib::Client("127.0.0.1", port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

constexpr char kSaga[] =
    R"({"gid":"over http","trans_type":"saga","wait_result":true,"payloads":["{}"],)"
    R"("steps":[{"action":"local:yes","compensate":"local:yes"}]})";

}  // namespace

TEST_CASE("gateway over HTTP: a saga is submitted, waited for and queried by a real client") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.branch_urls = {"local:yes"}});
  const Served served(gateway);
  httplib::Client client = served.Connect();

  const auto submitted = client.Post("/api/dtmsvr/submit", kSaga, "application/json");
  REQUIRE(submitted);
  CHECK(submitted->body == R"({"dtm_result":"SUCCESS"})");
  CHECK(submitted->status == 200);
  CHECK(submitted->get_header_value("Content-Type") == "application/json; charset=utf-8");

  const auto shown = client.Get("/api/dtmsvr/query?gid=over%20http");
  REQUIRE(shown);
  CHECK(shown->body.find(R"("status":"succeed")") != std::string::npos);

  CHECK(client.Get("/mine")->body == "mine");
  CHECK(client.Get("/api/ping")->body == R"({"msg":"pong"})");
  CHECK(client.Get("/api/dtmsvr/nothing")->status == 404);
  CHECK(client.Head("/api/dtmsvr/newGid")->status == 405);
  CHECK(client.Get("/api/dtmsvr/newGid", {{"Origin", "http://evil.example"}})->status == 403);
}

TEST_CASE("gateway over HTTP: many who wait for their ends starve no submit") {
  constexpr int kWaiting = 100;  // httplib's own pool has 8 threads
  const TemporaryFolder folder;
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> begun;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  const auto later = [&](const BranchContext& context, std::string_view, std::stop_token) {
    const std::lock_guard lock(mutex);
    begun.insert(context.gid);
    changed.notify_one();
    return BranchResult::Ongoing();
  };
  REQUIRE(coordinator.RegisterLocal({"later", later}).ok());
  Gateway gateway(coordinator,
                  {.branch_urls = {"local:yes", "local:later"}, .wait = std::chrono::seconds(60)});
  std::atomic<int> answered{0};
  std::vector<std::thread> waiting;
  {
    const Served served(gateway);
    for (int i = 0; i < kWaiting; ++i) {
      waiting.emplace_back([&served, &answered, i] {
        httplib::Client client = served.Connect();
        client.set_read_timeout(std::chrono::seconds(90));
        const std::string saga = R"({"gid":"w)" + std::to_string(i) +
                                 R"(","trans_type":"saga","wait_result":true,"payloads":[""],)"
                                 R"("steps":[{"action":"local:later"}]})";
        const auto answer = client.Post("/api/dtmsvr/submit", saga, "application/json");
        if (answer && answer->status == 425) ++answered;
      });
    }
    {
      std::unique_lock lock(mutex);
      CHECK(changed.wait_for(lock, std::chrono::seconds(30),
                             [&] { return begun.size() == kWaiting; }));
    }
    CHECK(coordinator.GetStatistics().saga.accepted == kWaiting);
    httplib::Client client = served.Connect();
    const auto asked = std::chrono::steady_clock::now();
    const auto submitted = client.Post("/api/dtmsvr/submit", kSaga, "application/json");
    REQUIRE(submitted);
    CHECK(submitted->body == R"({"dtm_result":"SUCCESS"})");
    CHECK(std::chrono::steady_clock::now() - asked < std::chrono::seconds(30));
    CHECK(coordinator.Close().ok());  // answers who waits
    for (std::thread& each : waiting) each.join();
  }
  CHECK(answered == kWaiting);
}

}  // namespace troth
