// What a row of troth_outbox holds: all that accepting its transaction needs.
#pragma once

#include <string>
#include <string_view>

#include "outbox/host.h"
#include "troth/status.h"

namespace troth::internal::outbox {

std::string EncodeDocument(const Submission& submission);
// Believes nothing: kDataLoss for what a coordinator can't have written.
Result<Submission> DecodeDocument(std::string_view gid, std::string_view document);

}  // namespace troth::internal::outbox
