// Requests as each SDK sends them, from files, with the answers that they must get.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "scene.h"

namespace troth::testing {
namespace {

struct Exchange {
  GatewayRequest request;
  std::string body;
  std::string expected;  // "200 {…}"
  bool run_first = false;
};

// Whether `text` is `pattern`, in which "…" stands for any text.
bool Matches(std::string_view text, std::string_view pattern) {
  constexpr std::string_view kAny = "…";
  const size_t first = pattern.find(kAny);
  if (first == std::string_view::npos) return text == pattern;
  if (!text.starts_with(pattern.substr(0, first))) return false;
  text.remove_prefix(first);
  pattern.remove_prefix(first + kAny.size());
  for (size_t next = pattern.find(kAny); next != std::string_view::npos;
       next = pattern.find(kAny)) {
    const size_t at = text.find(pattern.substr(0, next));
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + next);
    pattern.remove_prefix(next + kAny.size());
  }
  return text.ends_with(pattern);
}

GatewayRequest RequestOf(const std::string& line) {
  std::istringstream words(line);
  GatewayRequest request;
  std::string target;
  words >> request.method >> target;
  request.path = target.substr(0, target.find('?'));
  if (const size_t mark = target.find("?gid="); mark != std::string::npos) {
    request.query.emplace_back("gid", target.substr(mark + 5));
  }
  return request;
}

std::vector<Exchange> Read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Exchange> exchanges;
  bool run_first = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "~") run_first = true;
    if (line.empty() || line.starts_with('#') || line == "~") continue;
    Exchange& exchange = exchanges.emplace_back();
    exchange.run_first = std::exchange(run_first, false);
    exchange.request = RequestOf(line);
    while (std::getline(file, line) && !line.starts_with("=>")) {
      exchange.body += (exchange.body.empty() ? "" : "\n") + line;
    }
    exchange.expected = line.substr(3);
    while (std::getline(file, line) && !line.empty() && line != "~")
      exchange.expected += " " + line;
    run_first = line == "~";
  }
  return exchanges;
}

}  // namespace

TEST_CASE("vectors: every SDK's requests are answered as it expects") {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(TROTH_VECTORS)) {
    if (entry.path().extension() != ".http") continue;
    ++files;
    Scene scene;
    const std::vector<Exchange> exchanges = Read(entry.path());
    CHECK_MESSAGE(exchanges.size() >= 4, entry.path());
    for (const Exchange& exchange : exchanges) {
      if (exchange.run_first) scene.world.RunUntilIdle();
      GatewayRequest request = exchange.request;
      request.body = exchange.body;
      const std::string answer = scene.Ask(request);
      CHECK_MESSAGE(Matches(answer, exchange.expected),
                    entry.path().filename() << ": " << request.method << " " << request.path << " "
                                            << exchange.body << "\n  answered " << answer);
    }
  }
  CHECK(files >= 7);
}

TEST_CASE("vectors: the comparison sees what is wrong") {
  CHECK(Matches("200 {\"a\":1,\"b\":2}", "200 {…\"b\":2}"));
  CHECK(Matches("200 x", "200 x"));
  CHECK_FALSE(Matches("200 {\"a\":1,\"b\":2}", "200 {…\"b\":3}"));
  CHECK_FALSE(Matches("200 {\"a\":1,\"b\":2}", "200 {…\"c\"…}"));
  CHECK_FALSE(Matches("500 x", "200 …"));
  CHECK_FALSE(Matches("200 xy", "200 x"));
}

}  // namespace troth::testing
