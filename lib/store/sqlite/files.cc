#include "store/sqlite/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/text.h"
#include "store/sqlite/network.h"

namespace troth::internal::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr int kLinksMax = 40;  // as the kernel has it

Status FileStatus(int error, const std::string& path, std::string_view doing) {
  StatusCode code = StatusCode::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == EACCES || error == EPERM || error == EROFS) code = StatusCode::kPermissionDenied;
  if (error == ENOSPC || error == EDQUOT || error == EMFILE) code = StatusCode::kResourceExhausted;
  if (error == EEXIST) code = StatusCode::kAlreadyExists;
  return Status(code,
                Concat(path, ": can't ", doing, ": ", std::generic_category().message(error)));
}

Status Taken(const std::string& path) {
  return Status(StatusCode::kAlreadyExists, Concat(path, ": is there already"));
}

class System final : public Files {
 public:
  Result<std::string> Resolve(const std::string& path) const override;
  Status CheckLocalDisk(const std::string& path) const override;
  Status CreatePrivate(const std::string& path) const override;
  Status SyncFolderOf(const std::string& path) const override;
  bool Exists(const std::string& path) const override;
  Status Rename(const std::string& from, const std::string& to) const override;
  void Remove(const std::string& path) const override { ::unlink(path.c_str()); }
};

Result<std::string> System::Resolve(const std::string& path) const {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Status(StatusCode::kInvalidArgument, "options.store: a path is needed");
  }
  std::error_code error;
  fs::path file = fs::absolute(path, error);
  // A link to a file that is not there yet has no canonical form, so it is followed by hand.
  for (int i = 0; i < kLinksMax && fs::is_symlink(fs::symlink_status(file, error)); ++i) {
    const fs::path target = fs::read_symlink(file, error);
    if (error) return FileStatus(error.value(), path, "follow the link");
    file = target.is_absolute() ? target : file.parent_path() / target;
  }
  const fs::path folder = fs::canonical(file.parent_path(), error);
  if (error) return FileStatus(error.value(), path, "find its folder");
  if (fs::is_directory(file, error)) {
    return Status(StatusCode::kInvalidArgument, Concat("options.store: ", path, " is a folder"));
  }
  return (folder / file.filename()).string();
}

Status System::CreatePrivate(const std::string& path) const {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return FileStatus(errno, path, "create");
  // Nobody else can have opened a file that is this new, so closing it drops no lock.
  ::close(file);
  return Status();
}

Status System::SyncFolderOf(const std::string& path) const {
  const std::string folder = fs::path(path).parent_path().string();
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return FileStatus(errno, folder, "open");
  const int error = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  // Some file systems have no sync of a folder; there is nothing better to do on them.
  return error == 0 || error == EINVAL ? Status() : FileStatus(error, folder, "sync");
}

Status System::CheckLocalDisk(const std::string& path) const {
  const std::string folder = fs::path(path).parent_path().string();
  const std::string network = NetworkFileSystemOf(folder);
  if (network.empty()) return Status();
  return Status(StatusCode::kFailedPrecondition,
                Concat(path, ": lies on a network file system (", network,
                       "), where a crash can lose what was acknowledged; use a local disk"));
}

bool System::Exists(const std::string& path) const {
  struct stat ignored;
  return ::lstat(path.c_str(), &ignored) == 0;
}

// A file system without links (exFAT) leaves a moment in which another file of that name would be
// replaced.
Status System::Rename(const std::string& from, const std::string& to) const {
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return SyncFolderOf(to);
  }
  if (errno == EEXIST) return Taken(to);
  if (::rename(from.c_str(), to.c_str()) == 0) return SyncFolderOf(to);
  return FileStatus(errno, to, "name it");
}

}  // namespace

const Files& SystemFiles() {
  static const System system;
  return system;
}

}  // namespace troth::internal::sqlite
