// One whole transaction by its gid, and pages of what is due.
#pragma once

#include <optional>
#include <string_view>

#include "model/store.h"
#include "store/sqlite/readers.h"

namespace troth::internal::sqlite {

Result<std::optional<StoredTransaction>> LoadByGid(Reader& reader, std::string_view gid);

// Walks the due index and fetches each row by itself, so that a broken one harms no other: of that
// one only id and due are given, without state or parts.
class DueLoader {
 public:
  Status Prepare(Connection& connection);
  Result<DuePage> Load(std::optional<DuePosition> after, Time until, size_t max);

 private:
  Status Collect(Statement& statement, size_t max, std::vector<DuePosition>& positions);
  Result<StoredTransaction> Fetch(const DuePosition& position);

  Connection* connection_ = nullptr;
  Statement together_, after_, next_, whole_by_id_, parts_;
};

}  // namespace troth::internal::sqlite
