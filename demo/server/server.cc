// dtm's HTTP API over one SQLite file: a server for who has dtm's SDKs and no application in C++.
//
// An application in C++ that coordinates its own transactions mounts the same gateway on its own
// server, in the two lines that say Gateway and Mount below.
#include <signal.h>
#include <sys/resource.h>
#include <troth/httplib_gateway.h>
#include <troth/httplib_server.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "options.h"

using namespace std::chrono_literals;

namespace {

std::string UrlOf(const ServerOptions& options, int port) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(port);
}

// Each connection takes a descriptor, and each call two: the usual limit of 1,024, which a process
// may raise by itself, would be too low for the coordinator's own.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Serve(const ServerOptions& options, const sigset_t& stops) {
  troth::BoundedServer server;
  server.new_task_queue = [&] { return new troth::ElasticTaskQueue(options.threads); };
  server.set_tcp_nodelay(true);
  server.set_keep_alive_max_count(1'000'000);
  server.set_payload_max_length(options.body_bytes);
  const int port = troth::Bind(server, options.host, options.port);
  if (port <= 0) {
    return std::cerr << "can't listen on " << UrlOf(options, options.port) << "\n", 1;
  }
  const std::string url = UrlOf(options, port) + "/api/dtmsvr";

  auto coordinator = troth::Coordinator::Open(
      {.store = options.store,
       .gateway_url = options.public_url.empty() ? url : options.public_url});
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;

  troth::GatewayOptions gateway_options{
      .branch_urls = options.branches, .wait = options.wait, .body_bytes = options.body_bytes};
  if (!options.tokens.empty()) gateway_options.authorize = troth::BearerTokens(options.tokens);
  if (const troth::Status checked = troth::Gateway::Check(gateway_options); !checked.ok()) {
    return std::cerr << checked << "\n", 2;
  }
  troth::Gateway gateway(*coordinator, gateway_options);
  troth::Mount(server, gateway);

  std::cout << "listening on " << url << ", store " << options.store << ", serving "
            << (options.tokens.empty()
                    ? "programs on this machine"
                    : "who has one of " + std::to_string(options.tokens.size()) + " tokens")
            << std::endl;
  troth::Status closed;
  std::atomic<bool> ended{false};
  std::thread stopper([&] {
    int signal = 0;
    sigwait(&stops, &signal);
    std::cout << "stopping" << std::endl;
    while (!server.is_running() && !ended) std::this_thread::sleep_for(10ms);
    server.stop();
    closed = coordinator->Close();  // who waits for a transaction's end is answered at once
  });
  const bool listened = server.listen_after_bind();
  ended = true;
  if (!listened) kill(getpid(), SIGTERM);  // it has ended by itself, and so must the thread
  stopper.join();
  std::cout << (closed.ok() ? "stopped" : closed.ToString()) << std::endl;
  return listened && closed.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_status = 0;
  const auto options = ReadOptions(argc, argv, exit_status);
  if (!options) return exit_status;
  RaiseDescriptorLimit();
  sigset_t stops;  // blocked here, so in all threads; one of them waits for it
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  return Serve(*options, stops);
}
