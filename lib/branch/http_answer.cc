// Writes a branch's verdict as an HTTP answer. The status alone decides for those who read it as
// they should; the body must not say otherwise to those who search it.
#include "base/text.h"
#include "troth/branch.h"

namespace troth {
namespace {

constexpr size_t kTextBytesMax = 1024;

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The same JSON without the two words that are searched for. The letters chosen are no hexadecimal
// digits and follow another letter, so none of them can belong to an escape that is there already
// ("\u001FAILURE" is one).
std::string WithoutVerdictWords(std::string json) {
  ReplaceAll(json, "FAILURE", "FA\\u0049LURE");
  ReplaceAll(json, "ONGOING", "O\\u004eGOING");
  return json;
}

bool LooksLikeJson(std::string_view body) {
  const size_t first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos &&
         (body[first] == '{' || body[first] == '[' || body[first] == '"');
}

std::string SuccessBody(const std::string& body) {
  if (body.empty()) return R"({"dtm_result":"SUCCESS"})";
  return LooksLikeJson(body) ? WithoutVerdictWords(body) : body;
}

std::string MessageMember(std::string_view text) {
  const std::string_view kept = internal::Truncated(text, kTextBytesMax);
  return internal::Concat("\"message\":\"", WithoutVerdictWords(internal::JsonEscaped(kept)), "\"");
}

}  // namespace

HttpAnswer ToHttp(const BranchResult& result) {
  switch (result.verdict()) {
    case BranchResult::Verdict::kSuccess:
      return {.status = 200, .body = SuccessBody(result.text())};
    case BranchResult::Verdict::kFailure:
      return {.status = 409,
              .body = internal::Concat(R"({"dtm_result":"FAILURE",)", MessageMember(result.text()),
                                       "}")};
    case BranchResult::Verdict::kOngoing:
      return {.status = 425,
              .body = internal::Concat(R"({"dtm_result":"ONGOING",)", MessageMember(result.text()),
                                       "}")};
    case BranchResult::Verdict::kUnknown:
      break;
  }
  return {.status = 500, .body = internal::Concat("{", MessageMember(result.text()), "}")};
}

}  // namespace troth
