// JSON by itself.
#include "model/json.h"

#include <doctest/doctest.h>

namespace troth::internal {

TEST_CASE("json: texts are escaped, bytes that are no text are replaced, base64 is padded") {
  CHECK(JsonText("a\"b\\\n\x01") == R"("a\"b\\\n\u0001")");
  CHECK(Base64("") == "");
  CHECK(Base64("a") == "YQ==");
  CHECK(Base64("ab") == "YWI=");
  CHECK(Base64("abc") == "YWJj");
  CHECK(Base64("\xff\xfe\xfd") == "//79");
  const auto parsed = ParseJson(R"({"a":1,"a":{"b":[null]},"c":null})", {});
  REQUIRE(parsed.ok());
  CHECK(parsed->Find("a")->kind == Json::Kind::kObject);  // the last of two
  CHECK(parsed->Find("c") == nullptr);
}

}  // namespace troth::internal
