// Reads the members of a JSON object by name and kind, as SDKs send them: what is absent, null or
// empty is one and the same, members that nobody asks for are passed over.
//
// The first thing that is wrong is kept, as a message that begins with the member's name; what is
// read after it is empty.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/json.h"
#include "troth/branch.h"
#include "troth/status.h"

namespace troth::internal {

class Fields {
 public:
  // `where` stands in front of names in messages: "steps[0].". The object outlives it.
  explicit Fields(const Json& object, std::string where = {});

  std::string Text(std::string_view name);
  // The member "gid", which can be one.
  std::string Gid();
  bool Bool(std::string_view name);
  // From a number of seconds; zero is as good as unset.
  std::optional<std::chrono::milliseconds> Seconds(std::string_view name);
  // A whole number from 1 up; zero is as good as unset.
  std::optional<int32_t> Count(std::string_view name);
  // A null in the list is an empty text.
  std::vector<std::string> Texts(std::string_view name);
  // From a text in base64.
  std::string Bytes(std::string_view name);
  // An object of texts.
  Headers Pairs(std::string_view name);
  // Of objects.
  std::vector<const Json*> Objects(std::string_view name);
  // As it is; nothing where it is absent or null.
  const Json* Any(std::string_view name) const { return object_.Find(name); }

  void Refuse(std::string_view name, std::string_view why);
  void Keep(const Status& status);
  const Status& status() const { return status_; }

 private:
  const Json* Of(std::string_view name, Json::Kind kind, std::string_view what);
  std::optional<double> Number(std::string_view name);

  const Json& object_;
  const std::string where_;
  Status status_;
};

}  // namespace troth::internal
