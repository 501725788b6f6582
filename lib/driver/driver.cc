#include "driver/driver.h"

namespace troth::internal {
namespace {

// Held by all copies of one reply; the last of them to go answers, if nobody has.
class LastWord {
 public:
  explicit LastWord(std::shared_ptr<PendingCall> call) : call_(std::move(call)) {}
  LastWord(const LastWord&) = delete;
  LastWord& operator=(const LastWord&) = delete;
  ~LastWord() {
    call_->Set(Answer{.status = {StatusCode::kCancelled, "the coordinator was closed"}});
  }
  void Say(Answer&& answer) { call_->Set(std::move(answer)); }

 private:
  std::shared_ptr<PendingCall> call_;
};

}  // namespace

Reply ReplyTo(const std::shared_ptr<PendingCall>& call) {
  return
      [word = std::make_shared<LastWord>(call)](Answer&& answer) { word->Say(std::move(answer)); };
}

}  // namespace troth::internal
