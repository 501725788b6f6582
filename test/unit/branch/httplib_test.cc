// Branches served by a real httplib server on a free port.
#include "troth/httplib.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace troth {
namespace {

// Runs a server until it is destroyed. What is served must be set up before Start().
class TestServer {
 public:
  explicit TestServer(httplib::Server& server) : server_(server) {
    server_.set_keep_alive_timeout(1);
    port_ = server_.bind_to_any_port("127.0.0.1");
    REQUIRE(port_ > 0);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestServer() {
    server_.stop();
    thread_.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  httplib::Client Connect() const {
    httplib::Client client("127.0.0.1", port_);
    client.set_keep_alive(true);
    return client;
  }

 private:
  httplib::Server& server_;
  int port_ = 0;
  std::thread thread_;
};

constexpr char kQuery[] = "?gid=g%201&trans_type=saga&branch_id=01&op=action";

std::string Url(const std::string& path) { return path + kQuery; }

}  // namespace

TEST_CASE("a served branch answers its verdicts over HTTP, for GET and POST") {
  httplib::Server server;
  Serve(server, "/echo", [](const BranchContext& context, std::string_view payload) {
    return BranchResult::Success(context.gid + "/" + context.op + "/" + std::string(payload));
  });
  Serve(server, "/done",
        [](const BranchContext&, std::string_view) { return BranchResult::Success(); });
  Serve(server, "/no",
        [](const BranchContext&, std::string_view) { return BranchResult::Failure("not enough"); });
  Serve(server, "/later",
        [](const BranchContext&, std::string_view) { return BranchResult::Ongoing(); });
  Serve(server, "/throws", [](const BranchContext&, std::string_view) -> BranchResult {
    throw std::range_error("7");
  });
  Serve(server, "/throws-odd",
        [](const BranchContext&, std::string_view) -> BranchResult { throw 7; });
  const TestServer running(server);
  httplib::Client client = running.Connect();
  const auto get = [&](const std::string& path) {
    const httplib::Result result = client.Get(Url(path));
    REQUIRE(result);
    return std::to_string(result->status) + " " + result->body;
  };
  CHECK(get("/echo") == "200 g 1/action/");
  CHECK(get("/done") == R"(200 {"dtm_result":"SUCCESS"})");
  CHECK(get("/no") == R"(409 {"dtm_result":"FAILURE","message":"not enough"})");
  CHECK(get("/later") == R"(425 {"dtm_result":"ONGOING","message":""})");
  CHECK(get("/throws") == R"(500 {"message":"exception: 7"})");
  CHECK(get("/throws-odd") == R"(500 {"message":"an exception of an unknown type"})");
  const httplib::Result posted = client.Post(Url("/echo"), "a\r\nb", "application/json");
  REQUIRE(posted);
  CHECK(posted->body == "g 1/action/a\r\nb");
  CHECK(posted->get_header_value("Content-Type") == "application/json");
}

TEST_CASE("a query that names no branch operation is answered 400, and nothing is run") {
  httplib::Server server;
  std::atomic<int> calls = 0;
  Serve(server, "/branch", [&](const BranchContext&, std::string_view) {
    ++calls;
    return BranchResult::Success();
  });
  const TestServer running(server);
  httplib::Client client = running.Connect();
  const httplib::Result result = client.Post("/branch?gid=g&trans_type=saga&op=action");
  REQUIRE(result);
  CHECK(result->status == 400);
  CHECK(result->body == R"({"message":"query parameter branch_id: missing"})");
  CHECK(calls == 0);
}

TEST_CASE("HEAD runs no branch") {
  httplib::Server server;
  std::atomic<int> calls = 0;
  Serve(server, "/branch", [&](const BranchContext&, std::string_view) {
    ++calls;
    return BranchResult::Success();
  });
  const TestServer running(server);
  const httplib::Result result = running.Connect().Head(Url("/branch"));
  REQUIRE(result);
  CHECK(result->status == 405);
  CHECK(result->get_header_value("Allow") == "GET, POST");
  CHECK(calls == 0);
}

TEST_CASE("a branch sees the headers that were sent, and none that the server made up") {
  httplib::Server server;
  Headers seen;
  Serve(server, "/branch", [&](const BranchContext& context, std::string_view) {
    seen = context.headers;
    return BranchResult::Success();
  });
  const TestServer running(server);
  REQUIRE(running.Connect().Get(Url("/branch"), {{"traceparent", "00-ab-cd-01"}}));
  const auto has = [&](std::string_view name) {
    return std::any_of(seen.begin(), seen.end(),
                       [&](const Header& header) { return header.name == name; });
  };
  CHECK(std::find(seen.begin(), seen.end(), Header{"traceparent", "00-ab-cd-01"}) != seen.end());
  CHECK_FALSE(has("REMOTE_ADDR"));
  CHECK_FALSE(has("LOCAL_PORT"));
}

TEST_CASE("with the elastic queue many kept-alive connections are served at once") {
  constexpr int kConnections = 100;
  httplib::Server server;
  server.new_task_queue = [] { return new ElasticTaskQueue; };
  Serve(server, "/branch",
        [](const BranchContext&, std::string_view) { return BranchResult::Success(); });
  const TestServer running(server);
  std::vector<httplib::Client> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(running.Connect());
    clients.back().set_read_timeout(10);
  }
  for (int round = 0; round < 3; ++round) {
    for (httplib::Client& client : clients) {
      const httplib::Result result = client.Get(Url("/branch"));
      REQUIRE(result);
      CHECK(result->status == 200);
    }
  }
}

TEST_CASE("the elastic queue has a thread for every task that waits for the others") {
  constexpr int kTasks = 40;
  ElasticTaskQueue queue;
  std::barrier together(kTasks);
  for (int i = 0; i < kTasks; ++i) {
    queue.enqueue([&] { together.arrive_and_wait(); });
  }
  queue.shutdown();
  CHECK(queue.threads() == 0);
}

TEST_CASE("the elastic queue keeps to its bound, and runs all that is queued before it ends") {
  ElasticTaskQueue queue(3);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  for (int i = 0; i < 500; ++i) {
    queue.enqueue([&] {
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      --running;
      ++done;
    });
  }
  CHECK(queue.threads() <= 3);
  queue.shutdown();
  queue.shutdown();
  CHECK(done == 500);
  CHECK(most <= 3);
}

TEST_CASE("threads of the elastic queue have a stack for long paths, whatever the default is") {
  pthread_attr_t usual;
  pthread_attr_t small;
  REQUIRE(pthread_getattr_default_np(&usual) == 0);
  REQUIRE(pthread_attr_init(&small) == 0);
  REQUIRE(pthread_attr_setstacksize(&small, 1u << 20) == 0);
  REQUIRE(pthread_setattr_default_np(&small) == 0);
  ElasticTaskQueue queue;
  size_t bytes = 0;
  queue.enqueue([&] {
    pthread_attr_t own;
    void* stack = nullptr;
    if (pthread_getattr_np(pthread_self(), &own) != 0) return;
    pthread_attr_getstack(&own, &stack, &bytes);
    pthread_attr_destroy(&own);
  });
  queue.shutdown();
  CHECK(pthread_setattr_default_np(&usual) == 0);
  CHECK(bytes >= 8u << 20);
}

TEST_CASE("threads of the elastic queue that have nothing to do end, and others come") {
  ElasticTaskQueue queue(100, std::chrono::milliseconds(1));
  for (int round = 0; round < 5; ++round) {
    std::latch done(10);
    for (int i = 0; i < 10; ++i) queue.enqueue([&] { done.count_down(); });
    done.wait();
    while (queue.threads() > 0) std::this_thread::yield();
  }
}

TEST_CASE("the elastic queue reuses a thread that is free") {
  ElasticTaskQueue queue(100, std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) {
    std::latch done(1);
    queue.enqueue([&] { done.count_down(); });
    done.wait();
  }
  // A thread is free a moment after its task is done, so now and then a second one was needed.
  CHECK(queue.threads() < 50);
}

}  // namespace troth
