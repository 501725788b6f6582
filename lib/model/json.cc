#include "model/json.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace troth::internal {
namespace {

// Builds the value while the parser runs, and ends it at a bound.
class Builder {
 public:
  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return Add({}); }
  bool boolean(bool value) { return Add({.kind = Json::Kind::kBool, .boolean = value}); }
  bool number_integer(int64_t value) { return Number(static_cast<double>(value)); }
  bool number_unsigned(uint64_t value) { return Number(static_cast<double>(value)); }
  bool number_float(double value, const std::string&) { return Number(value); }
  bool string(std::string& value) {
    return Add({.kind = Json::Kind::kText, .text = std::move(value)});
  }
  bool binary(std::vector<uint8_t>&) { return false; }  // JSON has none
  bool start_object(size_t) { return Open(Json::Kind::kObject); }
  bool start_array(size_t) { return Open(Json::Kind::kList); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }
  bool key(std::string& name) {
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) {
    problem_ = Concat("not JSON: wrong at byte ", at);
    return false;
  }

  Result<Json> Take(bool parsed) {
    if (parsed) return std::move(root_);
    return Status(StatusCode::kInvalidArgument, problem_);
  }

 private:
  bool Number(double value) { return Add({.kind = Json::Kind::kNumber, .number = value}); }
  bool Add(Json&& value) { return Place(std::move(value)) != nullptr; }

  bool Open(Json::Kind kind) {
    if (open_.size() == limits_.depth) {
      problem_ = Concat("JSON: nested deeper than ", limits_.depth, " levels");
      return false;
    }
    Json* placed = Place({.kind = kind});
    if (placed != nullptr) open_.push_back(placed);
    return placed != nullptr;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  // The innermost open value grows only while it is the innermost, so pointers to outer ones hold.
  Json* Place(Json&& value) {
    if (++values_ > limits_.values) {
      problem_ = Concat("JSON: more than ", limits_.values, " values");
      return nullptr;
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& outer = *open_.back();
    if (outer.kind == Json::Kind::kList) return &outer.list.emplace_back(std::move(value));
    Json& member = outer.object[std::move(key_)];
    member = std::move(value);
    return &member;
  }

  const JsonLimits& limits_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  size_t values_ = 0;
  std::string problem_;
};

// A zero byte, which no JSON has: the parser would take it for the end of the text, whatever comes
// behind it.
size_t FindZero(std::string_view text) { return text.find('\0'); }

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

const Json* Json::Find(std::string_view name) const {
  const auto found = object.find(name);
  return found == object.end() || found->second.kind == Kind::kNull ? nullptr : &found->second;
}

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.empty()) return Status(StatusCode::kInvalidArgument, "not JSON: empty");
  if (const size_t zero = FindZero(text); zero != std::string_view::npos) {
    return Status(StatusCode::kInvalidArgument, Concat("not JSON: wrong at byte ", zero + 1));
  }
  Builder builder(limits);
  const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take(parsed);
}

bool IsJson(std::string_view text) {
  return FindZero(text) == std::string_view::npos &&
         nlohmann::json::accept(text.begin(), text.end());
}

std::string JsonText(std::string_view text) { return Concat("\"", JsonEscaped(text), "\""); }

JsonObject& JsonObject::Raw(std::string_view name, std::string_view json) {
  body_ += Concat(body_.empty() ? "{" : ",", JsonText(name), ":", json);
  return *this;
}

std::string JsonList(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += Concat(out.size() > 1 ? "," : "", item);
  return out + "]";
}

std::string Base64(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t at) -> uint32_t {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
    };
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kBase64Digits[group >> 18];
    out += kBase64Digits[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kBase64Digits[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kBase64Digits[group & 63] : '=';
  }
  return out;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  text.remove_suffix(padding);
  std::string out;
  uint32_t group = 0;
  unsigned bits = 0;  // of `group` that are not in `out` yet
  for (const char c : text) {
    const size_t digit = kBase64Digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xFF);
  }
  // What is left over says nothing: a text that has something there was not made from bytes.
  if ((group & ((1u << bits) - 1)) != 0) return std::nullopt;
  return out;
}

}  // namespace troth::internal
