#include "engine/address.h"

#include <utility>

#include "model/json_rpc.h"
#include "model/url.h"

namespace troth::internal {

void Address(Call& call, const std::string& url, std::string_view payload,
             std::shared_ptr<const void> owner, Mode mode, const Policy& policy) {
  const bool local = IsLocalUrl(url);
  call.timeout = policy.request_timeout;
  call.body_verdicts = policy.body_verdicts && !local;
  const std::string method = policy.json_rpc ? JsonRpcMethod(url) : std::string();
  if (!method.empty()) {
    const auto request =
        std::make_shared<const std::string>(JsonRpcRequest(method, call.context, payload));
    call.url = url;
    call.payload = *request;
    call.payload_owner = request;
    call.json_rpc = true;
    return;
  }
  call.url = local ? url : WithCallQuery(url, call.context);
  call.payload = payload;
  call.payload_owner = std::move(owner);
  call.post = !payload.empty() || mode == Mode::kXa;
}

}  // namespace troth::internal
