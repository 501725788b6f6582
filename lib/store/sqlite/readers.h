// Connections that only read, for any thread: a small pool of them.
//
// After an I/O error the writer needs the log to itself (R4), so everybody who reads can be asked
// to leave, and new ones wait at the door. An in-memory database has one connection only: there a
// lease is a lock on it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/sqlite/connection.h"
#include "store/sqlite/statement.h"

namespace troth::internal::sqlite {

// A connection with the statements of Load kept prepared.
struct Reader {
  explicit Reader(Connection& c) : connection(&c) {}
  Status Prepare();

  Connection* connection;
  std::unique_ptr<Connection> own;
  Statement whole_by_gid, parts;
};

class Readers {
 public:
  Readers(std::string path, SqliteTuning tuning) : path_(std::move(path)), tuning_(tuning) {}
  // Of an in-memory database: everybody takes turns on the writer's connection.
  Readers(Connection& shared, std::mutex& turn) : shared_(&shared), turn_(&turn) {}

  class Lease {
   public:
    Lease(Readers& pool, std::unique_ptr<Reader> reader, std::unique_lock<std::mutex> turn)
        : pool_(&pool), reader_(std::move(reader)), turn_(std::move(turn)) {}
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    Reader& operator*() { return *reader_; }
    Reader* operator->() { return reader_.get(); }

   private:
    Readers* pool_;
    std::unique_ptr<Reader> reader_;
    std::unique_lock<std::mutex> turn_;
  };

  // Waits while all are taken. kFailedPrecondition: closed.
  Result<Lease> Acquire();

  // Whoever holds a lease for long looks at this between two steps, and gives it back.
  bool asked_to_leave() const { return stopped_ || closing_; }

  // Returns when nobody reads any more, and nobody will until Resume().
  void Stop();
  void Resume();
  // Close() will come: whoever holds a lease for long is asked to leave, and that stays so.
  void AnnounceClose() { closing_ = true; }
  void Close();

 private:
  static constexpr size_t kReadersMax = 8;

  Result<std::unique_ptr<Reader>> Make();
  void Return(std::unique_ptr<Reader> reader);

  std::string path_;
  SqliteTuning tuning_;
  Connection* shared_ = nullptr;
  std::mutex* turn_ = nullptr;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Reader>> idle_;
  size_t active_ = 0;
  bool closed_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> closing_ = false;
};

// One view of the file for several statements; ends with its scope. A failure to begin shows at the
// next statement.
class ReadTransaction {
 public:
  explicit ReadTransaction(Connection& connection) : connection_(connection) {
    (void)connection_.Execute("BEGIN");
  }
  ~ReadTransaction() { (void)connection_.Execute("COMMIT"); }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Connection& connection_;
};

}  // namespace troth::internal::sqlite
