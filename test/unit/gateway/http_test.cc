// The gateway mounted on a real httplib server, over a coordinator on a real file.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "../store/temporary_folder.h"
#include "raw_client.h"
#include "troth/httplib_gateway.h"
#include "troth/httplib_server.h"

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
template <class Server = BoundedServer>
class Served {
 public:
  explicit Served(Gateway& gateway,
                  std::chrono::milliseconds request_time = std::chrono::minutes(5),
                  size_t body_max = 8u << 20) {
    if constexpr (std::is_same_v<Server, BoundedServer>) server_.set_request_timeout(request_time);
    server_.set_payload_max_length(body_max);
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

  int port() const { return port_; }
  httplib::Client Connect() const { return httplib::Client("127.0.0.1", port_); }

 private:
  Server server_;
  int port_ = 0;
  std::thread thread_;
};

std::string SubmitRequest(const std::string& body) {
  return "POST /api/dtmsvr/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

size_t CountOf(std::string_view part, const std::string& text) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

constexpr char kSaga[] =
    R"({"gid":"over http","trans_type":"saga","wait_result":true,"payloads":["{}"],)"
    R"("steps":[{"action":"local:yes","compensate":"local:yes"}]})";

}  // namespace

TEST_CASE("gateway over HTTP: a saga is submitted, waited for and queried by a real client") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.branch_urls = {"local:yes"}});
  const Served<> served(gateway);
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

TEST_CASE("gateway over HTTP: a thousand who wait for their ends starve no submit") {
  constexpr size_t kWaiting = 1'000;  // httplib's own pool has 8 threads
  rlimit files{};                     // each has two ends in this process
  REQUIRE(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = std::max<rlim_t>(files.rlim_cur, std::min<rlim_t>(files.rlim_max, 4'096));
  REQUIRE(setrlimit(RLIMIT_NOFILE, &files) == 0);

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
                  {.branch_urls = {"local:yes", "local:later"}, .wait = std::chrono::minutes(5)});
  const Served<> served(gateway);
  std::vector<std::unique_ptr<RawClient>> waiting;
  for (size_t i = 0; i < kWaiting; ++i) {
    waiting.push_back(std::make_unique<RawClient>(served.port()));
    REQUIRE(waiting.back()->Send(
        SubmitRequest(R"({"gid":"w)" + std::to_string(i) +
                      R"(","trans_type":"saga","wait_result":true,"payloads":[""],)"
                      R"("steps":[{"action":"local:later"}]})")));
  }
  {
    std::unique_lock lock(mutex);
    CHECK(
        changed.wait_for(lock, std::chrono::minutes(1), [&] { return begun.size() == kWaiting; }));
  }
  CHECK(coordinator.GetStatistics().saga.accepted == kWaiting);
  httplib::Client client = served.Connect();
  const auto asked = std::chrono::steady_clock::now();
  const auto submitted = client.Post("/api/dtmsvr/submit", kSaga, "application/json");
  REQUIRE(submitted);
  CHECK(submitted->body == R"({"dtm_result":"SUCCESS"})");
  const auto took = std::chrono::steady_clock::now() - asked;
  MESSAGE("beside 1,000 who wait a submit took "
          << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
  CHECK(took < std::chrono::seconds(30));
  CHECK(coordinator.Close().ok());  // answers who waits
  size_t ongoing = 0;
  for (const auto& each : waiting) ongoing += each->Status() == "425" ? 1 : 0;
  CHECK(ongoing == kWaiting);
}

TEST_CASE("gateway over HTTP: a body in chunks is bounded too, and what follows it is answered") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.body_bytes = 10'000});
  const Served<> served(gateway);
  const RawClient client(served.port());
  REQUIRE(client.Send("POST /api/dtmsvr/submit HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (int i = 0; i < 100; ++i) {
    REQUIRE(client.Send("3e8\r\n" + std::string(1'000, ' ') + "\r\n"));
  }
  REQUIRE(client.Send("0\r\n\r\n"));
  CHECK(client.Status() == "413");
  httplib::Client other = served.Connect();
  const std::string saga =
      R"({"gid":"chunked","trans_type":"saga","payloads":[""],"steps":[{"action":""}]})";
  const auto submitted = other.Post(
      "/api/dtmsvr/submit",
      [&](size_t, httplib::DataSink& sink) {
        sink.write(saga.data(), saga.size());
        sink.done();
        return true;
      },
      "application/json");
  REQUIRE(submitted);
  CHECK(submitted->body == R"({"dtm_result":"SUCCESS"})");
  CHECK(coordinator.GetStatistics().saga.accepted == 1);
}

TEST_CASE("gateway over HTTP: a body that is refused is told why, and is not stored") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.body_bytes = 10'000});
  const Served<> served(gateway, std::chrono::minutes(5), gateway.options().body_bytes);
  httplib::Client client = served.Connect();
  const auto large =
      client.Post("/api/dtmsvr/submit", std::string(10'001, ' '), "application/json");
  REQUIRE(large);
  CHECK(large->status == 413);
  CHECK(large->body == R"({"message":"body: more than 10000 bytes"})");
  const auto workflow =
      client.Post("/api/dtmsvr/prepareWorkflow", std::string(10'001, ' '), "application/json");
  REQUIRE(workflow);  // without a transaction dtm's Go SDK dies
  CHECK(workflow->body ==
        R"({"message":"body: more than 10000 bytes","transaction":{"status":413}})");
  const auto form = client.Post("/api/dtmsvr/submit",
                                httplib::MultipartFormDataItems{{"gid", "form", "", "text/plain"}});
  REQUIRE(form);
  CHECK(form->status == 400);
  CHECK(form->body == R"({"message":"body: a form, not JSON"})");
  const auto put = client.Put("/api/dtmsvr/submit", kSaga, "application/json");
  REQUIRE(put);
  CHECK(put->status == 405);
  CHECK(client.Post("/api/dtmsvr/submit")->status == 400);
  CHECK(client.Delete("/api/dtmsvr/topic/none")->status != 200);
  CHECK(coordinator.GetStatistics().saga.accepted == 0);
}

TEST_CASE("gateway over HTTP: who may is asked once a request, and before its body is read") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0;
  Gateway gateway(coordinator,
                  {.authorize = [&](const GatewayRequest&) -> std::optional<std::string> {
                    const std::lock_guard lock(mutex);
                    ++asked;
                    changed.notify_one();
                    return std::nullopt;
                  }});
  const Served<> served(gateway);
  const std::string post = "POST /api/dtmsvr/prepareWorkflow HTTP/1.1\r\n";
  const RawClient client(served.port());
  REQUIRE(client.Send(post + "Content-Length: 4\r\n\r\n"));
  {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, std::chrono::minutes(1), [&] { return asked == 1; }));
  }
  // What is refused for other reasons too; each body is taken away, so the next request follows.
  const std::string form =
      "--b\r\nContent-Disposition: form-data; name=\"g\"\r\n\r\nx\r\n--b--\r\n";
  REQUIRE(client.Send("{}{}" + post + "Content-Type: multipart/form-data; boundary=b\r\n" +
                      "Content-Length: " + std::to_string(form.size()) + "\r\n\r\n" + form +
                      "GET /api/ping HTTP/1.1\r\n\r\n" +
                      "PUT /api/ping HTTP/1.1\r\nContent-Length: 1\r\n\r\nx" + post +
                      "Connection: close\r\nContent-Length: 2\r\n\r\nxy"));
  const std::string answers = client.Rest();
  CHECK(CountOf("HTTP/1.1 403 ", answers) == 5);
  CHECK(CountOf("HTTP/1.1 ", answers) == 5);
  CHECK(CountOf(R"("transaction":)", answers) == 3);
  CHECK(asked == 5);
}

TEST_CASE(
    "gateway over HTTP: a plain httplib server unpacks nothing, and reads no further than the "
    "limit") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.body_bytes = 10'000});
  const Served<httplib::Server> served(gateway, {}, SIZE_MAX);
  const std::string hidden = SubmitRequest(kSaga);
  const auto answer = [&](const std::string& method, const std::string& headers,
                          const std::string& body) {
    const RawClient client(served.port());
    REQUIRE(client.Send(method + " /api/dtmsvr/submit HTTP/1.1\r\nHost: localhost\r\n" + headers +
                        "\r\n" + body));
    return client.Rest();
  };
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    CAPTURE(method);
    const std::string said = answer(
        method,
        "Content-Encoding: gzip\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n",
        hidden);
    CHECK(said.starts_with(*method == 'P' && method[1] == 'O' ? "HTTP/1.1 415 " : "HTTP/1.1 405 "));
    CHECK(CountOf("HTTP/1.1 ", said) == 1);
    CHECK(CountOf("Connection: close", said) == 1);
    CHECK(CountOf("Content-Type", said) == 1);
    CHECK(said.ends_with("\"}"));
  }
  const std::string past = answer("POST", "Transfer-Encoding: chunked\r\n",
                                  "61a8\r\n" + std::string(25'000, ' ') + "\r\n" + hidden);
  CHECK(past.starts_with("HTTP/1.1 413 "));
  CHECK(CountOf("HTTP/1.1 ", past) == 1);
  CHECK(coordinator.GetStatistics().saga.accepted == 0);
  CHECK(served.Connect().Options("/api/ping")->body == R"({"msg":"pong"})");
}

TEST_CASE("gateway over HTTP: headers without an end are cut off") {
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator);
  const Served<> served(gateway);
  const RawClient client(served.port());
  REQUIRE(client.Send("GET /api/ping HTTP/1.1\r\n"));
  const std::string line = "X-Filling: " + std::string(1'000, 'x') + "\r\n";
  size_t sent = 0;
  while (sent < 64u << 20 && client.Send(line)) sent += line.size();
  CHECK(sent < 64u << 20);  // a few megabytes fit in the system's buffers
  CHECK(client.Status() != "200");
  CHECK(served.Connect().Get("/api/ping")->status == 200);
}

TEST_CASE("gateway over HTTP: slow clients starve nobody, and are cut off, dripping ones too") {
  constexpr size_t kSlow = 100;
  const TemporaryFolder folder;
  Coordinator coordinator = MustOpen(folder.File("store.db"));
  Gateway gateway(coordinator, {.branch_urls = {"local:yes"}});
  const Served<> served(gateway, std::chrono::milliseconds(500));
  std::vector<std::unique_ptr<RawClient>> slow;
  for (size_t i = 0; i < kSlow; ++i) {
    slow.push_back(std::make_unique<RawClient>(served.port()));
    const std::string_view head = "POST /api/dtmsvr/submit HTTP/1.1\r\nContent-Length: 9\r\n\r\n{";
    REQUIRE(slow.back()->Send(i % 2 == 0 ? head : head.substr(0, 20)));
  }
  httplib::Client client = served.Connect();
  const auto submitted = client.Post("/api/dtmsvr/submit", kSaga, "application/json");
  REQUIRE(submitted);
  CHECK(submitted->status == 200);

  const RawClient dripping(served.port());
  REQUIRE(dripping.Send("GET /api/ping HTTP/1.1\r\nX-Drip: "));
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (dripping.Send("x") && std::chrono::steady_clock::now() < patience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(std::chrono::steady_clock::now() < patience);
  for (const auto& each : slow) CHECK(each->Status() != "200");  // each is refused, or closed
}

}  // namespace troth
