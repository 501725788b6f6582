// Fibers by ucontext. The sanitizers are told of each change of stacks.
#include "fibers.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/thread_mark.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TROTH_SIM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define TROTH_SIM_ASAN 1
#endif
#ifdef TROTH_SIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace troth::sim {
namespace {

// Takes a fiber off its stack.
struct Over {};

constexpr size_t kStackBytes = 512 * 1024;

// Stacks are used again, in this run and the next ones.
std::vector<void*>& FreeStacks() {
  static std::vector<void*>& stacks = *new std::vector<void*>;
  return stacks;
}

void* TakeStack() {
  std::vector<void*>& free = FreeStacks();
  if (!free.empty()) {
    void* const stack = free.back();
    free.pop_back();
    return stack;
  }
  void* const stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  TROTH_CHECK(stack != MAP_FAILED);
  return stack;
}

}  // namespace

struct Fibers::Fiber {
  std::function<void()> what;
  std::function<bool()> ready;
  Time limit = Time::max();
  ucontext_t context{};
  void* stack = nullptr;  // none: not begun
  bool ended = false;
  bool local_function = false;  // the mark of its thread, were it one
  void* fake_stack = nullptr;   // AddressSanitizer's
};

struct Fibers::Main {
  ucontext_t context{};
  bool local_function = false;
  void* fake_stack = nullptr;
  const void* stack = nullptr;
  size_t stack_bytes = 0;
};

Fibers::Fibers(testing::Universe& universe, Dice dice)
    : universe_(universe), dice_(dice), main_(std::make_unique<Main>()) {}
Fibers::~Fibers() { TROTH_CHECK(fibers_.empty()); }

void Fibers::Start(std::function<void()> what) {
  auto fiber = std::make_unique<Fiber>();
  fiber->what = std::move(what);
  fibers_.push_back(std::move(fiber));
}

void Fibers::Sleep(std::chrono::milliseconds time) {
  SleepUnless(time, [] { return false; });
}

void Fibers::SleepUnless(std::chrono::milliseconds time, const std::function<bool()>& ready) {
  Wait(ready, universe_.now() + time);
}

void Fibers::Await(const std::function<bool()>& ready) { Wait(ready, Time::max()); }

void Fibers::Wait(const std::function<bool()>& ready, Time limit) {
  Block([&] { return over_ || ready(); }, limit);
  if (over_) throw Over{};
}

void Fibers::EndAll() {
  over_ = true;
  RunAllReady();
}

void Fibers::Block(const std::function<bool()>& ready, Time limit) {
  Fiber& fiber = *current_;
  fiber.ready = ready;
  fiber.limit = limit;
  // Time goes no further than that at once.
  if (limit != Time::max()) universe_.At(limit, [] {});
  GiveWay(fiber, /*for_ever=*/false);
}

bool Fibers::IsReady(const Fiber& fiber) const {
  return fiber.stack == nullptr || universe_.now() >= fiber.limit || fiber.ready();
}

bool Fibers::RunReady(bool must) {
  // Where nobody is ready the dice stay as they are: being asked more often changes nothing.
  ready_.clear();
  for (size_t i = 0; i < fibers_.size(); ++i) {
    if (IsReady(*fibers_[i])) ready_.push_back(i);
  }
  if (ready_.empty() || (!must && dice_.Chance(40))) return false;
  Resume(dice_.Of(ready_));
  return true;
}

void Fibers::RunAllReady() {
  while (RunReady(/*must=*/true)) {
  }
}

// makecontext hands over ints alone.
void Fibers::Enter(unsigned high, unsigned low) {
  auto& self = *reinterpret_cast<Fibers*>((static_cast<uintptr_t>(high) << 32) | low);
  Fiber& fiber = *self.current_;
#ifdef TROTH_SIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &self.main_->stack, &self.main_->stack_bytes);
#endif
  try {
    fiber.what();
  } catch (const Over&) {
  }
  fiber.what = nullptr;
  fiber.ended = true;
  self.GiveWay(fiber, /*for_ever=*/true);
}

void Fibers::Resume(size_t index) {
  TROTH_CHECK(current_ == nullptr);
  Fiber& fiber = *fibers_[index];
  current_ = &fiber;
  if (fiber.stack == nullptr) {
    fiber.stack = TakeStack();
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&fiber.context, reinterpret_cast<void (*)()>(&Fibers::Enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  }
  main_->local_function = std::exchange(internal::inside_local_function, fiber.local_function);
#ifdef TROTH_SIM_ASAN
  __sanitizer_start_switch_fiber(&main_->fake_stack, fiber.stack, kStackBytes);
#endif
  swapcontext(&main_->context, &fiber.context);
#ifdef TROTH_SIM_ASAN
  __sanitizer_finish_switch_fiber(main_->fake_stack, nullptr, nullptr);
#endif
  internal::inside_local_function = main_->local_function;
  current_ = nullptr;
  if (!fiber.ended) return;
  FreeStacks().push_back(fiber.stack);
  // By now the index may be another's.
  std::erase_if(fibers_, [&](const auto& other) { return other.get() == &fiber; });
}

void Fibers::GiveWay(Fiber& fiber, bool for_ever) {
  fiber.local_function = internal::inside_local_function;
#ifdef TROTH_SIM_ASAN
  __sanitizer_start_switch_fiber(for_ever ? nullptr : &fiber.fake_stack, main_->stack,
                                 main_->stack_bytes);
#else
  (void)for_ever;
#endif
  swapcontext(&fiber.context, &main_->context);
#ifdef TROTH_SIM_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake_stack, &main_->stack, &main_->stack_bytes);
#endif
}

}  // namespace troth::sim
