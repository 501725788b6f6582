// JSON as it comes in, and as it goes out.
//
// The parser is nlohmann-json's, in json.cc alone; what it finds becomes a plain value that knows
// no more than is needed here. Bounds hold while it is read, not afterwards.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "troth/status.h"

namespace troth::internal {

struct Json {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json, std::less<>> object;  // of a key that comes twice the last

  // The member; nothing where there is none, or null.
  const Json* Find(std::string_view name) const;
};

struct JsonLimits {
  size_t depth = 32;
  size_t values = 100'000;
};

// RFC 8259: UTF-8, one value and nothing after it. kInvalidArgument says what is wrong and where.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits);

// Whether it is that, of any depth; nothing is kept of it.
bool IsJson(std::string_view text);

// A text with its quotes.
std::string JsonText(std::string_view text);

// Members in the order in which they are added.
class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view value) {
    return Raw(name, JsonText(value));
  }
  // Left out where it is empty.
  JsonObject& TextIfAny(std::string_view name, std::string_view value) {
    return value.empty() ? *this : Text(name, value);
  }
  JsonObject& Number(std::string_view name, int64_t value) {
    return Raw(name, std::to_string(value));
  }
  JsonObject& Bool(std::string_view name, bool value) {
    return Raw(name, value ? "true" : "false");
  }
  // `json` is JSON itself.
  JsonObject& Raw(std::string_view name, std::string_view json);
  std::string Finish() const { return body_ + (body_.empty() ? "{}" : "}"); }

 private:
  std::string body_;
};

// Of what is JSON itself.
std::string JsonList(const std::vector<std::string>& items);

std::string Base64(std::string_view bytes);
// Whole, with its padding; nothing where it is none.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace troth::internal
