#include "options.h"

#include <troth/coordinator.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>

const char kHelp[] =
    R"(Serves dtm's HTTP API over one SQLite file: transactions for programs in any language.

  server [FLAG VALUE]...

  --store PATH        TROTH_STORE       the file; made if it is not there (troth.db)
  --listen HOST:PORT  TROTH_LISTEN      where to listen; port 0: any that is free (127.0.0.1:36789)
  --public-url URL    TROTH_PUBLIC_URL  how branches reach this server, where that is another
                                        address: http://10.0.0.5:36789/api/dtmsvr
  --token-file PATH   TROTH_TOKEN_FILE  who may call: a line NAME TOKEN each; callers send the header
                                        "Authorization: Bearer TOKEN". Without it only programs on
                                        this machine are served, and only they can reach it
  --branch URL        TROTH_BRANCH      a branch URL must begin with it; may be repeated (in the
                                        environment: blanks between). Without it: any
  --wait MS           TROTH_WAIT        how long wait_result waits for the end (5000)
  --body-bytes N      TROTH_BODY_BYTES  of one request (8388608)
  --threads N         TROTH_THREADS     connections served at once (1024)
  --help, --version

A flag wins over the environment. SIGTERM and SIGINT stop it; what was accepted goes on at the next start.
)";

namespace {

long NumberOf(const std::string& text, long max) {
  size_t used = 0;
  const long number = text.empty() ? -1 : std::stol(text, &used);
  if (number < 0 || number > max || used != text.size()) throw std::out_of_range(text);
  return number;
}

void ReadListen(const std::string& text, ServerOptions& options) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) throw std::invalid_argument(text);
  options.host = text.substr(0, colon);
  options.port = static_cast<int>(NumberOf(text.substr(colon + 1), 65535));
  if (options.host.size() > 2 && options.host.front() == '[' && options.host.back() == ']') {
    options.host = options.host.substr(1, options.host.size() - 2);
  }
  if (options.host.empty()) throw std::invalid_argument(text);
}

void ReadTokens(const std::string& path, ServerOptions& options) {
  std::ifstream file(path);
  if (!file) throw std::invalid_argument(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::string token;
    if (!(words >> name) || name.front() == '#') continue;
    if (!(words >> token)) throw std::invalid_argument("a line without a token");
    options.tokens[token] = name;
  }
  if (options.tokens.empty()) throw std::invalid_argument("no token in it");
}

void AddBranches(const std::string& text, ServerOptions& options) {
  std::istringstream words(text);
  for (std::string url; words >> url;) options.branches.push_back(url);
}

using Reader = std::function<void(const std::string& value, ServerOptions& options)>;
struct Flag {
  const char* name;
  const char* variable;
  Reader read;
};

const std::vector<Flag>& Flags() {
  static const std::vector<Flag> flags = {
      {"--store", "TROTH_STORE", [](const std::string& v, ServerOptions& o) { o.store = v; }},
      {"--listen", "TROTH_LISTEN", ReadListen},
      {"--public-url", "TROTH_PUBLIC_URL",
       [](const std::string& v, ServerOptions& o) { o.public_url = v; }},
      {"--token-file", "TROTH_TOKEN_FILE", ReadTokens},
      {"--branch", "TROTH_BRANCH", AddBranches},
      {"--wait", "TROTH_WAIT",
       [](const std::string& v, ServerOptions& o) {
         o.wait = std::chrono::milliseconds(NumberOf(v, 86'400'000));
       }},
      {"--body-bytes", "TROTH_BODY_BYTES",
       [](const std::string& v, ServerOptions& o) {
         o.body_bytes = static_cast<size_t>(NumberOf(v, 1 << 30));
       }},
      {"--threads", "TROTH_THREADS",
       [](const std::string& v, ServerOptions& o) {
         o.threads = static_cast<size_t>(NumberOf(v, 100'000));
       }},
  };
  return flags;
}

bool Read(const Flag& flag, const std::string& name, const std::string& value,
          ServerOptions& options) {
  try {
    flag.read(value, options);
    return true;
  } catch (const std::exception&) {
    std::cerr << name << ": can't be " << value << "\n";
    return false;
  }
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

// The environment first: a flag wins over it.
bool ReadAll(int argc, char** argv, ServerOptions& options) {
  for (const Flag& flag : Flags()) {
    const char* value = std::getenv(flag.variable);
    if (value != nullptr && *value != '\0' && !Read(flag, flag.variable, value, options)) {
      return false;
    }
  }
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const Flag* found = nullptr;
    for (const Flag& flag : Flags()) {
      if (name == flag.name) found = &flag;
    }
    if (found == nullptr || i + 1 == argc) {
      std::cerr << name << (found == nullptr ? ": no such flag" : " needs a value")
                << "; see --help\n";
      return false;
    }
    if (!Read(*found, name, argv[i + 1], options)) return false;
  }
  return true;
}

}  // namespace

std::optional<ServerOptions> ReadOptions(int argc, char** argv, int& exit_status) {
  exit_status = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--help") return std::cout << kHelp, std::nullopt;
    if (std::string(argv[i]) == "--version") {
      return std::cout << troth::Version() << "\n", std::nullopt;
    }
  }
  exit_status = 2;
  ServerOptions options;
  if (!ReadAll(argc, argv, options)) return std::nullopt;
  if (options.tokens.empty() && !IsLoopback(options.host)) {
    std::cerr
        << "--listen " << options.host
        << ": others could reach this server, but nothing says who they are; give --token-file\n";
    return std::nullopt;
  }
  return options;
}
