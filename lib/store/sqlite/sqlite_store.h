// The store of production: one SQLite file, its log in WAL mode, every commit synced.
//
// The file is the coordinator's own and starts nothing by itself: no thread, no timer. Backups are
// plain files of the same form. Whatever SQLite says goes out as a Status with the path in it.
#pragma once

#include <memory>

#include "model/store.h"
#include "store/sqlite/tuning.h"

namespace troth::internal {

std::unique_ptr<Store> NewSqliteStore(SqliteTuning tuning = {});

}  // namespace troth::internal
