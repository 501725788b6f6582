// Small text functions that all others may use.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace troth::internal {

// Joins texts and whole numbers: Concat("step ", 3, " of ", total).
template <class... Parts>
std::string Concat(const Parts&... parts) {
  std::string out;
  const auto append = [&out](const auto& part) {
    if constexpr (std::is_convertible_v<decltype(part), std::string_view>) {
      out += std::string_view(part);
    } else {
      static_assert(std::integral<std::remove_cvref_t<decltype(part)>>);
      out += std::to_string(part);
    }
  };
  (append(parts), ...);
  return out;
}

// ASCII only, whatever the locale.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::string LowerCase(std::string_view text);

// Any of the bytes 0–31 and 127, CR and LF among them.
bool HasControlBytes(std::string_view text);

// The first `bytes_max` bytes, cut before a UTF-8 sequence rather than inside it.
std::string_view Truncated(std::string_view text, size_t bytes_max);

// RFC 3986 percent-encoding of everything but unreserved characters; for one query value.
std::string PercentEncoded(std::string_view text);
// Undoes it; a '+' is a blank. A broken sequence is left as it stands.
std::string PercentDecoded(std::string_view text);

// A decimal number that fills the whole text.
std::optional<int64_t> ParseInt(std::string_view text);

// As the inside of a JSON string (RFC 8259), without the quotes. Bytes that are not UTF-8 become
// U+FFFD.
std::string JsonEscaped(std::string_view text);

}  // namespace troth::internal
