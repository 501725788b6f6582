// The bounds of troth::BoundedServer, over TCP and over TLS.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../transport/certificates.h"
#include "raw_client.h"
#include "troth/httplib_server.h"
#include "troth/httplib_ssl_server.h"

namespace troth {
namespace {

constexpr size_t kBodyMax = 1'000;

struct Times {
  std::chrono::milliseconds request;
  std::chrono::milliseconds read = std::chrono::seconds(5);  // and to write
};

constexpr Times kPatient{.request = std::chrono::minutes(5)};

// Answers what it is sent.
template <class Server>
class Echo {
 public:
  template <class... Arguments>
  explicit Echo(Times times, Arguments&&... arguments)
      : server_(std::forward<Arguments>(arguments)...) {
    server_.new_task_queue = [] { return new ElasticTaskQueue; };
    server_.set_keep_alive_timeout(60);
    server_.set_payload_max_length(kBodyMax);
    server_.set_head_max_length(10'000);
    server_.set_request_timeout(times.request);
    const auto echo = [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.body, "text/plain");
    };
    server_.Post("/", echo);
    server_.Put("/", echo);
    server_.set_read_timeout(times.read);
    server_.set_write_timeout(times.read);
    server_.Get("/large", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(64u << 20, 'l'), "text/plain");
    });
    server_.Get("/long.*", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(10'000, 'l'), "text/plain");
    });
    port_ = Bind(server_, "127.0.0.1", 0);
    REQUIRE(port_ > 0);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Echo() { Stop(); }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  int port() const { return port_; }
  void Stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  Server server_;
  int port_ = 0;
  std::thread thread_;
};

std::string Post(const std::string& headers, const std::string& body) {
  return "POST / HTTP/1.1\r\n" + headers + "\r\n" + body;
}
std::string Post(const std::string& body) {
  return Post("Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}
std::string Chunked(const std::string& chunks) {
  return Post("Transfer-Encoding: chunked\r\n", chunks);
}
constexpr char kClose[] = "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nend";

size_t Count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What is answered to those bytes and, if it goes on, to one more request.
std::string Answers(const Echo<BoundedServer>& echo, const std::string& bytes) {
  const RawClient client(echo.port());
  client.Send(bytes);
  client.Send(kClose);
  return client.Rest();
}

}  // namespace

TEST_CASE("bounded server: a body that is too long is refused unread, and the answer arrives") {
  const Echo<BoundedServer> echo(kPatient);
  CHECK(Answers(echo, Post(std::string(kBodyMax, 'x'))).ends_with("end"));
  // More than the system's buffers hold: it would be reset if nobody took it away.
  const std::string refused = Answers(echo, Post(std::string(8u << 20, 'x')));
  CHECK(refused.starts_with("HTTP/1.1 413 "));
  CHECK(Count(refused, "Connection: close") == 1);
  CHECK(Count(refused, "HTTP/1.1") == 1);
  // Nothing of it need be sent; who asks first is told no.
  const RawClient asking(echo.port());
  REQUIRE(asking.Send(Post("Content-Length: 99999999999\r\nExpect: 100-continue\r\n", "")));
  CHECK(asking.Status() == "413");
}

TEST_CASE("bounded server: of a body it is certain how long it is, or the connection ends") {
  const Echo<BoundedServer> echo(kPatient);
  for (const char* headers : {
           "Content-Length: -1\r\n",
           "Content-Length: 3\r\nContent-Length: 4\r\n",
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: gzip\r\n",
           "Content-Length: 3,3\r\n",
       }) {
    CAPTURE(headers);
    const std::string answer = Answers(echo, Post(headers, "abc"));
    CHECK(Count(answer, "HTTP/1.1") == 1);
    CHECK(Count(answer, "Connection: close") == 1);
  }
  CHECK(Answers(echo, Post("", "")).ends_with("end"));  // it says nothing: it has none
}

TEST_CASE("bounded server: chunks are followed to their end, and bounded in all") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string good = Answers(echo, Chunked("3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"));
  CHECK(Count(good, "HTTP/1.1 200") == 2);
  CHECK(Count(good, "abc0123456789") == 1);
  for (const std::string& chunks : {
           std::string("\r\nabc\r\n0\r\n\r\n"),
           std::string("xyz\r\nabc\r\n0\r\n\r\n"),
           std::string("3\r\nabcd\r\n0\r\n\r\n"),
           std::string("3\nabc\n0\n\n"),
           std::string("ffffffffffffffffffff\r\nabc\r\n"),
           std::string("1;") + std::string(2'000, 'e') + "\r\na\r\n0\r\n\r\n",
           "186a0\r\n" + std::string(100'000, 'x') + "\r\n0\r\n\r\n",
       }) {
    CAPTURE(chunks.substr(0, 50));
    const std::string answer = Answers(echo, Chunked(chunks));
    CHECK(Count(answer, "HTTP/1.1") == 1);
    CHECK(!answer.starts_with("HTTP/1.1 200"));
  }
}

TEST_CASE("bounded server: a chunk's size that others read in another way ends the connection") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string hidden = "\r\n" + Post("hidden");
  for (const std::string size : {"0x5", "0X5", "0_5", "0\r5", "0\"5", "0 \n5"}) {
    CAPTURE(size);
    const std::string answer = Answers(echo, Chunked(size + hidden + "\r\n0\r\n\r\n"));
    CHECK(Count(answer, "HTTP/1.1") == 1);
    CHECK(!answer.starts_with("HTTP/1.1 200"));
  }
  CHECK(Count(Answers(echo, Chunked("3 ;x\r\nabc\r\n0\r\n\r\n")), "HTTP/1.1 200") == 2);
}

TEST_CASE("bounded server: requests that come in one piece are answered one after the other") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string answers =
      Answers(echo, Post("one") + Post("two") + Chunked("5\r\nthree\r\n0\r\n\r\n"));
  CHECK(Count(answers, "HTTP/1.1 200") == 4);
  CHECK(answers.find("one") < answers.find("two"));
  CHECK(answers.find("two") < answers.find("three"));
  CHECK(answers.ends_with("end"));
}

TEST_CASE("bounded server: a body that the handler leaves unread is no request") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string answer =
      Answers(echo, "GET / HTTP/1.1\r\nContent-Length: 17\r\n\r\nPOST / HTTP/1.1\r\n");
  CHECK(Count(answer, "HTTP/1.1") == 1);
  CHECK(answer.starts_with("HTTP/1.1 404"));
}

TEST_CASE("bounded server: headers that are too long, and what is no HTTP, are answered so") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string filling(20'000, 'x');
  for (const std::string& head :
       {"GET /" + filling + " HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: " + filling + "\r\n\r\n"}) {
    const std::string answer = Answers(echo, head);
    CHECK(answer.starts_with("HTTP/1.1 431 "));
    CHECK(answer.ends_with(R"({"message":"headers: more than 10000 bytes"})"));
  }
  CHECK(Answers(echo, "\x16\x03\x01\x02").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("bounded server: what is compressed is refused before it is unpacked, on any route") {
  const Echo<BoundedServer> echo(kPatient);
  for (const char* coding : {"gzip", "br", "deflate", "%67zip", "identity, gzip", "x"}) {
    for (const char* route : {"POST /", "PUT /", "DELETE /", "GET /long", "POST /elsewhere"}) {
      CAPTURE(coding);
      CAPTURE(route);
      const std::string answer =
          Answers(echo, std::string(route) + " HTTP/1.1\r\ncontent-ENCODING:\t" + coding +
                            " \r\nContent-Length: 3\r\n\r\nabc");
      CHECK(answer.starts_with("HTTP/1.1 415 "));
      CHECK(Count(answer, "HTTP/1.1") == 1);
      CHECK(answer.ends_with(R"({"message":"Content-Encoding: nothing but identity is taken"})"));
    }
  }
  for (const char* coding : {"identity", "Identity", ""}) {
    CAPTURE(coding);
    const std::string headers = std::string("Content-Encoding: ") + coding + "\r\n";
    CHECK(Count(Answers(echo, Post(headers + "Content-Length: 3\r\n", "abc")), "200 OK") == 2);
  }
}

TEST_CASE("bounded server: the header Range is passed over, however often it names what") {
  const Echo<BoundedServer> echo(kPatient);
  std::string many = "0-";
  for (int i = 0; i < 1'000; ++i) many += ",0-";
  for (const std::string& ranges : {std::string("0-9"), many, std::string(8'000, '1') + "x"}) {
    for (const char* name : {"Range", "RANGE"}) {
      const std::string answer =
          Answers(echo, "GET /long HTTP/1.1\r\n" + std::string(name) + ": bytes=" + ranges +
                            "\r\nX: y\r\nrange:bytes=" + ranges.substr(0, 4) + "\r\n\r\n");
      CHECK(Count(answer, "HTTP/1.1 200 OK") == 2);
      CHECK(Count(answer, "Content-Length: 10000\r\n") == 1);
      CHECK(answer.ends_with("end"));
    }
  }
}

TEST_CASE("bounded server: a long path is refused, a long query is not") {
  const Echo<BoundedServer> echo(kPatient);
  const std::string filling(7'000, 'x');
  const std::string refused = Answers(echo, "GET /long" + filling + " HTTP/1.1\r\n\r\n");
  CHECK(refused.starts_with("HTTP/1.1 414 "));
  CHECK(refused.ends_with(R"({"message":"path: too long"})"));
  CHECK(Answers(echo, "GET  /long" + filling + "?q HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 414 "));
  CHECK(Count(Answers(echo, "GET /long" + filling.substr(0, 1'900) +
                                "?q=" + filling.substr(0, 6'000) + " HTTP/1.1\r\n\r\n"),
              "200 OK") == 2);
}

TEST_CASE("bounded server: stop() ends connections on which nothing comes at once") {
  Echo<BoundedServer> echo(kPatient);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 20; ++i) {
    idle.push_back(std::make_unique<RawClient>(echo.port()));
    REQUIRE(idle.back()->Send(Post("x")));
    REQUIRE(idle.back()->Status() == "200");
  }
  const auto begun = std::chrono::steady_clock::now();
  echo.Stop();
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(30));  // of 60 that it may
  for (const auto& each : idle) CHECK(each->Rest().ends_with("x"));
}

TEST_CASE("bounded server: stop() waits for those who drip no longer than for one who is silent") {
  Echo<BoundedServer> echo({.request = std::chrono::minutes(1), .read = std::chrono::seconds(2)});
  const std::string head = "GET /large HTTP/1.1\r\n";
  std::vector<std::thread> dripping;
  std::latch begun(3);
  const auto drip = [&](const std::string& first, const std::function<bool(const RawClient&)>& go) {
    dripping.emplace_back([&begun, first, go, client = std::make_unique<RawClient>(echo.port())] {
      client->Send(first);
      for (int i = 0; go(*client); ++i) {
        if (i == 2) begun.count_down();
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    });
  };
  const auto send = [](const RawClient& client) { return client.Send("x"); };
  drip(head, send);
  drip(Post("Content-Length: 900\r\n", ""), send);
  drip(head + "\r\n", [](const RawClient& client) { return client.Receive(100'000); });
  begun.wait();
  const auto stopped = std::chrono::steady_clock::now();
  echo.Stop();
  CHECK(std::chrono::steady_clock::now() - stopped < std::chrono::seconds(20));
  for (std::thread& each : dripping) each.join();
}

TEST_CASE("bounded server: a connection for which the last descriptor was needed is served") {
  rlimit usual{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  Echo<BoundedServer> echo(kPatient);
  const rlimit few{.rlim_cur = 100, .rlim_max = usual.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> taken;
  for (int copy = dup(0); copy >= 0; copy = dup(0)) taken.push_back(copy);
  REQUIRE(taken.size() >= 2);
  for (int ends = 0; ends < 2; ++ends) {
    close(taken.back());
    taken.pop_back();
  }
  const RawClient client(echo.port());
  CHECK(client.Send(Post("x")));
  const std::string status = client.Status();
  const auto begun = std::chrono::steady_clock::now();
  echo.Stop();
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(30));  // of 60 that it may
  for (const int each : taken) close(each);
  CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(status == "200");
}

TEST_CASE("bounded server: an answer after which nothing can follow says so") {
  const Echo<BoundedServer> echo(kPatient);
  for (const std::string& request :
       {std::string("GET /long HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
        std::string("GET /long HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        std::string("DELETE / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Chunked("5\r\nbroken\r\n0\r\n\r\n")}) {
    CAPTURE(request);
    const std::string answer = Answers(echo, request);
    CHECK(Count(answer, "HTTP/1.1") == 1);
    CHECK(Count(answer, "Connection: close\r\n") == 1);
    CHECK(Count(answer, "Keep-Alive") == 0);
  }
  CHECK(Count(Answers(echo, "GET /long HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), "200 OK") == 2);
}

TEST_CASE("bounded server: the same over TLS") {
  internal::CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.1");
  const Echo<BoundedSslServer> echo(kPatient, authority.Certificate("server").c_str(),
                                    authority.Key("server").c_str());
  httplib::SSLClient client("127.0.0.1", echo.port());
  client.set_ca_cert_path(authority.file().c_str());
  client.set_keep_alive(true);
  client.set_read_timeout(60);
  for (const char* body : {"one", "two"}) {
    const auto answer = client.Post("/", body, "text/plain");
    REQUIRE(answer);
    CHECK(answer->body == body);
  }
  const auto refused = client.Post("/", std::string(kBodyMax + 1, 'x'), "text/plain");
  REQUIRE(refused);
  CHECK(refused->status == 413);
  CHECK(client.Post("/", "three", "text/plain")->body == "three");

  const RawClient plain(echo.port());
  REQUIRE(plain.Send(Post("x")));
  CHECK(plain.Rest().find("200 OK") == std::string::npos);
}

TEST_CASE("bounded server: a TLS handshake that does not come is not waited for") {
  internal::CertificateAuthority authority;
  authority.Issue("server", "IP:127.0.0.1");
  const Echo<BoundedSslServer> echo(Times{.request = std::chrono::milliseconds(50)},
                                    authority.Certificate("server").c_str(),
                                    authority.Key("server").c_str());
  const RawClient silent(echo.port());
  CHECK(silent.Rest().empty());
}

}  // namespace troth
