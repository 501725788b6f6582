// From a branch's URL and payload to the call that goes out: where it goes, and in which form.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/transaction.h"
#include "model/transport.h"

namespace troth::internal {

// Completes a call that has its context. `owner` keeps `payload` alive.
void Address(Call& call, const std::string& url, std::string_view payload,
             std::shared_ptr<const void> owner, Mode mode, const Policy& policy);

}  // namespace troth::internal
