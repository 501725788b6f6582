// Sagas that other processes submit over HTTP and wait for, beside what the same server answers to
// the same requests without looking at them, at once or after a commit: gateway. What bad requests
// cost the good ones: gateway-abuse. What open connections cost: gateway-idle.
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "branches.h"
#include "child.h"
#include "group_commit.h"
#include "groups.h"
#include "http_load.h"
#include "machine.h"
#include "troth/httplib_gateway.h"
#include "troth/httplib_server.h"
#include "troth/saga.h"

namespace troth::bench {
namespace {

using std::chrono::milliseconds;

constexpr char kServer[] = "gateway-server";
constexpr char kConstant[] = "/constant";
constexpr char kCommitted[] = "/committed/";  // and how many connections ask for it
constexpr char kSubmit[] = "/api/dtmsvr/submit";
constexpr milliseconds kWarmUp{200};

constexpr char kPayload[] = R"({"amount":30})";

// What a saga of two empty steps leaves in the store: it is written once, with its end.
Shape EmptySagaShape() {
  const TemporaryFolder folder;
  Coordinator coordinator = Take(Coordinator::Open({.store = folder.File("troth.db")}), "open");
  Saga saga;
  for (int i = 0; i < 2; ++i) saga.Add({.payload = kPayload});
  Take(coordinator.Run(saga, std::chrono::minutes(1)), "run");
  Check(coordinator.Close(), "close");
  return ShapeOf(folder.File("troth.db"));
}

// The gateway over the store in that file, and routes that answer what a success looks like: at
// once, or after SQLite has committed what an empty saga writes, on a file beside it.
void ServeGateway(const Arguments& arguments) {
  Coordinator coordinator = Take(Coordinator::Open({.store = arguments.at(0)}), "open");
  Gateway gateway(coordinator);
  BoundedServer server;
  server.new_task_queue = [] { return new ElasticTaskQueue; };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000'000);
  server.set_payload_max_length(gateway.options().body_bytes);
  server.set_keep_alive_timeout(3'600);
  Mount(server, gateway);
  const auto succeed = [](const httplib::Request&, httplib::Response& response) {
    response.set_content(R"({"dtm_result":"SUCCESS"})", "application/json; charset=utf-8");
  };
  server.Post(kConstant, succeed);
  const Shape shape = EmptySagaShape();
  GroupCommit sqlite(arguments.at(0) + "-ceiling");
  const auto commit = [&](auto write) {
    return [&, write](const httplib::Request& request, httplib::Response& response) {
      RawTransaction raw(shape);
      write(raw);
      succeed(request, response);
    };
  };
  server.Post(std::string(kCommitted) + "1",
              commit([&](RawTransaction& raw) { sqlite.InsertEndedAlone(raw); }));
  server.Post(std::string(kCommitted) + "64",
              commit([&](RawTransaction& raw) { sqlite.InsertEnded(raw); }));
  const int port = Bind(server, "127.0.0.1", 0);
  Check(port > 0, "bind");
  Say("pid", getpid());
  Say("port", port);
  server.listen_after_bind();
}

// Two steps, waited for; `name` begins the gids.
std::string SagaJson(const std::string& name, const std::string& first, const std::string& second) {
  const auto step = [](const std::string& url) {
    return R"({"action":")" + url + R"(","compensate":")" + url + R"("})";
  };
  return R"({"gid":")" + name + R"(-############","trans_type":"saga","steps":[)" + step(first) +
         "," + step(second) +
         R"(],"payloads":["{\"amount\":30}","{\"amount\":30}"],"wait_result":true})";
}

class Server {
 public:
  explicit Server(const std::string& store) : child_(kServer, {store}) {
    port_ = static_cast<int>(child_.Number("port"));
  }
  int port() const { return port_; }
  pid_t pid() { return child_.pid(); }

  // Each time with connections of its own; the numbers in the requests go on.
  double Rate(NumberedRequest& request, int connections, const Bench& bench) const {
    HttpClients clients(port_, connections);
    return clients.Rate(request, kWarmUp, bench.round_time());
  }

 private:
  Child child_;
  int port_ = 0;
};

// --- gateway ---

void AddSagas(Bench& bench, const Server& server, const std::string& name, const std::string& json,
              const std::string& counted, Goal goal) {
  NumberedRequest sagas(kSubmit, json);
  NumberedRequest constant(kConstant, json);
  for (const int connections : {1, 64}) {
    bench.AddByTurns(
        {.name = "gateway/" + name + "/" + std::to_string(connections),
         .value = {},
         .unit = "sagas/s",
         .counted = "two " + counted + ", submitted over HTTP with wait_result by " +
                    std::to_string(connections) + " kept-alive connection" +
                    (connections == 1 ? "" : "s"),
         .against = "the same server, the same requests, a constant as the answer",
         .goal = goal},
        [&] { return server.Rate(sagas, connections, bench); },
        [&] { return server.Rate(constant, connections, bench); });
  }
}

// The most that any coordinator could do whose answer is durable.
void AddCommitted(Bench& bench, const Server& server) {
  const std::string json = SagaJson("durable", "", "");
  NumberedRequest sagas(kSubmit, json);
  for (const int connections : {1, 64}) {
    const std::string number = std::to_string(connections);
    NumberedRequest committed(kCommitted + number, json);
    bench.AddByTurns(
        {.name = "gateway/durable/" + number,
         .value = {},
         .unit = "sagas/s",
         .counted = "as gateway/empty/" + number,
         .against = connections == 1 ? "the same server, a constant as the answer after one commit "
                                       "of the same rows, by SQLite on the server's own thread"
                                     : "the same, committed by one writer in groups",
         .goal = NoGoal()},
        [&] { return server.Rate(sagas, connections, bench); },
        [&] { return server.Rate(committed, connections, bench); });
  }
}

void Submits(Bench& bench) {
  const TemporaryFolder disk;
  const TemporaryFolder memory("/dev/shm");
  const Server on_disk(disk.File("troth.db"));
  const Server in_memory(memory.File("troth.db"));
  AddSagas(bench, on_disk, "empty", SagaJson("empty", "", ""), "empty steps", AtLeast(0.4));
  AddCommitted(bench, on_disk);
  AddSagas(bench, in_memory, "no-disk", SagaJson("empty", "", ""),
           "empty steps, a store whose syncs take no time", AtLeast(0.4));
  Child branches(kNoOpServer, {});
  const std::string url = UrlOf(branches);
  AddSagas(bench, on_disk, "http", SagaJson("http", url + "/first", url + "/second"),
           "no-op HTTP steps", NoGoal());
}

// --- gateway-abuse ---

constexpr uint64_t kGoodForEachBad = 100;
constexpr size_t kTooMuch = 9'000'000;  // the default bound is 8 MiB
constexpr timeval kBadPatience{.tv_sec = 0, .tv_usec = 5'000};

std::string Post(const std::string& length, const std::string& body) {
  return "POST " + std::string(kSubmit) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         length + "\r\n\r\n" + body;
}
std::string Post(const std::string& body) { return Post(std::to_string(body.size()), body); }

// What no SDK sends.
std::vector<std::string> BadRequests() {
  const std::string saga = R"({"gid":"bad","trans_type":"saga",)";
  return {
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\xff'),
      "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
      "GET /api/ping HTTP/1.1\r\nX: " + std::string(100'000, 'b') + "\r\n\r\n",
      Post(saga + std::string(10'000, '{')),
      Post(std::string(100'000, '[')),
      Post(saga + R"("timeout_to_fail":1e300,"steps":[{"action":"http://a"}],"payloads":["1"]})"),
      Post(saga + R"("branch_headers":{"a":"b\r\nc: d"},"steps":[{"action":""}],"payloads":[""]})"),
      Post(std::string(kTooMuch, ' ')),
      Post("100000000000", std::string(100'000, ' ')),  // and breaks off
      Post("-1", "{}"),
      Post("1000", "{"),  // and waits
  };
}

// Sends bad requests beside the clients' good ones, each on a connection of its own.
class Abuser {
 public:
  Abuser(int port, const HttpClients& good)
      : port_(port), good_(good), thread_([this] { Run(); }) {}
  ~Abuser() {
    stop_ = true;
    thread_.join();
  }
  Abuser(const Abuser&) = delete;
  Abuser& operator=(const Abuser&) = delete;

 private:
  void Run() {
    const std::vector<std::string> requests = BadRequests();
    for (uint64_t sent = 0; !stop_;) {
      while (sent < good_.answers() / kGoodForEachBad) Send(requests[sent++ % requests.size()]);
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  // Nobody cares what becomes of it.
  void Send(const std::string& request) const {
    const int socket = ConnectTo(port_);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kBadPatience, sizeof kBadPatience);
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kBadPatience, sizeof kBadPatience);
    (void)!send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    char answer = 0;  // what sends nothing complete gets none
    (void)!recv(socket, &answer, 1, 0);
    close(socket);
  }

  const int port_;
  const HttpClients& good_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// In answers for a second of a processor that the server is at work: what the clients do with the
// machine meanwhile is no matter.
double Thrift(Server& server, NumberedRequest& request, bool abused, const Bench& bench) {
  HttpClients clients(server.port(), 64);
  std::optional<Abuser> abuser;
  if (abused) abuser.emplace(server.port(), clients);
  const double before = ProcessorSeconds(server.pid());
  clients.Rate(request, {}, bench.round_time());
  abuser.reset();
  const double took = ProcessorSeconds(server.pid()) - before;
  return static_cast<double>(clients.answers()) / took;
}

void Abuse(Bench& bench) {
  const TemporaryFolder memory("/dev/shm");
  Server server(memory.File("troth.db"));
  NumberedRequest sagas(kSubmit, SagaJson("good", "", ""));
  bench.AddByTurns(
      {.name = "gateway-abuse",
       .value = {},
       .unit = "sagas/CPU-s",
       .counted =
           "two empty steps, by 64 kept-alive connections, for each 100 one bad request: no "
           "HTTP, no JSON, too long, too deep, too much, broken off; a second of the server's "
           "processor",
       .against = "the same without the bad ones",
       .goal = AtLeast(0.95)},
      [&] { return Thrift(server, sagas, true, bench); },
      [&] { return Thrift(server, sagas, false, bench); });
}

// --- gateway-idle ---

void IdleConnections(Bench& bench) {
  constexpr std::chrono::seconds kSettle{3};
  constexpr std::chrono::seconds kWatch{5};
  const TemporaryFolder memory("/dev/shm");
  Server server(memory.File("troth.db"));
  NumberedRequest sagas(kSubmit, SagaJson("idle", "", ""));
  HttpClients clients(server.port(), 64);
  clients.Rate(sagas, {}, milliseconds(100));
  std::this_thread::sleep_for(kSettle);
  const uint64_t before = Switches(server.pid());
  std::this_thread::sleep_for(kWatch);
  bench.Add({.name = "gateway-idle",
             .value = SpreadOf({static_cast<double>(Switches(server.pid()) - before)}),
             .unit = "wake-ups",
             .counted = "of all threads of the server in 5 s, with 64 kept-alive connections on "
                        "which nothing comes",
             .goal = AtMost(0)});
}

}  // namespace

Group GatewayCases() {
  return {.cases = {{.name = "gateway", .run = Submits},
                    {.name = "gateway-abuse", .run = Abuse},
                    {.name = "gateway-idle", .run = IdleConnections}},
          .roles = {{kServer, ServeGateway}}};
}

}  // namespace troth::bench
