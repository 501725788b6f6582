// An HTTP server for tests, on raw sockets, so that it can misbehave in every way. It listens on a
// free port of 127.0.0.1 and has a thread for each connection.
#pragma once

#include <openssl/types.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace troth::internal {

struct ServedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  size_t connection = 0;  // from 1
  size_t pieces = 0;      // in which it came

  // All values of a header, joined by '|'.
  std::string Get(std::string_view name) const;
};

// The server's end of one connection.
class Peer {
 public:
  Peer(int socket, size_t number, SSL_CTX* tls);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool Handshake();
  // Nothing when the client has closed, or this end was closed.
  std::optional<ServedRequest> ReadRequest();
  bool Write(std::string_view bytes);
  // A whole answer.
  void Answer(int status, std::string_view body, std::string_view more_headers = {});
  void Close();
  // Closes with RST.
  void Reset();
  // Blocks until the client closes its end; whether it sent something before that.
  bool ReadUntilClosed();
  // From any thread: ends what blocks above.
  void Shut();
  bool closed() const { return closed_; }

 private:
  bool ReadMore();

  int socket_;
  const size_t number_;
  SSL* ssl_ = nullptr;
  std::string buffer_;
  size_t pieces_ = 0;  // read since the last whole request
  bool closed_ = false;
};

struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string client_ca;  // empty: clients need no certificate
};

class RawServer {
 public:
  // Called for each request; what it leaves open is read on.
  using Handler = std::function<void(Peer&, const ServedRequest&)>;

  explicit RawServer(Handler handler, const TlsFiles* tls = nullptr);
  ~RawServer();

  int port() const { return port_; }
  std::string Url(std::string_view path) const;
  std::vector<ServedRequest> requests() const;
  size_t connections() const;
  void WaitForRequests(size_t count);
  // Until so many connections have ended here.
  void WaitForEnded(size_t count);

 private:
  void Accept();
  void Serve(Peer& peer);

  const Handler handler_;
  SSL_CTX* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ServedRequest> requests_;
  std::list<std::unique_ptr<Peer>> peers_;
  std::vector<std::thread> threads_;
  size_t ended_ = 0;
  bool stopping_ = false;
  std::thread acceptor_;
};

// A port on 127.0.0.1 where nobody listens.
int UnusedPort();

}  // namespace troth::internal
