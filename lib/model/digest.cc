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

// Found once: OpenSSL looks it up under a lock each time, which takes longer than to hash a small
// saga. Kept to the end of the process, as it may be needed during it.
const EVP_MD* Sha256() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  TROTH_CHECK(found != nullptr);
  return found;
}

// SHA-256 of what is added. Small things are gathered first: a call per length would cost more than
// the hash.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new()) {
    TROTH_CHECK(context_ != nullptr);
    TROTH_CHECK(EVP_DigestInit_ex(context_.get(), Sha256(), nullptr) == 1);
  }

  void Number(uint64_t value) {
    std::array<char, 8> bytes{};
    for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    Gather({bytes.data(), bytes.size()});
  }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    Gather(bytes);
  }
  // Behind its version.
  std::string Finish() {
    Flush();
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    TROTH_CHECK(EVP_DigestFinal_ex(context_.get(), hash.data(), &size) == 1);
    std::string out(1 + size, kDigestVersion);
    std::copy_n(hash.begin(), size, out.begin() + 1);
    return out;
  }

 private:
  void Gather(std::string_view bytes) {
    if (bytes.size() > gathered_.size() - size_) Flush();
    if (bytes.size() > gathered_.size()) {
      Update(bytes);
    } else {
      std::copy(bytes.begin(), bytes.end(), gathered_.begin() + size_);
      size_ += bytes.size();
    }
  }
  void Flush() {
    Update({gathered_.data(), size_});
    size_ = 0;
  }
  void Update(std::string_view bytes) {
    TROTH_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }

  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
  std::array<char, 1024> gathered_;
  size_t size_ = 0;
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
  return hash.Finish();
}

}  // namespace troth::internal
