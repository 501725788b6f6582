// The gateway mounted on a real httplib server, over a coordinator on a real file.
#include <doctest/doctest.h>

#include <string>
#include <thread>

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
    server_.set_keep_alive_timeout(1);
    Mount(server_, gateway);
    server_.Get("/mine", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("mine", "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
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

}  // namespace troth
