// Callers that block, many at once on one thread: each has a stack of its own and gives way while
// it waits. Who goes on is decided by dice, so that a seed decides it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "dice.h"
#include "testing/universe.h"

namespace troth::sim {

class Fibers final : public testing::Scheduler {
 public:
  Fibers(testing::Universe& universe, Dice dice);
  ~Fibers() override;  // all have returned by then
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  // Begins one; it runs when the world next goes on.
  void Start(std::function<void()> what);
  // Of a fiber: lets that much time pass.
  void Sleep(std::chrono::milliseconds time);
  // The same, or until `ready`.
  void SleepUnless(std::chrono::milliseconds time, const std::function<bool()>& ready);
  // Of a fiber: as Block, without a limit.
  void Await(const std::function<bool()>& ready);

  // Lets all go on that are ready, until none is: before a coordinator that has crashed is
  // destroyed.
  void RunAllReady();
  // Ends all, wherever they sleep or wait; not inside of the library.
  void EndAll();
  size_t running() const { return fibers_.size(); }

  bool Inside() const override { return current_ != nullptr; }
  void Block(const std::function<bool()>& ready, Time limit) override;
  bool RunReady(bool must) override;

 private:
  struct Fiber;
  static void Enter(unsigned high, unsigned low);
  void Resume(size_t index);
  void GiveWay(Fiber& fiber, bool for_ever);
  void Wait(const std::function<bool()>& ready, Time limit);
  bool IsReady(const Fiber& fiber) const;

  testing::Universe& universe_;
  Dice dice_;
  bool over_ = false;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<size_t> ready_;
  Fiber* current_ = nullptr;
  // Where RunReady came from.
  struct Main;
  std::unique_ptr<Main> main_;
};

}  // namespace troth::sim
