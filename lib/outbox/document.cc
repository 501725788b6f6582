// A version byte, then tagged fields, as everything that is stored.
#include "outbox/document.h"

#include <utility>

#include "base/text.h"
#include "model/bounds.h"
#include "model/encoding.h"
#include "model/gid.h"
#include "model/stored.h"

namespace troth::internal::outbox {
namespace {

constexpr char kVersion = 1;
constexpr uint32_t kDefinition = 1;
constexpr uint32_t kStart = 2;
constexpr uint32_t kDigest = 3;
constexpr size_t kDigestBytesMax = 256;

Status Wrong(std::string_view what) {
  return {StatusCode::kDataLoss, Concat("outbox: the row can't be true: ", what)};
}

}  // namespace

std::string EncodeDocument(const Submission& submission) {
  std::string bytes(1, kVersion);
  FieldWriter out(bytes);
  out.Bytes(kDefinition, EncodeDefinition(*submission.definition));
  if (submission.start) out.Signed(kStart, submission.start->time_since_epoch().count());
  if (!submission.digest.empty()) out.Bytes(kDigest, submission.digest);
  return bytes;
}

Result<Submission> DecodeDocument(std::string_view gid, std::string_view document) {
  if (Status checked = CheckGid(gid); !checked.ok()) return Wrong(checked.message());
  if (document.empty() || document.front() != kVersion) return Wrong("unknown version");
  Submission submission{.gid = std::string(gid), .definition = nullptr, .digest = {}, .start = {}};
  std::string_view definition;
  FieldReader in("outbox", document.substr(1));
  while (in.Next()) {
    if (in.number() == kDefinition) definition = in.Bytes();
    if (in.number() == kDigest) submission.digest = in.Bytes();
    if (in.number() == kStart) {
      submission.start = Time(std::chrono::milliseconds(in.Signed(-kTimeMax, kTimeMax)));
    }
  }
  if (!in.status().ok()) return Wrong(in.status().message());
  if (submission.digest.size() > kDigestBytesMax) return Wrong("its digest");
  Result<Definition> decoded = DecodeDefinition(definition);
  if (!decoded.ok()) return Wrong(decoded.status().message());
  // Others are put together by a session, and never through an outbox.
  if (decoded->mode != Mode::kSaga && decoded->mode != Mode::kMessage) return Wrong("its mode");
  // It would be accepted, and could not be read again.
  if (decoded->steps.empty()) return Wrong("no steps");
  submission.definition = std::make_shared<const Definition>(*std::move(decoded));
  return submission;
}

}  // namespace troth::internal::outbox
