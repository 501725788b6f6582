#include "store/sqlite/readers.h"

#include <utility>

#include "base/text.h"
#include "store/sqlite/queries.h"

namespace troth::internal::sqlite {
namespace {

// The file is open, so whatever keeps another connection from it may pass, and says nothing of what
// the file holds: "not found" would be taken for an answer.
Status NotNow(const Status& status) {
  const bool opening =
      status.code() == StatusCode::kNotFound || status.code() == StatusCode::kPermissionDenied;
  return opening ? Status(StatusCode::kUnavailable, status.message()) : status;
}

}  // namespace

Status Reader::Prepare() {
  if (Status status = connection->Prepare(kSelectWholeByGid, whole_by_gid); !status.ok()) {
    return status;
  }
  return connection->Prepare(kSelectParts, parts);
}

Readers::Lease::~Lease() {
  if (reader_ != nullptr) pool_->Return(std::move(reader_));
}

Result<std::unique_ptr<Reader>> Readers::Make() {
  std::unique_ptr<Reader> reader;
  if (shared_ != nullptr) {
    reader = std::make_unique<Reader>(*shared_);
  } else {
    auto own = Connection::Open(path_, Connection::Access::kReadOnly, tuning_);
    if (!own.ok()) return NotNow(own.status());
    reader = std::make_unique<Reader>(**own);
    reader->own = *std::move(own);
  }
  if (Status status = reader->Prepare(); !status.ok()) return status;
  return reader;
}

Result<Readers::Lease> Readers::Acquire() {
  // In this order everywhere: the turn on the one connection first.
  auto turn = turn_ != nullptr ? std::unique_lock(*turn_) : std::unique_lock<std::mutex>();
  std::unique_ptr<Reader> reader;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || (!stopped_ && active_ < kReadersMax); });
    if (closed_) {
      return Status(StatusCode::kFailedPrecondition, Concat(path_, ": the store is closed"));
    }
    ++active_;
    if (!idle_.empty()) {
      reader = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (reader == nullptr) {
    Result<std::unique_ptr<Reader>> made = Make();
    if (!made.ok()) {
      Return(nullptr);
      return made.status();
    }
    reader = *std::move(made);
  }
  return Lease(*this, std::move(reader), std::move(turn));
}

void Readers::Return(std::unique_ptr<Reader> reader) {
  const std::lock_guard lock(mutex_);
  --active_;
  if (reader != nullptr && !closed_) idle_.push_back(std::move(reader));
  changed_.notify_all();
}

// The turn on a shared connection is held by whoever stops: nobody can be reading then.
void Readers::Stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  if (shared_ == nullptr) changed_.wait(lock, [this] { return active_ == 0; });
}

void Readers::Resume() {
  const std::lock_guard lock(mutex_);
  stopped_ = false;
  changed_.notify_all();
}

void Readers::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  stopped_ = true;
  changed_.notify_all();
  if (shared_ == nullptr) changed_.wait(lock, [this] { return active_ == 0; });
  idle_.clear();
}

}  // namespace troth::internal::sqlite
