#include "model/json_rpc.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "model/json.h"
#include "model/url.h"
#include "model/verdict.h"

namespace troth::internal {
namespace {

using Verdict = BranchResult::Verdict;

constexpr double kFailureCode = -32901;
constexpr double kOngoingCode = -32902;

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// What the error of an answer says; nothing where there is none.
std::optional<Verdict> ErrorVerdict(const Json& answer) {
  const Json* error = answer.Find("error");
  if (error == nullptr) return std::nullopt;
  const Json* code = error->Find("code");
  if (code == nullptr || code->kind != Json::Kind::kNumber) return Verdict::kUnknown;
  if (code->number == kFailureCode) return Verdict::kFailure;
  return code->number == kOngoingCode ? Verdict::kOngoing : Verdict::kUnknown;
}

}  // namespace

std::string JsonRpcMethod(std::string_view url) {
  if (IsLocalUrl(url)) return {};
  url = url.substr(0, url.find('#'));
  const size_t mark = url.find('?');
  std::string_view query = mark == std::string_view::npos ? "" : url.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with("method=")) return PercentDecoded(pair.substr(pair.find('=') + 1));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  return {};
}

Status CheckJsonRpcPayload(std::string_view payload) {
  const std::string_view trimmed = Trimmed(payload);
  if (trimmed.empty() || trimmed == "null" || trimmed == "[]") return {};
  if (trimmed.starts_with('{') && IsJson(payload)) return {};
  return {StatusCode::kInvalidArgument,
          "payload: not a JSON object, which a call by JSON-RPC takes"};
}

std::string JsonRpcRequest(std::string_view method, const BranchContext& context,
                           std::string_view payload) {
  const std::string_view object = Trimmed(payload);
  std::string_view members;
  if (object.starts_with('{')) members = Trimmed(object.substr(1, object.size() - 2));
  const std::string ours = JsonObject()
                               .Text("gid", context.gid)
                               .Text("trans_type", context.trans_type)
                               .Text("branch_id", context.branch_id)
                               .Text("op", context.op)
                               .TextIfAny("dtm", context.coordinator)
                               .TextIfAny("phase2_url", context.phase2_url)
                               .Finish();
  return JsonObject()
      .Text("jsonrpc", "2.0")
      .Text("id", Concat(context.gid, "/", context.branch_id, "/", context.op))
      .Text("method", method)
      .Raw("params",
           Concat("{", members, members.empty() ? "" : ",", std::string_view(ours).substr(1)))
      .Finish();
}

Verdict ReadJsonRpcVerdict(int http_status, std::string_view body, bool body_verdicts) {
  const Verdict by_status = ReadVerdict(http_status, body, /*body_verdicts=*/false);
  if (by_status != Verdict::kSuccess) return by_status;
  const Result<Json> answer = ParseJson(body, {});
  const bool object = answer.ok() && answer->kind == Json::Kind::kObject;
  const std::optional<Verdict> error = object ? ErrorVerdict(*answer) : Verdict::kUnknown;
  if (error && *error != Verdict::kUnknown) return *error;
  const Verdict by_text = ReadVerdict(http_status, body, body_verdicts);
  return by_text == Verdict::kSuccess && error ? *error : by_text;
}

}  // namespace troth::internal
