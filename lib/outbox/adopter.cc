// What the runner does: reads, adopts, and forgets what is gone.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "outbox/document.h"
#include "outbox/outboxes.h"

namespace troth::internal::outbox {
namespace {

constexpr size_t kRowsKept = 1'000;
constexpr size_t kSweepSlice = 256;

// Whether another try can't end otherwise.
bool IsFinal(const Status& status) {
  return status.code() == StatusCode::kAlreadyExists ||
         status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kDataLoss;
}

// One status a row, in order; those that can't be read are not asked about.
std::vector<Status> Adopt(Host& host, const std::vector<Row>& rows) {
  std::vector<Status> statuses(rows.size());
  std::vector<size_t> asked;
  std::vector<Submission> submissions;
  for (size_t i = 0; i < rows.size(); ++i) {
    Result<Submission> submission = DecodeDocument(rows[i].gid, rows[i].document);
    if (submission.ok()) {
      asked.push_back(i);
      submissions.push_back(*std::move(submission));
    } else {
      statuses[i] = submission.status();
    }
  }
  std::vector<Status> answers = host.Accept(std::move(submissions));
  for (size_t i = 0; i < asked.size(); ++i) statuses[asked[i]] = std::move(answers[i]);
  return statuses;
}

}  // namespace

void Outboxes::Start(Host& host) {
  host_ = &host;
  for (const auto& box : boxes_) LookInto(*box);
  runner_->Start([this] { return Work(); });
}

void Outboxes::RequestStop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    OpenGates();
  }
  runner_->Wake();
}

void Outboxes::Stop() {
  RequestStop();
  runner_->Stop();
}

std::optional<std::chrono::milliseconds> Outboxes::Work() {
  std::optional<Time> next;
  std::unique_lock lock(mutex_);
  for (const auto& box : boxes_) {
    if (stopping_) return std::nullopt;
    const bool look = box->schedule.LookIsDue(host_->Now());
    if (look || box->schedule.SweepIsDue(host_->Now())) {
      lock.unlock();
      look ? LookInto(*box) : Sweep(*box);
      lock.lock();
    }
    const auto wanted = box->schedule.Next();
    if (wanted && (!next || *wanted < *next)) next = wanted;
  }
  if (!next) return std::nullopt;
  return std::max(*next - host_->Now(), std::chrono::milliseconds{0});
}

void Outboxes::LookInto(Box& box) {
  {
    const std::lock_guard lock(mutex_);
    box.schedule.BeginLook();
    ++box.looks_begun;
  }
  View view;
  while (ReadAndAdopt(box, view) && view.more) {
  }
  if (!view.gids.empty()) MarkRefused(box, view);
  if (box.done.size() > kRowsKept) Sweep(box);
  const std::lock_guard lock(mutex_);
  const bool again = !box.problem.empty() || !box.waiting.empty();
  box.schedule.EndLook(view.gids, again, host_->Now());
  box.schedule.Quieten(!box.done.empty(), host_->Now());
  ++box.looks_ended;
  OpenGates();
}

// False: something is in the way, and is tried again later.
bool Outboxes::ReadAndAdopt(Box& box, View& view) {
  Result<View> read = box.file->Read(
      [&](const std::string& gid) { return box.done.contains(gid) || box.refused.contains(gid); });
  if (!read.ok()) {
    const std::lock_guard lock(mutex_);
    box.problem = read.status().message();
    return false;
  }
  view = *std::move(read);
  const std::vector<Status> statuses = Adopt(*host_, view.fresh);
  News news;
  bool go_on = false;
  {
    const std::lock_guard lock(mutex_);
    box.problem.clear();
    Settle(box, view.fresh, statuses, news);
    Forget(box, view, news);
    go_on = box.waiting.empty() && !stopping_;
  }
  for (const auto& [gid, why] : news) host_->OnRefused(gid, box.file->path(), why);
  return go_on;
}

void Outboxes::Settle(Box& box, const std::vector<Row>& rows, const std::vector<Status>& statuses,
                      News& news) {
  box.waiting.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (statuses[i].ok()) {
      box.done.insert(rows[i].gid);
    } else if (IsFinal(statuses[i])) {
      NoteRefused(box, rows[i].gid, statuses[i].message(), news);
    } else {
      box.waiting.insert(rows[i].gid);
      box.problem = statuses[i].message();
    }
  }
}

// What is gone from the file needs no memory; what it says is refused may be a former life's.
void Outboxes::Forget(Box& box, const View& view, News& news) {
  const auto gone = [&](const auto& gid) { return !view.gids.contains(gid); };
  std::erase_if(box.done, gone);
  std::erase_if(box.refused, [&](const auto& one) { return gone(one.first); });
  for (const auto& [gid, why] : view.refused) NoteRefused(box, gid, why, news);
}

// Told once in each life.
void Outboxes::NoteRefused(Box& box, const std::string& gid, const std::string& why, News& news) {
  if (box.refused.insert_or_assign(gid, why).second) news.emplace_back(gid, why);
}

// Best effort: where the application is writing, the next look tries again.
void Outboxes::MarkRefused(Box& box, const View& view) {
  std::unordered_set<std::string> marked;
  for (const auto& [gid, why] : view.refused) marked.insert(gid);
  for (const auto& [gid, why] : box.refused) {
    if (!marked.contains(gid) && !box.file->MarkRefused(gid, why).ok()) return;
  }
}

// In slices, so that the application never waits long for the write lock.
void Outboxes::Sweep(Box& box) {
  std::vector<std::string> slice;
  for (;;) {
    slice.clear();
    for (const std::string& gid : box.done) {
      if (slice.size() == kSweepSlice) break;
      slice.push_back(gid);
    }
    if (slice.empty() || !box.file->Delete(slice).ok()) break;
    const std::lock_guard lock(mutex_);
    for (const std::string& gid : slice) box.done.erase(gid);
    if (stopping_) break;
  }
  const std::lock_guard lock(mutex_);
  box.schedule.Quieten(!box.done.empty(), host_->Now());
}

}  // namespace troth::internal::outbox
