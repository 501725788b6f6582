#include "model/verdict.h"

#include <doctest/doctest.h>

namespace troth::internal {
namespace {

using Verdict = BranchResult::Verdict;

TEST_CASE("verdict: the status alone decides outside of 2xx, whatever the body says") {
  for (const char* body : {"", "SUCCESS", "FAILURE", "ONGOING", "ONGOING FAILURE"}) {
    for (const bool body_verdicts : {true, false}) {
      CAPTURE(body);
      CHECK(ReadVerdict(409, body, body_verdicts) == Verdict::kFailure);
      CHECK(ReadVerdict(425, body, body_verdicts) == Verdict::kOngoing);
      for (const int status : {0,   100, 103, 199, 300, 301, 302, 304, 400, 401, 404,
                               408, 410, 424, 426, 429, 500, 502, 503, 504, 599, 999}) {
        CAPTURE(status);
        CHECK(ReadVerdict(status, body, body_verdicts) == Verdict::kUnknown);
      }
    }
  }
}

TEST_CASE("verdict: 202 is ongoing, whatever the body says") {
  CHECK(ReadVerdict(202, "FAILURE", true) == Verdict::kOngoing);
  CHECK(ReadVerdict(202, "", false) == Verdict::kOngoing);
}

TEST_CASE("verdict: the text of a 2xx body counts, ongoing before failure, only where asked for") {
  for (const int status : {200, 201, 204, 206, 299}) {
    CAPTURE(status);
    CHECK(ReadVerdict(status, "", true) == Verdict::kSuccess);
    CHECK(ReadVerdict(status, R"({"dtm_result":"SUCCESS"})", true) == Verdict::kSuccess);
    CHECK(ReadVerdict(status, R"({"dtm_result":"FAILURE"})", true) == Verdict::kFailure);
    CHECK(ReadVerdict(status, R"({"dtm_result":"ONGOING"})", true) == Verdict::kOngoing);
    CHECK(ReadVerdict(status, "FAILURE, then ONGOING", true) == Verdict::kOngoing);
    CHECK(ReadVerdict(status, "failure", true) == Verdict::kSuccess);
    CHECK(ReadVerdict(status, "FAILURE", false) == Verdict::kSuccess);
    CHECK(ReadVerdict(status, "ONGOING", false) == Verdict::kSuccess);
  }
}

}  // namespace
}  // namespace troth::internal
