#include "store/sqlite/owner.h"

#include <sqlite3.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "store/sqlite/error.h"
#include "store/sqlite/files.h"

namespace troth::internal::sqlite {
namespace {

// The stores that this process owns. A second open must not even open the owner file: POSIX drops
// all of a process's locks on a file when any of its descriptors is closed. A forked child inherits
// the list but none of the locks, so each entry names its process.
struct Registry {
  std::mutex mutex;
  std::map<std::string, pid_t> owned;
};

Registry& TheRegistry() {
  static auto* registry = new Registry;  // never destroyed: stores may outlive static objects
  return *registry;
}

bool Register(const std::string& name) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  const auto [entry, added] = registry.owned.try_emplace(name, ::getpid());
  if (!added && entry->second == ::getpid()) return false;
  entry->second = ::getpid();
  return true;
}

void Unregister(const std::string& name) {
  Registry& registry = TheRegistry();
  const std::lock_guard lock(registry.mutex);
  const auto entry = registry.owned.find(name);
  if (entry != registry.owned.end() && entry->second == ::getpid()) registry.owned.erase(entry);
}

}  // namespace

Result<std::unique_ptr<Owner>> Owner::Claim(const std::string& resolved_path,
                                            const SqliteTuning& tuning) {
  // Each VFS has files of its own.
  std::string name = Concat(tuning.vfs, ":", resolved_path);
  if (!Register(name)) {
    return Status(StatusCode::kFailedPrecondition,
                  Concat(resolved_path,
                         ": is already open in this process; use the coordinator "
                         "that is open, or close it first"));
  }
  std::unique_ptr<Owner> owner(new Owner(resolved_path, std::move(name)));
  if (Status status = owner->Lock(tuning); !status.ok()) return status;
  return owner;
}

Status Owner::Lock(const SqliteTuning& tuning) {
  const std::string file = path_ + "-owner";
  if (Status status = tuning.files->CreatePrivate(file);
      !status.ok() && status.code() != StatusCode::kAlreadyExists) {
    return status;
  }
  const char* vfs = tuning.vfs.empty() ? nullptr : tuning.vfs.c_str();
  int code = sqlite3_open_v2(file.c_str(), &lock_,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE |
                                 SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                             vfs);
  // Nothing is ever written into it, so it needs no journal; and who is not first need not wait.
  if (code == SQLITE_OK) code = sqlite3_busy_timeout(lock_, 0);
  if (code == SQLITE_OK) {
    code = sqlite3_exec(lock_, "PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE", nullptr, nullptr,
                        nullptr);
  }
  if (code == SQLITE_OK) return Status();
  if (!IsBusy(code)) return SqliteStatus(code, lock_, file, *tuning.files, "lock");
  return Status(StatusCode::kFailedPrecondition,
                Concat(path_, ": another process has it open (it holds ", file,
                       "); end that process, or open read-only"));
}

Owner::~Owner() {
  sqlite3_close_v2(lock_);
  Unregister(name_);
}

}  // namespace troth::internal::sqlite
