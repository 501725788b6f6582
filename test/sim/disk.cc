#include "disk.h"

#include <sqlite3.h>

#include <atomic>
#include <utility>

#include "base/text.h"
#include "disk_inode.h"
#include "disk_vfs.h"

namespace troth::sim {

using internal::Concat;

namespace {

size_t Index(DiskOperation operation) { return static_cast<size_t>(operation); }

// What SQLite answers where the system says EIO.
int ErrorOf(DiskOperation operation) {
  switch (operation) {
    case DiskOperation::kOpen:
      return SQLITE_CANTOPEN;
    case DiskOperation::kRead:
      return SQLITE_IOERR_READ;
    case DiskOperation::kWrite:
      return SQLITE_IOERR_WRITE;
    case DiskOperation::kTruncate:
      return SQLITE_IOERR_TRUNCATE;
    case DiskOperation::kSync:
      return SQLITE_IOERR_FSYNC;
    case DiskOperation::kLock:
      return SQLITE_IOERR_LOCK;
    case DiskOperation::kMap:
      return SQLITE_IOERR_SHMMAP;
    case DiskOperation::kDelete:
      return SQLITE_IOERR_DELETE;
    case DiskOperation::kSyncFolder:
      return SQLITE_IOERR_DIR_FSYNC;
  }
  return SQLITE_IOERR;
}

// SQLite's own source of random numbers, which fills the salts of the log.
void SeedSqlite(uint64_t seed) {
  const auto number = static_cast<unsigned>(seed ^ seed >> 32);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, number == 0 ? 1 : number, nullptr);
}

}  // namespace

class DiskFiles final : public internal::sqlite::Files {
 public:
  explicit DiskFiles(Disk& disk) : disk_(disk) {}

  Result<std::string> Resolve(const std::string& path) const override { return path; }
  Status CheckLocalDisk(const std::string&) const override { return {}; }

  Status CreatePrivate(const std::string& path) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.Find(path) != nullptr) return Taken(path);
    if (disk_.Count(DiskOperation::kOpen) != 0 || !disk_.Change()) return Refused(path);
    disk_.Create(path);
    return {};
  }

  Status SyncFolderOf(const std::string& path) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.Count(DiskOperation::kSyncFolder) != 0 || !disk_.Change()) return Refused(path);
    disk_.SyncFolder();
    return {};
  }

  bool Exists(const std::string& path) const override {
    const std::lock_guard lock(disk_.mutex_);
    return disk_.Find(path) != nullptr;
  }

  Status Rename(const std::string& from, const std::string& to) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.Find(to) != nullptr) return Taken(to);
    if (!disk_.Change()) return Refused(to);
    disk_.names_[to] = disk_.Find(from);
    disk_.names_.erase(from);
    if (disk_.Count(DiskOperation::kSyncFolder) != 0 || !disk_.Change()) return Refused(to);
    disk_.SyncFolder();
    return {};
  }

  void Remove(const std::string& path) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (disk_.Change()) disk_.names_.erase(path);
  }

 private:
  static Status Taken(const std::string& path) {
    return {StatusCode::kAlreadyExists, Concat(path, ": is there already")};
  }
  static Status Refused(const std::string& path) {
    return {StatusCode::kUnavailable, Concat(path, ": input/output error")};
  }

  Disk& disk_;
};

Disk::Disk(uint64_t seed) : seed_(seed) {
  static std::atomic<uint64_t> number{0};
  vfs_name_ = Concat("troth-disk-", ++number);
  vfs_ = DiskVfs::Make(*this);
  files_ = std::make_unique<DiskFiles>(*this);
  sqlite3_vfs_register(vfs_.get(), 0);
  other_vfs_name_ = vfs_name_ + "-other";
  other_vfs_ = std::make_unique<sqlite3_vfs>(*vfs_);
  other_vfs_->zName = other_vfs_name_.c_str();
  sqlite3_vfs_register(other_vfs_.get(), 0);
  SeedSqlite(seed_);
}

Disk::~Disk() {
  sqlite3_vfs_unregister(other_vfs_.get());
  sqlite3_vfs_unregister(vfs_.get());
}

void Disk::MakeDefault() { sqlite3_vfs_register(vfs_.get(), 1); }

void Disk::ShareAmongThreads() {
  const std::lock_guard lock(mutex_);
  shared_ = true;
}

void Disk::SetTime(int64_t milliseconds_since_1970) {
  const std::lock_guard lock(mutex_);
  time_ms_ = milliseconds_since_1970;
}

void Disk::Crash() {
  const std::lock_guard lock(mutex_);
  NextLife();
}

void Disk::LosePower(Loss loss, internal::Random& random) {
  const std::lock_guard lock(mutex_);
  Names left;
  const auto settle = [&](const std::string& name) {
    const auto now = names_.find(name);
    const auto then = durable_names_.find(name);
    bool keep = loss == Loss::kKeepAll;
    if (loss == Loss::kRandom) keep = random.Next() % 2 == 0;
    const auto& [from, end] =
        keep ? std::pair(now, names_.end()) : std::pair(then, durable_names_.end());
    if (from != end) left[name] = from->second;
  };
  for (const auto& [name, inode] : durable_names_) settle(name);
  for (const auto& [name, inode] : names_) {
    if (!durable_names_.contains(name)) settle(name);
  }
  names_ = left;
  durable_names_ = std::move(left);
  for (const auto& [name, inode] : names_) inode->file.LosePower(loss, random);
  NextLife();
}

// Old handles keep what they hold; nobody else sees it.
void Disk::NextLife() {
  ++life_;
  off_ = false;
  for (const Names* names : {&names_, &durable_names_}) {
    for (const auto& [name, inode] : *names) {
      inode->locks = {};
      inode->memory.reset();
    }
  }
  SeedSqlite(seed_ + life_);
}

std::unique_ptr<Disk> Disk::Copy() const {
  const std::lock_guard lock(mutex_);
  auto copy = std::make_unique<Disk>(seed_);
  for (const auto& [name, inode] : names_) {
    const auto there = std::make_shared<Inode>();
    there->file = DiskFile(inode->file.bytes());
    copy->names_[name] = there;
  }
  copy->SyncFolder();
  copy->time_ms_ = time_ms_;
  return copy;
}

void Disk::CutPowerAt(uint64_t n) {
  const std::lock_guard lock(mutex_);
  cut_at_ = n == 0 ? 0 : changes_ + n;
}

void Disk::CutPowerAfterFailure(uint64_t n) {
  const std::lock_guard lock(mutex_);
  cut_after_failure_ = n;
}

void Disk::CutPowerAtFailure(bool cut) {
  const std::lock_guard lock(mutex_);
  cut_at_failure_ = cut;
}

bool Disk::off() const {
  const std::lock_guard lock(mutex_);
  return off_;
}

void Disk::WhenCut(std::function<void()> tell) {
  const std::lock_guard lock(mutex_);
  when_cut_ = std::move(tell);
}

void Disk::Plan(const DiskFault& fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({fault, counts_[Index(fault.operation)]});
}

void Disk::ForgetFaults() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

uint64_t Disk::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

uint64_t Disk::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

uint64_t Disk::count(DiskOperation operation) const {
  const std::lock_guard lock(mutex_);
  return counts_[Index(operation)];
}

std::string Disk::BytesOf(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto inode = Find(path);
  return inode == nullptr ? std::string() : inode->file.bytes();
}

int Disk::Count(DiskOperation operation) {
  if (off_) return ErrorOf(operation);
  const uint64_t number = ++counts_[Index(operation)];
  for (const auto& [fault, from] : faults_) {
    if (fault.operation != operation) continue;
    const uint64_t nth = number - from;
    if (nth < fault.at || nth - fault.at >= fault.count) continue;
    if (++failed_ == 1 && cut_after_failure_ != 0) cut_at_ = changes_ + cut_after_failure_;
    if (std::exchange(cut_at_failure_, false)) Cut();
    return fault.code != 0 ? fault.code : ErrorOf(operation);
  }
  return 0;
}

bool Disk::Change() {
  if (off_) return false;
  if (++changes_ != cut_at_) return true;
  Cut();
  return false;
}

void Disk::Cut() {
  off_ = true;
  if (when_cut_) when_cut_();
}

std::shared_ptr<Disk::Inode> Disk::Find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<Disk::Inode> Disk::Create(const std::string& path) {
  auto inode = std::make_shared<Inode>();
  if (!path.empty()) names_[path] = inode;
  return inode;
}

}  // namespace troth::sim
