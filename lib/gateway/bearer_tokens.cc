#include "troth/gateway.h"

#include "base/text.h"

namespace troth {
namespace {

// Looks at every byte of both, however early they differ.
bool SameSecret(std::string_view a, std::string_view b) {
  size_t differences = a.size() ^ b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    differences |= static_cast<size_t>(static_cast<unsigned char>(a[i] ^ other));
  }
  return differences == 0;
}

}  // namespace

std::function<std::optional<std::string>(const GatewayRequest&)> BearerTokens(
    std::map<std::string, std::string> tokens) {
  return [tokens = std::move(tokens)](const GatewayRequest& request) -> std::optional<std::string> {
    constexpr std::string_view kScheme = "Bearer ";
    const auto header = request.HeaderValue("Authorization");
    if (!header || !internal::EqualsIgnoringCase(header->substr(0, kScheme.size()), kScheme)) {
      return std::nullopt;
    }
    const std::string_view given = header->substr(kScheme.size());
    std::optional<std::string> name;
    for (const auto& [token, whose] : tokens) {
      if (!token.empty() && SameSecret(given, token)) name = whose;
    }
    return name;
  };
}

}  // namespace troth
