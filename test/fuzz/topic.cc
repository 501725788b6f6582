// A topic's subscribers as they are stored.
//
// Property: any bytes give kDataLoss, or subscribers that are written as bytes which give equal
// ones and are then written again as they stand.
#include "model/topic.h"

#include <algorithm>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troth::internal;
  using troth::Subscriber;
  const auto read = DecodeSubscribers({reinterpret_cast<const char*>(data), size});
  if (!read.ok()) {
    TROTH_CHECK(read.status().code() == troth::StatusCode::kDataLoss);
    return 0;
  }
  const std::string written = EncodeSubscribers(*read);
  const auto again = DecodeSubscribers(written);
  TROTH_CHECK(again.ok());
  TROTH_CHECK(std::equal(read->begin(), read->end(), again->begin(), again->end(),
                         [](const Subscriber& a, const Subscriber& b) {
                           return a.url == b.url && a.remark == b.remark;
                         }));
  TROTH_CHECK(EncodeSubscribers(*again) == written);
  return 0;
}
