// All outboxes of one coordinator, and what is done about them.
//
// A row that is committed is adopted: read and synced (file.h), made durable in the coordinator's
// store, and remembered as done until it is gone from the file. Nothing is written to the
// application's file for that. The runner works only when a ticket or a schedule asks for it:
// nothing is polled when nothing is expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "outbox/file.h"
#include "outbox/host.h"
#include "outbox/runner.h"
#include "outbox/schedule.h"
#include "troth/coordinator.h"
#include "troth/status.h"

namespace troth::internal::outbox {

class Outboxes {
 public:
  // kInvalidArgument, kNotFound, kFailedPrecondition: which of them can't be used, and why.
  static Result<std::shared_ptr<Outboxes>> Open(const std::vector<std::string>& paths,
                                                std::unique_ptr<Runner> runner);
  ~Outboxes() { Stop(); }
  Outboxes(const Outboxes&) = delete;
  Outboxes& operator=(const Outboxes&) = delete;

  // The check-backs of these files, to be registered before anything is called.
  std::vector<LocalBranch> CheckBacks() const;

  // Adopts all that is there, then starts the runner. `host` is used until Stop() has returned.
  void Start(Host& host);
  // RequestStop never waits; Stop does, for a look that is under way.
  void RequestStop();
  void Stop();

  // Which outbox the file is; kFailedPrecondition: none.
  Result<size_t> Find(const FileIdentity& file) const;
  std::string CheckBackUrl(size_t box) const;

  // Some rows that are adopted, to be deleted by the way.
  std::vector<std::string> Done(size_t box, size_t max) const;
  void Look(size_t box);
  void LookAtAll();
  void Expect(size_t box, std::string gid);
  // Looks, and waits until the row is adopted. OK: adopted, or not there (`there` false).
  struct Seen {
    bool there = false;
  };
  Result<Seen> Await(size_t box, const std::string& gid, std::chrono::milliseconds timeout);

  std::vector<OutboxHealth> GetHealth() const;

 private:
  struct Box {
    std::unique_ptr<File> file;  // the runner's
    // Guarded by mutex_; changed by the runner alone, which reads it unguarded.
    std::unordered_set<std::string> done;
    std::unordered_map<std::string, std::string> refused;  // with why
    // Guarded by mutex_.
    std::unordered_set<std::string> waiting;  // could not be adopted yet
    std::string problem;
    Schedule schedule;
    uint64_t looks_begun = 0;
    uint64_t looks_ended = 0;
  };

  explicit Outboxes(std::unique_ptr<Runner> runner) : runner_(std::move(runner)) {}
  bool ForkedChild() const;
  void OpenGates();  // under the lock
  std::optional<std::chrono::milliseconds> Work();
  void LookInto(Box& box);
  bool ReadAndAdopt(Box& box, View& view);
  // These are under the lock; the host is told of `news` without it.
  using News = std::vector<std::pair<std::string, std::string>>;
  void Settle(Box& box, const std::vector<Row>& rows, const std::vector<Status>& statuses,
              News& news);
  void Forget(Box& box, const View& view, News& news);
  void NoteRefused(Box& box, const std::string& gid, const std::string& why, News& news);
  void MarkRefused(Box& box, const View& view);
  void Sweep(Box& box);

  Host* host_ = nullptr;
  int process_ = 0;
  std::vector<std::unique_ptr<Box>> boxes_;
  const std::unique_ptr<Runner> runner_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Gate>> gates_;  // of those who wait for a look
  bool stopping_ = false;
};

// The coordinator's; null: it has none. Defined where the coordinator is.
struct Parts {
  std::shared_ptr<Host> host;  // null: moved from
  std::shared_ptr<Outboxes> outboxes;
};
Parts PartsOf(Coordinator& coordinator);

}  // namespace troth::internal::outbox
