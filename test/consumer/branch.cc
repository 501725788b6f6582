// A branch service as a user writes it, without its HTTP server: reads a call's query, answers it.
#include <troth/branch.h>

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

int main() {
  const auto query = [](std::string_view name) -> std::optional<std::string> {
    if (name == "gid") return "consumer-1";
    if (name == "trans_type") return "saga";
    if (name == "branch_id") return "01";
    if (name == "op") return "action";
    return std::nullopt;
  };
  const troth::Result<troth::BranchContext> context = troth::BranchContext::FromQuery(query);
  if (!context.ok()) {
    std::fprintf(stderr, "%s\n", context.status().ToString().c_str());
    return 1;
  }
  if (context->gid != "consumer-1" || context->op != "action") return 1;
  const troth::HttpAnswer answer = troth::ToHttp(troth::BranchResult::Failure("no money"));
  std::printf("%d %s\n", answer.status, answer.body.c_str());
  return answer.status == 409 ? 0 : 1;
}
