// Our own connection to one database of an application's: reads the outbox, makes sure that what it
// read survives a power loss, and writes as rarely as can be.
//
// Used by one thread at a time. Changes nothing but the table troth_outbox, and never checkpoints.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "troth/status.h"

struct sqlite3;

namespace troth::internal::outbox {

// Which file it is, whatever path leads to it.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
Result<FileIdentity> IdentityOf(const std::string& path);

struct Row {
  std::string gid;
  std::string document;
};

// What is committed in an outbox.
struct View {
  std::unordered_set<std::string> gids;                      // all rows
  std::vector<std::pair<std::string, std::string>> refused;  // gid, why
  std::vector<Row> fresh;  // those asked for, oldest first; durable
  bool more = false;       // there are further ones
};

class File {
 public:
  // The file must be there, in WAL mode. Makes the table if it is not there.
  static Result<std::unique_ptr<File>> Open(const std::string& path);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::string& path() const { return path_; }
  const FileIdentity& identity() const { return identity_; }
  // Drawn when the table was made: stays the same wherever the file is moved to.
  const std::string& id() const { return id_; }

  // With the documents of those that are not `known`, up to a bound.
  Result<View> Read(const std::function<bool(const std::string&)>& known);
  // These two write, and give up at once where the application is writing.
  Status MarkRefused(std::string_view gid, std::string_view why);
  Status Delete(const std::vector<std::string>& gids);

 private:
  explicit File(std::string path) : path_(std::move(path)) {}
  Status Configure();
  Status RefuseStore();
  Status MakeTable();
  Status ReadId();
  Result<View> ReadRows(const std::function<bool(const std::string&)>& known);
  Status ReadDocuments(const std::vector<std::string>& gids, View& view);

  const std::string path_;
  FileIdentity identity_;
  std::string id_;
  sqlite3* db_ = nullptr;
};

}  // namespace troth::internal::outbox
