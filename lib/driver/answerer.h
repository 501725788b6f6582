// A thread that tells those who wait for a write, so that the writer can go on with the next one.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/reply.h"

namespace troth::internal {

// Each of them, on the calling thread.
void Tell(Answers&& answers);

class Answerer {
 public:
  ~Answerer() { Stop(); }
  void Start();
  // Ends when all that it was given is told.
  void Stop();

  // Any thread; in the order of giving.
  void Give(Answers&& answers);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable given_;
  Answers queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace troth::internal
