#include "store/sqlite/error.h"

#include <sqlite3.h>

#include <string>

#include "base/text.h"

namespace troth::internal::sqlite {
namespace {

// With what a person can do about it, where SQLite's own text does not say so.
StatusCode CodeFor(int code, const std::string& path, const Files& files) {
  if (code == SQLITE_IOERR_NOMEM) return StatusCode::kResourceExhausted;
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return StatusCode::kResourceExhausted;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return StatusCode::kPermissionDenied;
    case SQLITE_CANTOPEN:
      return files.Exists(path) ? StatusCode::kPermissionDenied : StatusCode::kNotFound;
    case SQLITE_NOTADB:
      return StatusCode::kFailedPrecondition;
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return StatusCode::kDataLoss;
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
      return StatusCode::kUnavailable;
    case SQLITE_INTERRUPT:
      return StatusCode::kCancelled;
    default:
      return StatusCode::kInternal;
  }
}

std::string_view Advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "; make room, it goes on by itself";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "; another process holds a lock on the file";
    case SQLITE_CORRUPT:
      return "; restore a backup";
    default:
      return "";
  }
}

}  // namespace

Status SqliteStatus(int code, sqlite3* database, std::string_view path, const Files& files,
                    std::string_view doing) {
  // The connection's text is more exact, but only while it is about this very error.
  const bool fresh = database != nullptr && sqlite3_extended_errcode(database) == code;
  const char* text = fresh ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const std::string named(path);
  return Status(CodeFor(code, named, files),
                Concat(path, ": can't ", doing, ": ", text, " (SQLite ", code, ")", Advice(code)));
}

bool ConcernsOneWrite(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_CORRUPT:
      return true;
    default:
      return false;
  }
}

bool IsCorrupt(int code) { return (code & 0xff) == SQLITE_CORRUPT; }

bool IsFull(int code) { return (code & 0xff) == SQLITE_FULL; }

bool IsBusy(int code) { return (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED; }

}  // namespace troth::internal::sqlite
