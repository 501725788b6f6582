// A saga by dtm's HTTP API, through the installed gateway.
#include <troth/gateway.h>

#include <iostream>

int main() {
  auto coordinator = troth::Coordinator::Open(
      {.store = ":memory:",
       .local = {{"yes", [](const troth::BranchContext&, std::string_view, std::stop_token) {
                    return troth::BranchResult::Success();
                  }}}});
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;
  troth::Gateway gateway(*coordinator, {.branch_urls = {"local:yes"}});
  const troth::GatewayAnswer answer = gateway.Handle(
      {.method = "POST",
       .path = "/api/dtmsvr/submit",
       .body = R"({"gid":"g","trans_type":"saga","wait_result":true,"payloads":[""],)"
               R"("steps":[{"action":"local:yes"}]})",
       .peer = "127.0.0.1"});
  std::cout << answer.body << "\n";
  return answer.status == 200 ? 0 : 1;
}
