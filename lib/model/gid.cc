// An id is 48 bits of milliseconds, 16 bits that count within one from a random start, and 64
// random bits, as 26 digits of Crockford's base 32 in lower case: its order as text is its order in
// time.
#include "model/gid.h"

#include <sys/random.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "model/bounds.h"
#include "troth/saga.h"

namespace troth {
namespace internal {
namespace {

constexpr uint64_t kMillisecondsMask = (uint64_t{1} << 48) - 1;

std::string Digits(uint64_t high, uint64_t low) {
  constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string out(26, '0');
  for (size_t i = out.size(); i-- > 0;) {
    out[i] = kDigits[low & 31];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return out;
}

uint64_t Clock(Time now) {
  return (static_cast<uint64_t>(now.time_since_epoch().count()) & kMillisecondsMask) << 16;
}

// Straight from the kernel each time: a buffer of ours would be handed out twice after a fork.
std::array<uint64_t, 2> KernelRandom() {
  std::array<uint64_t, 2> bits{};
  ssize_t got = 0;
  do {
    got = getrandom(bits.data(), sizeof(bits), 0);
  } while (got < 0 && errno == EINTR);
  TROTH_CHECK(got == sizeof(bits));
  return bits;
}

// Time and count of the next id of this process: larger than every earlier one, also when the clock
// was set back. A child of a fork goes on from the same number; its random bits tell it apart.
uint64_t NextInOrder(uint64_t earliest) {
  static std::atomic<uint64_t> last{0};
  uint64_t before = last.load(std::memory_order_relaxed);
  uint64_t next = 0;
  do {
    next = before < earliest ? earliest : before + 1;
  } while (!last.compare_exchange_weak(before, next, std::memory_order_relaxed));
  return next;
}

}  // namespace

std::string MakeGid(Time now, Random& random) {
  const uint64_t high = Clock(now) | (random.Next() & 0xFFFF);
  return Digits(high, random.Next());
}

Status CheckGid(std::string_view gid) {
  const auto refuse = [](std::string_view why) {
    return Status(StatusCode::kInvalidArgument, Concat("gid: ", why));
  };
  if (gid.empty()) return refuse("empty");
  if (gid.size() > kGidBytesMax) return refuse(Concat("longer than ", kGidBytesMax, " bytes"));
  if (HasControlBytes(gid)) return refuse("has control characters");
  if (gid.front() == ' ' || gid.back() == ' ') return refuse("has blanks at its ends");
  return Status();
}

}  // namespace internal

std::string NewGid() {
  using std::chrono::system_clock;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(system_clock::now());
  const auto [for_start, for_id] = internal::KernelRandom();
  // Half of the counts stay free above any start, so that a busy millisecond seldom runs into the
  // next one (where the order still holds).
  const uint64_t start = for_start & 0x7FFF;
  const uint64_t high = internal::NextInOrder(internal::Clock(now) | start);
  return internal::Digits(high, for_id);
}

}  // namespace troth
