// What can be said to the server: flags, and environment variables in their place.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

struct ServerOptions {
  std::string store = "troth.db";
  std::string host = "127.0.0.1";
  int port = 36789;
  std::string public_url;                     // empty: of host and port
  std::map<std::string, std::string> tokens;  // token → the name of who has it
  std::vector<std::string> branches;          // empty: any http(s) URL
  std::chrono::milliseconds wait{5'000};
  size_t body_bytes = 8u << 20;
  size_t threads = 1024;
};

extern const char kHelp[];

// Nothing: it has printed what is wrong, or what was asked for, and `exit_status` says which.
std::optional<ServerOptions> ReadOptions(int argc, char** argv, int& exit_status);
