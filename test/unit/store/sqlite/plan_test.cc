// The query plans that the store's speed rests on.
#include <doctest/doctest.h>

#include <string>

#include "../temporary_folder.h"
#include "base/text.h"
#include "database.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/sqlite_store.h"

namespace troth::internal {
namespace {

std::string PlanOf(Database& database, const char* sql) {
  constexpr int kDetail = 3;
  return database.Query(std::string("EXPLAIN QUERY PLAN ") + sql, kDetail);
}

TEST_CASE("sqlite store: every query that may meet many rows uses its index, and sorts nothing") {
  TemporaryFolder folder;
  const auto store = NewSqliteStore();
  REQUIRE(store->Open({.path = folder.File("s.db")}).ok());
  Database database(folder.File("s.db"));
  const auto check = [&](const char* sql, const char* plan) {
    INFO(sql);
    CHECK(PlanOf(database, sql) == plan);
  };
  check(sqlite::kSelectByGid, "SEARCH troth_transaction USING INDEX troth_transaction_gid (gid=?)");
  check(sqlite::kSelectWholeByGid,
        "SEARCH troth_transaction USING INDEX troth_transaction_gid (gid=?)");
  check(sqlite::kSelectWholeById, "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid=?)");
  check(sqlite::kSelectVersion, "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid=?)");
  check(sqlite::kUpdate, "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid=?)");
  check(sqlite::kSelectParts, "SEARCH troth_part USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
  check(sqlite::kDeleteParts, "SEARCH troth_part USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
  check(sqlite::kDueTogether,
        "SEARCH troth_transaction USING COVERING INDEX troth_transaction_due (due=? AND rowid>?)");
  check(sqlite::kDueAfter,
        "SEARCH troth_transaction USING COVERING INDEX troth_transaction_due (due>? AND due<?)");
  check(sqlite::kNextDue,
        "SEARCH troth_transaction USING COVERING INDEX troth_transaction_due (due>?)");
  check(sqlite::kListByStatus,
        "SEARCH troth_transaction USING INDEX troth_transaction_status "
        "(status=? AND id>? AND id<?)");
  constexpr char kOne[] =
      "SEARCH troth_transaction USING INDEX troth_transaction_status "
      "(status=? AND id>? AND id<?)";
  check(sqlite::kListUnended, Concat("MERGE (UNION ALL)\nLEFT\nMERGE (UNION ALL)\nLEFT\n", kOne,
                                     "\nRIGHT\n", kOne, "\nRIGHT\n", kOne)
                                  .c_str());
  check(sqlite::kListParked,
        "SEARCH troth_transaction USING INDEX troth_transaction_parked (id>? AND id<?)");
  check(sqlite::kListById,
        "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
  check(sqlite::kCreatedFrom, "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid>?)");
  check(sqlite::kCountParked, "SCAN troth_transaction USING INDEX troth_transaction_parked");
  check(sqlite::kSelectTopic, "SEARCH troth_topic USING PRIMARY KEY (name=?)");
  check(sqlite::kSelectTopics, "SCAN troth_topic");
  check(sqlite::kParkUnended,
        "SEARCH troth_transaction USING INDEX troth_transaction_status (status=?)");
  check(sqlite::kWalk, "SEARCH troth_transaction USING INTEGER PRIMARY KEY (rowid>?)");
  check(sqlite::kLowestId, "SEARCH troth_transaction");
  check(sqlite::kHighestId, "SEARCH troth_transaction");
}

}  // namespace
}  // namespace troth::internal
