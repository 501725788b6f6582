// The file that a path stands for: resolved, private, and on a disk of this machine.
//
// Never opens a file that SQLite may have open: closing it would drop SQLite's locks.
#pragma once

#include <string>
#include <string_view>

#include "troth/status.h"

namespace troth::internal::sqlite {

inline constexpr std::string_view kMemoryPath = ":memory:";

// Absolute, through every symbolic link, whether or not the file is there yet. kNotFound: its
// folder is not there.
Result<std::string> ResolvePath(const std::string& path);

// Makes an empty file that only its owner can read (0600); SQLite gives its companions the same
// mode. kAlreadyExists.
Status CreatePrivateFile(const std::string& path);

// Makes the entry of a new file in its folder durable.
Status SyncFolderOf(const std::string& path);

// kFailedPrecondition on a network file system (a log in shared memory works on one machine only).
Status CheckLocalDisk(const std::string& path);

}  // namespace troth::internal::sqlite
