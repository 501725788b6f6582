// Definitions, registered steps, edits, and what a workflow records, as they are stored.
//
// Property: any bytes give kDataLoss, or a value that is written as bytes which give an equal value
// and are then written again as they stand.
#include "base/check.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

bool Equal(const Definition& a, const Definition& b) { return a == b; }
bool Equal(const Step& a, const Step& b) { return a == b; }
bool Equal(const Progress& a, const Progress& b) { return a == b; }
bool Equal(const std::string& a, const std::string& b) { return a == b; }
bool Equal(const Edit& a, const Edit& b) {
  return a.branch == b.branch && a.url == b.url && a.payload == b.payload && a.headers == b.headers;
}

template <class Decode, class Encode>
void Check(std::string_view bytes, const Decode& decode, const Encode& encode) {
  const auto value = decode(bytes);
  if (!value.ok()) {
    TROTH_CHECK(value.status().code() == StatusCode::kDataLoss);
    return;
  }
  const std::string written = encode(*value);
  const auto again = decode(written);
  TROTH_CHECK(again.ok());
  TROTH_CHECK(Equal(*value, *again));
  TROTH_CHECK(encode(*again) == written);
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troth::internal;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(bytes, DecodeDefinition, EncodeDefinition);
  Check(bytes, DecodeStep, EncodeStep);
  Check(bytes, DecodeEdit, EncodeEdit);
  Check(bytes, DecodeProgress, EncodeProgress);
  Check(bytes, DecodeResult, EncodeResult);
  return 0;
}
