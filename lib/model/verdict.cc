#include "model/verdict.h"

namespace troth::internal {

BranchResult::Verdict ReadVerdict(int http_status, std::string_view body, bool body_verdicts) {
  using Verdict = BranchResult::Verdict;
  if (http_status == 425 || http_status == 202) return Verdict::kOngoing;
  if (http_status == 409) return Verdict::kFailure;
  if (http_status < 200 || http_status > 299) return Verdict::kUnknown;
  if (body_verdicts) {
    if (body.find("ONGOING") != std::string_view::npos) return Verdict::kOngoing;
    if (body.find("FAILURE") != std::string_view::npos) return Verdict::kFailure;
  }
  return Verdict::kSuccess;
}

}  // namespace troth::internal
