// dtm's HTTP API beside the application, for branches that register themselves.
#include <troth/httplib_gateway.h>

#include <thread>

#include "desk.h"

// Serves until the process ends.
std::string ServeGateway(troth::Coordinator& coordinator) {
  static troth::Gateway& gateway = *new troth::Gateway(coordinator);
  static httplib::Server& server = *new httplib::Server;
  server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
  server.set_tcp_nodelay(true);
  troth::Mount(server, gateway);
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread([] { server.listen_after_bind(); }).detach();
  return "http://127.0.0.1:" + std::to_string(port) + gateway.options().base_path;
}
