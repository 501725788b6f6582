// The SQL that a store keeps prepared or that must use a certain index, in one place, so that a
// test can pin each query plan.
//
// A partial index is used only where the query repeats its literal condition; INDEXED BY makes
// anything else an error instead of a slow scan.
#pragma once

namespace troth::internal::sqlite {

// What row.h reads, in its order.
#define TROTH_ROW_COLUMNS "id,gid,mode,status,due,created,updated,finished,parked,version,digest"

inline constexpr char kSelectByGid[] =
    "SELECT " TROTH_ROW_COLUMNS " FROM troth_transaction WHERE gid=?1";
inline constexpr char kSelectWholeByGid[] =
    "SELECT " TROTH_ROW_COLUMNS ",state FROM troth_transaction WHERE gid=?1";
inline constexpr char kSelectWholeById[] =
    "SELECT " TROTH_ROW_COLUMNS ",state FROM troth_transaction WHERE id=?1";
inline constexpr char kSelectParts[] =
    "SELECT key,document FROM troth_part WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
inline constexpr char kSelectVersion[] = "SELECT version,gid FROM troth_transaction WHERE id=?1";

inline constexpr char kInsert[] =
    "INSERT INTO troth_transaction(gid,mode,status,due,created,updated,finished,parked,version,"
    "digest,state) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT(gid) DO NOTHING";
inline constexpr char kUpdate[] =
    "UPDATE troth_transaction SET status=?2,due=?3,updated=?4,finished=?5,parked=?6,version=?7,"
    "state=?8 WHERE id=?1 AND version=?9 AND state<>x''";
inline constexpr char kInsertPart[] = "INSERT INTO troth_part(key,document) VALUES(?1,?2)";

// The due index in (due, id) order takes two queries: a comparison of the pair would look again at
// all rows of that due time, and a million delayed messages may share one. A due time that is no
// integer (a damaged file of an older version, whose tables are not STRICT) would come again and
// again, as no position lies behind it: such a row is read by its gid alone, and then set aside.
inline constexpr char kDueTogether[] =
    "SELECT due,id FROM troth_transaction INDEXED BY troth_transaction_due "
    "WHERE due IS NOT NULL AND due=?1 AND id>?2 AND typeof(due)='integer' ORDER BY id LIMIT ?3";
inline constexpr char kDueAfter[] =
    "SELECT due,id FROM troth_transaction INDEXED BY troth_transaction_due "
    "WHERE due IS NOT NULL AND due>?1 AND due<=?2 AND typeof(due)='integer' "
    "ORDER BY due,id LIMIT ?3";
inline constexpr char kNextDue[] =
    "SELECT due FROM troth_transaction INDEXED BY troth_transaction_due "
    "WHERE due IS NOT NULL AND due>?1 AND typeof(due)='integer' ORDER BY due LIMIT 1";

// Lists: newest first, of ids in [?1, ?2).
inline constexpr char kListByStatus[] =
    "SELECT " TROTH_ROW_COLUMNS
    " FROM troth_transaction INDEXED BY troth_transaction_status "
    "WHERE status<>3 AND status=?3 AND id>=?1 AND id<?2 ORDER BY id DESC";
// The same of three statuses, merged as they come.
#define TROTH_LIST_OF_STATUS(number)                             \
  "SELECT " TROTH_ROW_COLUMNS                                    \
  " FROM troth_transaction INDEXED BY troth_transaction_status " \
  "WHERE status<>3 AND status=" number " AND id>=?1 AND id<?2"
inline constexpr char kListUnended[] = TROTH_LIST_OF_STATUS("1") " UNION ALL " TROTH_LIST_OF_STATUS(
    "2") " UNION ALL " TROTH_LIST_OF_STATUS("4") " ORDER BY id DESC";
#undef TROTH_LIST_OF_STATUS
inline constexpr char kListParked[] = "SELECT " TROTH_ROW_COLUMNS
                                      " FROM troth_transaction INDEXED BY troth_transaction_parked "
                                      "WHERE parked<>0 AND id>=?1 AND id<?2 ORDER BY id DESC";
inline constexpr char kListById[] = "SELECT " TROTH_ROW_COLUMNS
                                    " FROM troth_transaction "
                                    "WHERE id>=?1 AND id<?2 ORDER BY id DESC";
inline constexpr char kLowestId[] = "SELECT min(id) FROM troth_transaction";
inline constexpr char kHighestId[] = "SELECT max(id) FROM troth_transaction";
inline constexpr char kCreatedFrom[] =
    "SELECT id,created FROM troth_transaction WHERE id>=?1 ORDER BY id LIMIT 1";

inline constexpr char kCountParked[] =
    "SELECT count(*) FROM troth_transaction INDEXED BY troth_transaction_parked WHERE parked<>0";
inline constexpr char kParkUnended[] =
    "UPDATE troth_transaction INDEXED BY troth_transaction_status SET parked=?1,due=NULL "
    "WHERE status<>3 AND status IN (1,2,4)";

// length() of a blob reads none of its pages.
inline constexpr char kWalk[] =
    "SELECT id,finished,length(state) FROM troth_transaction WHERE id>?1 ORDER BY id LIMIT ?2";
inline constexpr char kBury[] =
    "UPDATE troth_transaction SET state=x'',due=NULL,parked=0 WHERE id=?1";
inline constexpr char kDelete[] = "DELETE FROM troth_transaction WHERE id=?1";
inline constexpr char kDeleteParts[] = "DELETE FROM troth_part WHERE key BETWEEN ?1 AND ?2";

inline constexpr char kSelectTopic[] =
    "SELECT name,version,subscribers FROM troth_topic WHERE name=?1";
inline constexpr char kSelectTopics[] =
    "SELECT name,version,subscribers FROM troth_topic ORDER BY name";
inline constexpr char kCountTopics[] = "SELECT count(*) FROM troth_topic";
inline constexpr char kReplaceTopic[] =
    "INSERT OR REPLACE INTO troth_topic(name,version,subscribers) VALUES(?1,?2,?3)";
inline constexpr char kDeleteTopic[] = "DELETE FROM troth_topic WHERE name=?1";

}  // namespace troth::internal::sqlite
