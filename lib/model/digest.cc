// The digest of a content: what makes two submits of one gid the same (R16).
//
// The canonical form is hashed and thrown away, so it needs no decoder; but it is compared with
// digests of years ago, so it never changes: another form gets another version in front. Options
// and headers are not part of it.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "model/stored.h"

namespace troth::internal {
namespace {

constexpr char kDigestVersion = '1';

// SHA-256 of what is added. Small things are gathered first: a call per length would cost more than
// the hash.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new()) {
    TROTH_CHECK(context_ != nullptr);
    TROTH_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }

  void Number(uint64_t value) {
    std::array<char, 8> bytes{};
    for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    gathered_.append(bytes.data(), bytes.size());
  }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    if (bytes.size() <= kGatherMax) {
      gathered_.append(bytes);
      if (gathered_.size() > kGatherMax) Flush();
      return;
    }
    Flush();
    Update(bytes);
  }
  std::string Finish() {
    Flush();
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned size = 0;
    TROTH_CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1);
    return std::string(reinterpret_cast<const char*>(out.data()), size);
  }

 private:
  static constexpr size_t kGatherMax = 1024;

  void Flush() {
    Update(gathered_);
    gathered_.clear();
  }
  void Update(std::string_view bytes) {
    TROTH_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }

  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
  std::string gathered_;
};

// The steps that this one waits for, each once and in order: how they were written down is no
// content.
void AddOrder(Hash& hash, std::span<const uint16_t> after) {
  std::vector<uint16_t> sorted(after.begin(), after.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  hash.Number(sorted.size());
  for (const uint16_t before : sorted) hash.Number(before);
}

void AddUrl(Hash& hash, Mode mode, Op op, std::string_view url) {
  hash.Bytes(OpName(mode, op));
  hash.Bytes(url);
}

}  // namespace

std::string DigestOf(const Definition& definition) {
  Hash hash;
  hash.Bytes(ModeName(definition.mode));
  hash.Bytes(definition.policies[0].json_rpc ? "json-rpc" : "http");  // the protocol
  // Where a workflow is called back is no content: its caller may have moved since.
  const bool workflow = definition.mode == Mode::kWorkflow;
  hash.Bytes(workflow ? std::string_view() : std::string_view(definition.query_prepared));
  hash.Number(definition.concurrent ? 1 : 0);
  hash.Number(definition.steps.size());
  for (const Step& step : definition.steps) {
    AddUrl(hash, definition.mode, Op::kForward, step.forward);
    AddUrl(hash, definition.mode, Op::kCommit, step.commit);
    AddUrl(hash, definition.mode, Op::kRollback, step.rollback);
    hash.Bytes(step.payload);
    AddOrder(hash, step.after);
  }
  if (workflow) {
    hash.Bytes(definition.workflow);
    hash.Bytes(definition.input);
  }
  return kDigestVersion + hash.Finish();
}

}  // namespace troth::internal
