// Opening a store's file: found, owned, recognised, its epoch raised; and the marks that an owner
// leaves in it.
#pragma once

#include <memory>
#include <string>

#include "model/store.h"
#include "store/sqlite/checkpoint.h"
#include "store/sqlite/owner.h"
#include "store/sqlite/readers.h"
#include "store/sqlite/tuning.h"
#include "store/sqlite/writer.h"

namespace troth::internal::sqlite {

struct OpenedFile {
  std::string path;                // resolved
  std::unique_ptr<Owner> owner;    // none when in memory or read-only
  std::unique_ptr<Writer> writer;  // none when read-only
  StoreInfo info;
};

Result<OpenedFile> OpenFile(const StoreOptions& options, const SqliteTuning& tuning);

// Says that this owner left in good order, and how late its clock stood. Best effort: without the
// mark the next owner is only more careful.
void MarkClean(Writer& writer);

// Inside a write transaction: parks all that is unended, and takes the mark of a backup away in the
// same commit. Not at Open: a crash before this commit must leave the file refused.
Status ParkAll(Writer& writer, ReasonCode reason, size_t& parked);

}  // namespace troth::internal::sqlite
