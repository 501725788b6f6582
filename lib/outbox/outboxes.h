// All outboxes of one coordinator, and the thread that looks into them.
//
// A row that is committed is adopted: read and synced (file.h), made durable in the coordinator's
// store, and remembered as done until it is gone from the file. Nothing is written to the
// application's file for that. The thread sleeps until a ticket or its schedule wakes it; it never
// polls when nothing is expected.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "outbox/file.h"
#include "outbox/host.h"
#include "outbox/schedule.h"
#include "troth/coordinator.h"
#include "troth/status.h"

namespace troth::internal::outbox {

class Outboxes {
 public:
  // kInvalidArgument, kNotFound, kFailedPrecondition: which of them can't be used, and why.
  static Result<std::shared_ptr<Outboxes>> Open(const std::vector<std::string>& paths);
  ~Outboxes() { Stop(); }
  Outboxes(const Outboxes&) = delete;
  Outboxes& operator=(const Outboxes&) = delete;

  // The check-backs of these files, to be registered before anything is called.
  std::vector<LocalBranch> CheckBacks() const;

  // Adopts all that is there, then starts the thread. `host` is used until Stop() has returned.
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
    std::unique_ptr<File> file;  // the looking thread's
    // Guarded by mutex_; changed by the looking thread alone, which reads it unguarded.
    std::unordered_set<std::string> done;
    std::unordered_map<std::string, std::string> refused;  // with why
    // Guarded by mutex_.
    std::unordered_set<std::string> waiting;  // could not be adopted yet
    std::string problem;
    Schedule schedule;
    uint64_t looks_begun = 0;
    uint64_t looks_ended = 0;
  };

  Outboxes() = default;
  bool ForkedChild() const;
  void Run();
  void LookInto(Box& box);
  bool ReadAndAdopt(Box& box, View& view);
  void Settle(Box& box, const std::vector<Row>& rows, const std::vector<Status>& statuses);
  void Forget(Box& box, const View& view);
  void MarkRefused(Box& box, const View& view);
  void Sweep(Box& box);

  Host* host_ = nullptr;
  int process_ = 0;
  std::vector<std::unique_ptr<Box>> boxes_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;   // the thread
  std::condition_variable looked_;  // those who wait for a look
  bool stopping_ = false;
  std::thread thread_;
};

// The coordinator's; null: it has none. Defined where the coordinator is.
struct Parts {
  std::shared_ptr<Host> host;  // null: moved from
  std::shared_ptr<Outboxes> outboxes;
};
Parts PartsOf(Coordinator& coordinator);

}  // namespace troth::internal::outbox
