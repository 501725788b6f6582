#include "store/sqlite/network.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/text.h"

namespace troth::internal::sqlite {
namespace {

struct Known {
  unsigned long magic;
  std::string_view name;
};

// Written out, because not every system's headers have all of them.
constexpr Known kNetwork[] = {
    {0x6969, "nfs"},      {0x517B, "smb"},       {0xFF534D42, "cifs"},   {0xFE534D42, "smb2"},
    {0x564C, "ncp"},      {0x73757245, "coda"},  {0x5346414F, "afs"},    {0x6B414653, "afs"},
    {0x01021997, "9p"},   {0x00C36400, "ceph"},  {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},
    {0x01161970, "gfs2"}, {0x7461636F, "ocfs2"}, {0x19830326, "beegfs"}, {0x013111A8, "ibrix"},
};

constexpr unsigned long kFuse = 0x65735546;

constexpr std::string_view kNetworkFuse[] = {
    "fuse.sshfs",     "fuse.s3fs",      "fuse.rclone",   "fuse.glusterfs", "fuse.davfs2",
    "fuse.davfs",     "fuse.curlftpfs", "fuse.gcsfuse",  "fuse.goofys",    "fuse.blobfuse",
    "fuse.blobfuse2", "fuse.mount-s3",  "fuse.cephfs",   "fuse.ceph-fuse", "fuse.moosefs",
    "fuse.mfs",       "fuse.juicefs",   "fuse.lizardfs", "fuse.smbnetfs",  "fuse.gvfsd-fuse",
};

// The file system type of the mount that a folder lies on, as /proc has it: "… major:minor … -
// type …".
std::string MountType(const std::string& folder) {
  struct stat of_folder;
  if (::stat(folder.c_str(), &of_folder) != 0) return "";
  const std::string device = Concat(major(of_folder.st_dev), ":", minor(of_folder.st_dev));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string mount, parent, mounted;
    fields >> mount >> parent >> mounted;
    const size_t separator = line.find(" - ");
    if (mounted != device || separator == std::string::npos) continue;
    std::istringstream rest(line.substr(separator + 3));
    std::string type;
    rest >> type;
    return type;
  }
  return "";
}

}  // namespace

std::string_view NetworkFileSystemName(long magic) {
  // Some systems sign-extend the 32-bit number.
  const unsigned long number = static_cast<unsigned long>(magic) & 0xFFFFFFFF;
  const auto* known = std::find_if(std::begin(kNetwork), std::end(kNetwork),
                                   [&](const Known& k) { return k.magic == number; });
  return known == std::end(kNetwork) ? std::string_view() : known->name;
}

bool IsNetworkFuse(std::string_view type) {
  return std::find(std::begin(kNetworkFuse), std::end(kNetworkFuse), type) !=
         std::end(kNetworkFuse);
}

std::string NetworkFileSystemOf(const std::string& folder) {
  struct statfs of_folder;
  if (::statfs(folder.c_str(), &of_folder) != 0) return "";
  const auto magic = static_cast<unsigned long>(of_folder.f_type) & 0xFFFFFFFF;
  if (magic != kFuse) return std::string(NetworkFileSystemName(static_cast<long>(magic)));
  std::string type = MountType(folder);
  return IsNetworkFuse(type) ? type : "";
}

}  // namespace troth::internal::sqlite
