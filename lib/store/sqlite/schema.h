// The tables of a store, and the few numbers that it keeps about itself.
//
// Migrations only add; a file with a higher schema number than this library knows is refused.
#pragma once

#include <cstdint>
#include <optional>

#include "store/sqlite/connection.h"
#include "troth/status.h"

namespace troth::internal::sqlite {

inline constexpr int64_t kSchema = 1;
inline constexpr int64_t kApplicationId = 0x54525448;  // "TRTH", in the file's header

// A part's key is id << 16 | number, so an id has 47 bits.
inline constexpr int64_t kIdMax = (int64_t{1} << 47) - 1;
// SQLite gives out no other. One that is larger would have the keys of another's parts; zero is
// what is not stored yet.
inline constexpr bool IsRowId(int64_t id) { return id >= 1 && id <= kIdMax; }
inline constexpr int64_t PartKey(int64_t id, uint16_t number) { return id << 16 | number; }

// What troth_meta holds: one whole number a name.
inline constexpr char kMetaSchema[] = "schema";
inline constexpr char kMetaEpoch[] = "epoch";    // raised by each owner (R25)
inline constexpr char kMetaClean[] = "clean";    // 1: the last owner closed it
inline constexpr char kMetaBackup[] = "backup";  // 1: a copy, not to be run beside the original
inline constexpr char kMetaClock[] = "clock";    // no row's `updated` is later than this
inline constexpr char kMetaProbe[] = "probe";    // raised to find out whether a commit works

enum class FileKind { kEmpty, kStore };
// What the file is, without changing it. kFailedPrecondition: it is not a store, or a newer one.
Result<FileKind> Recognise(Connection& connection);

// Makes the tables in an empty file, in one transaction.
Status CreateSchema(Connection& connection);

Result<std::optional<int64_t>> ReadMeta(Connection& connection, const char* name);
Status WriteMeta(Connection& connection, const char* name, int64_t value);

}  // namespace troth::internal::sqlite
