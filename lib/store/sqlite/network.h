// Which file systems are known to be another machine's.
#pragma once

#include <string>
#include <string_view>

namespace troth::internal::sqlite {

// The name of the network file system that a folder lies on; empty: none that is known.
std::string NetworkFileSystemOf(const std::string& folder);

// By the number that statfs() gives.
std::string_view NetworkFileSystemName(long magic);
// Of a FUSE mount, by the type that its mount names ("fuse.sshfs"); statfs() can't tell these
// apart.
bool IsNetworkFuse(std::string_view type);

}  // namespace troth::internal::sqlite
