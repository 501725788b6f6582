// As dtm's SDKs do: a branch that was told where the coordinator is registers itself, from within
// its action.
#include <troth/httplib.h>

#include "branch.h"

using troth::BranchResult;

BranchResult RegisterItself(const troth::BranchContext& context) {
  const size_t path = context.coordinator.find('/', std::string_view("http://").size());
  httplib::Client client(context.coordinator.substr(0, path));
  constexpr auto kPatience = std::chrono::milliseconds(500);  // it may be dead, or frozen
  client.set_connection_timeout(kPatience);
  client.set_read_timeout(kPatience);
  const std::string body = R"({"gid":")" + context.gid + R"(","branch_id":")" + context.branch_id +
                           R"(","trans_type":"xa","url":")" + context.phase2_url + R"("})";
  const auto answer =
      client.Post(context.coordinator.substr(path) + "/registerBranch", body, "application/json");
  if (!answer) return BranchResult::Unknown("the coordinator does not answer");
  if (answer->status == 200) return BranchResult::Success();
  if (answer->status == 409) return BranchResult::Failure(answer->body);
  return BranchResult::Unknown(answer->body);
}
