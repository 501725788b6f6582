#include "disk_fault.h"

#include <sqlite3.h>

#include <optional>

#include "base/text.h"

namespace troth::sim {
namespace {

using internal::Concat;

std::optional<DiskFault> DiskFaultOf(const StoreFault& fault) {
  switch (fault.kind) {
    case StoreFault::Kind::kFails:
      return DiskFault{.operation = DiskOperation::kLock,
                       .at = fault.at,
                       .count = fault.count,
                       .code = SQLITE_BUSY};
    case StoreFault::Kind::kUnknown:
      return DiskFault{.operation = fault.committed ? DiskOperation::kSync : DiskOperation::kWrite,
                       .at = fault.at,
                       .count = fault.count + 1};
    case StoreFault::Kind::kReads:
      return DiskFault{.operation = DiskOperation::kRead, .at = fault.at, .count = fault.count};
    case StoreFault::Kind::kFull:
      return DiskFault{.operation = DiskOperation::kWrite,
                       .at = fault.at,
                       .count = kForEver,
                       .code = SQLITE_FULL};
    case StoreFault::Kind::kSyncs:
      return DiskFault{.operation = DiskOperation::kSync, .at = fault.at, .count = kForEver};
    case StoreFault::Kind::kSlow:
      break;  // the driver's matter
  }
  return std::nullopt;
}

std::string_view NameOf(DiskOperation operation) {
  switch (operation) {
    case DiskOperation::kLock:
      return "lock";
    case DiskOperation::kRead:
      return "read";
    case DiskOperation::kSync:
      return "sync";
    default:
      return "write";
  }
}

}  // namespace

void BeginFault(Disk& disk, const StoreFault& fault) {
  if (const auto planned = DiskFaultOf(fault)) disk.Plan(*planned);
}

void EndFault(Disk& disk, const StoreFault& fault) {
  const auto planned = DiskFaultOf(fault);
  if (planned && planned->count == kForEver) disk.ForgetFaults();
}

std::string NameOf(const StoreFault& fault) {
  const auto planned = DiskFaultOf(fault);
  if (!planned) return {};
  const char* how = planned->code == SQLITE_FULL   ? " finds the disk full"
                    : planned->code == SQLITE_BUSY ? " is taken"
                                                   : " fails";
  const std::string first = Concat(NameOf(planned->operation), " ", planned->at, how);
  if (planned->count == kForEver) return first + ", and all after it";
  return planned->count == 1 ? first : Concat(first, ", and ", planned->count - 1, " after it");
}

}  // namespace troth::sim
