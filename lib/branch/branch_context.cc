// Reads which branch operation a request is from its query. Trusts nothing that it reads, and never
// looks at the body.
#include <exception>

#include "base/text.h"
#include "troth/branch.h"

namespace troth {
namespace {

using internal::Concat;
using Getter = std::function<std::optional<std::string>(std::string_view)>;

constexpr size_t kNameBytesMax = 128;
constexpr size_t kUrlBytesMax = 4096;

Status Refused(std::string_view parameter, std::string_view why) {
  return {StatusCode::kInvalidArgument, Concat("query parameter ", parameter, ": ", why)};
}

// An absent parameter leaves `out` empty.
Status Read(const Getter& get, std::string_view parameter, size_t bytes_max, std::string& out) {
  out = get(parameter).value_or(std::string());
  if (out.size() > bytes_max) {
    return Refused(parameter, Concat("longer than ", bytes_max, " bytes"));
  }
  if (internal::HasControlBytes(out)) return Refused(parameter, "has control characters");
  return {};
}

Status ReadRequired(const Getter& get, std::string_view parameter, std::string& out) {
  if (Status status = Read(get, parameter, kNameBytesMax, out); !status.ok()) return status;
  return out.empty() ? Refused(parameter, "missing") : Status();
}

// The Node.js SDK says `branch_type` where all others say `op`.
Status ReadOp(const Getter& get, std::string& out) {
  if (Status status = Read(get, "op", kNameBytesMax, out); !status.ok()) return status;
  if (!out.empty()) return {};
  if (Status status = Read(get, "branch_type", kNameBytesMax, out); !status.ok()) return status;
  return out.empty() ? Refused("op", "missing") : Status();
}

Status ReadAll(const Getter& get, BranchContext& out) {
  if (Status status = ReadRequired(get, "gid", out.gid); !status.ok()) return status;
  if (Status status = ReadRequired(get, "trans_type", out.trans_type); !status.ok()) return status;
  if (Status status = ReadRequired(get, "branch_id", out.branch_id); !status.ok()) return status;
  if (Status status = ReadOp(get, out.op); !status.ok()) return status;
  if (Status status = Read(get, "dtm", kUrlBytesMax, out.coordinator); !status.ok()) return status;
  return Read(get, "phase2_url", kUrlBytesMax, out.phase2_url);
}

}  // namespace

Result<BranchContext> BranchContext::FromQuery(const Getter& get) {
  BranchContext context;
  try {
    if (Status status = ReadAll(get, context); !status.ok()) return status;
  } catch (const std::exception& error) {
    return Status(StatusCode::kUnknown, Concat("reading the query: ", error.what()));
  } catch (...) {
    return Status(StatusCode::kUnknown, "reading the query: an exception of an unknown type");
  }
  return context;
}

}  // namespace troth
