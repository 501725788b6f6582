// What a branch answers, and how it is read.
//
// Properties: an answer of ToHttp is read as the verdict it was made of, by status and by body
// alike; its message is a JSON string that says what the branch said. Any other status and body is
// read as some verdict, and as a success or failure only where the rules (R11) let it be one.
#include "model/verdict.h"

#include "base/check.h"
#include "input.h"

namespace troth {
namespace {

using Verdict = BranchResult::Verdict;

BranchResult ResultOf(uint8_t kind, std::string text) {
  switch (kind % 4) {
    case 0:
      return BranchResult::Success(std::move(text));
    case 1:
      return BranchResult::Failure(std::move(text));
    case 2:
      return BranchResult::Ongoing(std::move(text));
    default:
      return BranchResult::Unknown(std::move(text));
  }
}

bool HasVerdictWords(std::string_view text) {
  return text.find("FAILURE") != std::string_view::npos ||
         text.find("ONGOING") != std::string_view::npos;
}

bool IsAscii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

int HexDigit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// Reads the JSON string that `rest` stands in, up to its closing quote. Of escapes it knows those
// that an ASCII text needs.
std::string TakeJsonString(std::string_view& rest) {
  std::string out;
  for (;;) {
    TROTH_CHECK(!rest.empty());
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') return out;
    TROTH_CHECK(static_cast<unsigned char>(c) >= 0x20);
    if (c != '\\') {
      out += c;
      continue;
    }
    TROTH_CHECK(!rest.empty());
    const char escaped = rest.front();
    rest.remove_prefix(1);
    if (escaped == 'u') {
      TROTH_CHECK(rest.size() >= 4 && rest.starts_with("00"));
      out += static_cast<char>(HexDigit(rest[2]) * 16 + HexDigit(rest[3]));
      rest.remove_prefix(4);
    } else {
      TROTH_CHECK(escaped == '"' || escaped == '\\' || escaped == 'n');
      out += escaped == 'n' ? '\n' : escaped;
    }
  }
}

void CheckMessage(std::string_view text, std::string_view body) {
  constexpr std::string_view kMember = "\"message\":\"";
  body.remove_prefix(body.find(kMember) + kMember.size());
  const std::string message = TakeJsonString(body);
  TROTH_CHECK(body == "}");
  if (IsAscii(text)) TROTH_CHECK(message == text.substr(0, 1024));
}

void CheckWritten(uint8_t kind, const std::string& text) {
  const BranchResult result = ResultOf(kind, text);
  const HttpAnswer answer = ToHttp(result);
  TROTH_CHECK(internal::ReadVerdict(answer.status, answer.body, false) == result.verdict());
  if (result.verdict() == Verdict::kSuccess) {
    // What is not JSON can't be written otherwise, and its author was told so.
    if (HasVerdictWords(answer.body)) TROTH_CHECK(answer.body == text);
    if (HasVerdictWords(answer.body)) return;
  } else {
    CheckMessage(text, answer.body);
  }
  TROTH_CHECK(internal::ReadVerdict(answer.status, answer.body, true) == result.verdict());
  // As a coordinator reads it that looks at the body alone.
  const bool failure = answer.body.find("FAILURE") != std::string::npos;
  const bool ongoing = answer.body.find("ONGOING") != std::string::npos;
  TROTH_CHECK(failure == (result.verdict() == Verdict::kFailure));
  TROTH_CHECK(ongoing == (result.verdict() == Verdict::kOngoing));
}

void CheckRead(int status, const std::string& body, bool body_verdicts) {
  const Verdict verdict = internal::ReadVerdict(status, body, body_verdicts);
  const bool ok = status >= 200 && status <= 299 && status != 202;
  if (verdict == Verdict::kSuccess) TROTH_CHECK(ok && !(body_verdicts && HasVerdictWords(body)));
  if (verdict == Verdict::kFailure) {
    TROTH_CHECK(status == 409 || (ok && body_verdicts && HasVerdictWords(body)));
  }
  if (verdict == Verdict::kUnknown) TROTH_CHECK(status < 200 || status > 299);
}

}  // namespace
}  // namespace troth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  troth::fuzz::Input in(data, size);
  const uint8_t kind = in.Byte();
  const int status = in.Byte() * 4 + kind / 64;
  const bool body_verdicts = (kind & 4) != 0;
  const std::string text = in.Rest();
  troth::CheckWritten(kind, text);
  troth::CheckRead(status, text, body_verdicts);
  return 0;
}
