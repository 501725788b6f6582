#include "gateway/fields.h"

#include <cmath>

#include "base/text.h"
#include "model/gid.h"

namespace troth::internal {
namespace {

// Past it a number of seconds is a mistake in a unit, whoever sees it next.
constexpr double kSecondsMax = 1e9;

}  // namespace

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (object.kind != Json::Kind::kObject) {
    std::string_view name = where_.empty() ? "body" : std::string_view(where_);
    if (name.ends_with('.')) name.remove_suffix(1);
    status_ = Status(StatusCode::kInvalidArgument, Concat(name, ": not a JSON object"));
  }
}

void Fields::Refuse(std::string_view name, std::string_view why) {
  Keep(Status(StatusCode::kInvalidArgument, Concat(where_, name, ": ", why)));
}

void Fields::Keep(const Status& status) {
  if (status_.ok()) status_ = status;
}

const Json* Fields::Of(std::string_view name, Json::Kind kind, std::string_view what) {
  const Json* found = object_.Find(name);
  if (found == nullptr || !status_.ok()) return nullptr;
  if (found->kind == kind) return found;
  Refuse(name, Concat("not ", what));
  return nullptr;
}

std::string Fields::Text(std::string_view name) {
  const Json* found = Of(name, Json::Kind::kText, "a string");
  return found != nullptr ? found->text : std::string();
}

std::string Fields::Gid() {
  std::string gid = Text("gid");
  if (status_.ok()) Keep(CheckGid(gid));
  return gid;
}

std::string Fields::Bytes(std::string_view name) {
  std::optional<std::string> bytes = FromBase64(Text(name));
  if (!bytes) Refuse(name, "not base64");
  return bytes ? *std::move(bytes) : std::string();
}

bool Fields::Bool(std::string_view name) {
  const Json* found = Of(name, Json::Kind::kBool, "true or false");
  return found != nullptr && found->boolean;
}

std::optional<double> Fields::Number(std::string_view name) {
  const Json* found = Of(name, Json::Kind::kNumber, "a number");
  if (found == nullptr || found->number == 0) return std::nullopt;
  if (found->number > 0) return found->number;
  Refuse(name, "negative");
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Fields::Seconds(std::string_view name) {
  const std::optional<double> seconds = Number(name);
  if (!seconds) return std::nullopt;
  if (*seconds > kSecondsMax || *seconds < 0.001) {
    Refuse(name, "not 0, and not from 0.001 to 1000000000 seconds");
    return std::nullopt;
  }
  return std::chrono::milliseconds(std::llround(*seconds * 1000));
}

std::optional<int32_t> Fields::Count(std::string_view name) {
  const std::optional<double> count = Number(name);
  if (!count) return std::nullopt;
  if (*count > 1e9 || *count != std::floor(*count)) {
    Refuse(name, "not a whole number up to 1000000000");
    return std::nullopt;
  }
  return static_cast<int32_t>(*count);
}

std::vector<std::string> Fields::Texts(std::string_view name) {
  std::vector<std::string> texts;
  const Json* found = Of(name, Json::Kind::kList, "a list of strings");
  if (found == nullptr) return texts;
  for (const Json& each : found->list) {
    if (each.kind != Json::Kind::kText && each.kind != Json::Kind::kNull) {
      Refuse(Concat(name, "[", texts.size(), "]"), "not a string");
      return {};
    }
    texts.push_back(each.text);
  }
  return texts;
}

Headers Fields::Pairs(std::string_view name) {
  Headers pairs;
  const Json* any = object_.Find(name);
  // PHP has one kind of array: its empty map is [].
  if (any != nullptr && any->kind == Json::Kind::kList && any->list.empty()) return pairs;
  const Json* found = Of(name, Json::Kind::kObject, "an object of strings");
  if (found == nullptr) return pairs;
  for (const auto& [key, value] : found->object) {
    if (value.kind != Json::Kind::kText && value.kind != Json::Kind::kNull) {
      Refuse(Concat(name, ".", key), "not a string");
      return {};
    }
    pairs.push_back({key, value.text});
  }
  return pairs;
}

std::vector<const Json*> Fields::Objects(std::string_view name) {
  std::vector<const Json*> objects;
  const Json* found = Of(name, Json::Kind::kList, "a list of objects");
  if (found == nullptr) return objects;
  for (const Json& each : found->list) {
    if (each.kind != Json::Kind::kObject) {
      Refuse(Concat(name, "[", objects.size(), "]"), "not an object");
      return {};
    }
    objects.push_back(&each);
  }
  return objects;
}

}  // namespace troth::internal
