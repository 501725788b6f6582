// What the store asks of the file system itself, beside what SQLite does there: which file a path
// stands for, that it is private and on a disk of this machine, that its name is durable.
//
// Production takes the system's. A test that puts another VFS under SQLite puts another one of
// these beside it, so that the two see the same files.
#pragma once

#include <string>
#include <string_view>

#include "troth/status.h"

namespace troth::internal::sqlite {

inline constexpr std::string_view kMemoryPath = ":memory:";

class Files {
 public:
  virtual ~Files() = default;

  // Absolute, through every symbolic link, whether or not the file is there yet. kNotFound: its
  // folder is not there.
  virtual Result<std::string> Resolve(const std::string& path) const = 0;
  // kFailedPrecondition on a network file system (a log in shared memory works on one machine
  // only).
  virtual Status CheckLocalDisk(const std::string& path) const = 0;
  // Makes an empty file that only its owner can read (0600); SQLite gives its companions the same
  // mode. kAlreadyExists.
  virtual Status CreatePrivate(const std::string& path) const = 0;
  // Makes the entry of a new file in its folder durable.
  virtual Status SyncFolderOf(const std::string& path) const = 0;
  // A link that leads nowhere is there, too.
  virtual bool Exists(const std::string& path) const = 0;
  // Gives a file another name, unless that is taken: kAlreadyExists.
  virtual Status Rename(const std::string& from, const std::string& to) const = 0;
  virtual void Remove(const std::string& path) const = 0;
};

// The system's. Never opens a file that SQLite may have open: closing it would drop SQLite's locks.
const Files& SystemFiles();

}  // namespace troth::internal::sqlite
