// The early, clear answer to "is this store in use?": a lock on a file beside it (R25).
//
// The lock is a transaction that a second SQLite connection holds on "<store>-owner": the kernel
// frees it when the process ends, however it ends. It is not what keeps two owners apart for
// certain; the epoch in the store is. The file is never removed: a lock on a removed file would be
// worth nothing.
#pragma once

#include <memory>
#include <string>

#include "store/sqlite/tuning.h"
#include "troth/status.h"

struct sqlite3;

namespace troth::internal::sqlite {

class Owner {
 public:
  // kFailedPrecondition: this process or another one owns the store.
  static Result<std::unique_ptr<Owner>> Claim(const std::string& resolved_path,
                                              const SqliteTuning& tuning);
  ~Owner();
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

 private:
  Owner(std::string path, std::string name) : path_(std::move(path)), name_(std::move(name)) {}
  Status Lock(const SqliteTuning& tuning);

  std::string path_;
  std::string name_;  // among those that this process owns
  sqlite3* lock_ = nullptr;
};

}  // namespace troth::internal::sqlite
