// JSON by itself.
#include "model/json.h"

#include <doctest/doctest.h>

#include <string_view>

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

TEST_CASE("json: nothing may come after the value, not even behind a zero byte") {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {"{}\0"sv, "{}\0{\"a\":1}"sv, "\0{}"sv, "{\0}"sv, "[1,\0]"sv, "\"\0\""sv, "{}{}"sv}) {
    CHECK_FALSE(IsJson(text));
    CHECK(ParseJson(text, {}).status().code() == StatusCode::kInvalidArgument);
  }
  CHECK(ParseJson("{} \0"sv, {}).status().message() == "not JSON: wrong at byte 4");
  CHECK(IsJson("\"\\u0000\""));
}

}  // namespace troth::internal
