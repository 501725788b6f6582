// An open store in a home of its own, and the few calls that most tests make.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "../writes.h"
#include "home.h"

namespace troth::internal {

class OpenedStore {
 public:
  OpenedStore() : home_(MakeHome()) { Reopen(); }

  Store* operator->() { return store_.get(); }
  StoreHome& home() { return *home_; }

  // The next life: whatever was not closed has crashed.
  StoreInfo Reopen() {
    store_.reset();
    store_ = home_->NewStore();
    const Result<StoreInfo> info = store_->Open(home_->Options());
    REQUIRE_MESSAGE(info.ok(), info.status().ToString());
    return *info;
  }

  WriteResult ApplyOne(const Write& write) {
    BatchResult result = store_->Apply({&write, 1});
    REQUIRE(result.kind == BatchResult::Kind::kCommitted);
    REQUIRE(result.writes.size() == 1);
    return result.writes[0];
  }

  // Inserts and ends it.
  int64_t ApplyEnded(const std::string& gid, TransactionStatus status, Time finished) {
    const Write first = NewWrite(gid);
    const int64_t id = ApplyOne(first).id;
    ApplyOne(LastWrite(first, id, status, finished));
    return id;
  }

  StoredTransaction LoadOne(const std::string& gid) {
    Result<std::optional<StoredTransaction>> loaded = store_->Load(gid);
    REQUIRE_MESSAGE(loaded.ok(), loaded.status().ToString());
    REQUIRE(loaded->has_value());
    return **std::move(loaded);
  }

 private:
  std::unique_ptr<StoreHome> home_;
  std::unique_ptr<Store> store_;
};

}  // namespace troth::internal
