// Calls by JSON-RPC: the payload that an application gives, and what a branch answers.
//
// Properties: a payload is refused with kInvalidArgument, or the request made of it is JSON that
// says what the call is, whatever the payload says, and has the payload's other members. Any answer
// is read as some verdict, and as a success or failure only where the rules (R11) let it be one; an
// error that is well formed is read as its code says.
#include "model/json_rpc.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "input.h"
#include "model/json.h"
#include "model/verdict.h"

namespace troth::internal {
namespace {

using Verdict = BranchResult::Verdict;

constexpr JsonLimits kLimits{.depth = 256, .values = 100'000};
constexpr std::array<std::string_view, 4> kOurs = {"gid", "trans_type", "branch_id", "op"};

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

bool Same(const Json& a, const Json& b) {
  if (a.kind != b.kind || a.boolean != b.boolean || a.number != b.number || a.text != b.text ||
      a.list.size() != b.list.size() || a.object.size() != b.object.size()) {
    return false;
  }
  for (size_t i = 0; i < a.list.size(); ++i) {
    if (!Same(a.list[i], b.list[i])) return false;
  }
  for (const auto& [name, value] : a.object) {
    const auto other = b.object.find(name);
    if (other == b.object.end() || !Same(value, other->second)) return false;
  }
  return true;
}

void CheckText(const Json& object, std::string_view name, std::string_view value) {
  const Json* member = object.Find(name);
  TROTH_CHECK(member != nullptr && member->kind == Json::Kind::kText);
  if (IsAscii(value)) TROTH_CHECK(member->text == value);
}

void CheckMembers(const Json& payload, const Json& params) {
  if (payload.kind != Json::Kind::kObject) return;  // null or []
  for (const auto& [name, value] : payload.object) {
    const bool ours = std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
    const auto sent = params.object.find(name);
    TROTH_CHECK(sent != params.object.end() && (ours || Same(sent->second, value)));
  }
}

void CheckRequest(fuzz::Input in) {
  BranchContext context;
  for (std::string* text : {&context.gid, &context.trans_type, &context.branch_id, &context.op}) {
    *text = in.Piece();
  }
  const std::string url = in.Piece();
  const std::string method = JsonRpcMethod(url);
  TROTH_CHECK(method.size() <= url.size());
  const std::string payload = in.Rest();
  if (const Status status = CheckJsonRpcPayload(payload); !status.ok()) {
    TROTH_CHECK(status.code() == StatusCode::kInvalidArgument);
    TROTH_CHECK(status.message().starts_with("payload: "));
    return;
  }
  const std::string request = JsonRpcRequest(method, context, payload);
  TROTH_CHECK(IsJson(request));
  const auto sent = ParseJson(request, kLimits);
  if (!sent.ok()) return;  // too deep to be looked at
  TROTH_CHECK(sent->object.size() == 4);
  CheckText(*sent, "jsonrpc", "2.0");
  CheckText(*sent, "method", method);
  CheckText(*sent, "id", Concat(context.gid, "/", context.branch_id, "/", context.op));
  const Json* params = sent->Find("params");
  TROTH_CHECK(params != nullptr && params->kind == Json::Kind::kObject);
  CheckText(*params, "gid", context.gid);
  CheckText(*params, "trans_type", context.trans_type);
  CheckText(*params, "branch_id", context.branch_id);
  CheckText(*params, "op", context.op);
  const auto given = ParseJson(payload, kLimits);
  if (given.ok()) CheckMembers(*given, *params);
}

bool HasVerdictWords(std::string_view text) {
  return text.find("FAILURE") != std::string_view::npos ||
         text.find("ONGOING") != std::string_view::npos;
}

void CheckAny(int status, const std::string& body, bool body_verdicts) {
  const Verdict verdict = ReadJsonRpcVerdict(status, body, body_verdicts);
  const bool read = status >= 200 && status <= 299 && status != 202;
  if (!read) TROTH_CHECK(verdict == ReadVerdict(status, body, body_verdicts));
  const bool words = body_verdicts && HasVerdictWords(body);
  const auto answer = ParseJson(body, {});
  const bool object = answer.ok() && answer->kind == Json::Kind::kObject;
  const bool error = object && answer->Find("error") != nullptr;
  if (verdict == Verdict::kSuccess) TROTH_CHECK(read && object && !error && !words);
  if (verdict == Verdict::kFailure) TROTH_CHECK(status == 409 || (read && (error || words)));
  if (verdict == Verdict::kUnknown && read) TROTH_CHECK((error || !object) && !words);
}

void CheckError(int64_t code, const std::string& text, bool body_verdicts) {
  const std::string error = JsonObject().Number("code", code).Text("message", text).Finish();
  const std::string body = JsonObject().Text("jsonrpc", "2.0").Raw("error", error).Finish();
  Verdict expected = ReadVerdict(200, body, body_verdicts);
  if (expected == Verdict::kSuccess) expected = Verdict::kUnknown;
  if (code == -32901) expected = Verdict::kFailure;
  if (code == -32902) expected = Verdict::kOngoing;
  TROTH_CHECK(ReadJsonRpcVerdict(200, body, body_verdicts) == expected);
  const std::string result = JsonObject().Text("result", text).Finish();
  TROTH_CHECK(ReadJsonRpcVerdict(200, result, body_verdicts) ==
              ReadVerdict(200, result, body_verdicts));
}

void Check(fuzz::Input in) {
  const uint8_t kind = in.Byte();
  const bool body_verdicts = (kind & 4) != 0;
  if (kind % 4 == 0) return CheckRequest(in);
  if (kind % 4 == 1) {
    const int64_t code = (kind & 8) != 0 ? -32900 - in.Byte() % 4 : in.Signed() % (1 << 20);
    return CheckError(code, in.Rest(), body_verdicts);
  }
  const int status = (kind & 8) != 0 ? 200 + in.Byte() : 200;
  CheckAny(status, in.Rest(), body_verdicts);
}

}  // namespace
}  // namespace troth::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::internal::Check(troth::fuzz::Input(data, size));
  return 0;
}
