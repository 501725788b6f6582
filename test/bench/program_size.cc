// What it costs to build with the library: size, compile.
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "groups.h"
#include "machine.h"

namespace troth::bench {
namespace {

namespace fs = std::filesystem;

// For paths that a shell reads.
std::string Quoted(const std::string& path) { return "'" + path + "'"; }

void Run(const std::string& command) { Check(std::system(command.c_str()) == 0, command); }

// --- size ---

double StrippedMegabytes(const std::string& program) {
  const TemporaryFolder folder;
  const fs::path built = fs::read_symlink("/proc/self/exe").parent_path() / program;
  const std::string stripped = folder.File(program);
  Run("strip -o " + Quoted(stripped) + " " + Quoted(built));
  return static_cast<double>(fs::file_size(stripped)) / 1e6;
}

void Size(Bench& bench) {
  const double added =
      StrippedMegabytes("bench_size_with") - StrippedMegabytes("bench_size_without");
  bench.Add({.name = "size",
             .value = {added, added, added},
             .unit = "MB",
             .counted = "added to a stripped program by the static library; SQLite, OpenSSL and "
                        "cpp-httplib are shared ones of the system",
             .goal = AtMost(2)});
}

// --- compile ---

fs::path PublicHeaders() { return fs::path(BENCH_SOURCE_ROOT) / "include"; }

// The headers of the standard library that a public header includes, itself and by others of ours.
void CollectStandard(const std::string& header, std::set<std::string>& seen,
                     std::set<std::string>& standard) {
  if (!seen.insert(header).second) return;
  static const std::regex include(R"re(#include ([<"])([^>"]+)[>"])re");
  std::ifstream in(PublicHeaders() / header);
  std::string line;
  std::smatch found;
  while (std::getline(in, line)) {
    if (!std::regex_search(line, found, include)) continue;
    if (found[1] == "<") {
      standard.insert(found[2]);
    } else {
      CollectStandard(found[2], seen, standard);
    }
  }
}

double ChildrenMilliseconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

// The processor's time, which other programs disturb little.
double CompileMilliseconds(const std::vector<std::string>& includes) {
  const TemporaryFolder folder;
  const std::string source = folder.File("header.cc");
  std::ofstream out(source);
  for (const std::string& each : includes) out << "#include <" << each << ">\n";
  out.close();
  const double before = ChildrenMilliseconds();
  Run("CCACHE_DISABLE=1 " BENCH_COMPILER " -std=c++20 -O2 -I" + Quoted(PublicHeaders()) +
      " -c -o /dev/null " + Quoted(source));
  return ChildrenMilliseconds() - before;
}

void AddHeader(Bench& bench, const std::string& header) {
  std::set<std::string> seen;
  std::set<std::string> standard;
  CollectStandard("troth/" + header, seen, standard);
  bench.AddByTurns(
      {.name = "compile/" + header,
       .value = {},
       .unit = "ms",
       .counted = "processor time to compile a file that includes it alone",
       .against = "the headers of the standard library that it includes",
       .goal = AtMost(1.3)},
      [&] { return CompileMilliseconds({"troth/" + header}); },
      [&] {
        return CompileMilliseconds({standard.begin(), standard.end()});
      });
}

// The one that includes most; in the long form all that need no other library.
void Compile(Bench& bench) {
  if (!bench.long_form()) return AddHeader(bench, "coordinator.h");
  std::set<std::string> headers;
  for (const auto& each : fs::directory_iterator(PublicHeaders() / "troth")) {
    const std::string name = each.path().filename();
    if (each.is_regular_file() && !name.starts_with("httplib") && name.ends_with(".h")) {
      headers.insert(name);
    }
  }
  for (const std::string& header : headers) AddHeader(bench, header);
}

}  // namespace

Group ProgramSizeCases() {
  return {.cases = {{.name = "size", .run = Size}, {.name = "compile", .run = Compile}}};
}

}  // namespace troth::bench
