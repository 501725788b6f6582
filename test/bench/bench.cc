#include "bench.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>

#include "child.h"
#include "machine.h"

namespace troth::bench {
namespace {

struct Wanted {
  std::string name;
  std::optional<double> argument;
};

struct Request {
  bool long_form = false;
  std::vector<Wanted> wanted;  // empty: all but those on request
  std::string json = "bench.json";
};

[[noreturn]] void Refuse(const std::string& why, const std::vector<Group>& groups) {
  std::string names;
  for (const Group& group : groups) {
    for (const Case& each : group.cases) names += " " + each.name + (each.on_request ? "*" : "");
  }
  std::fprintf(stderr,
               "%s\nbench [long] [NAME [NUMBER]]... [--json FILE], of these (*: on request):%s\n",
               why.c_str(), names.c_str());
  std::exit(2);
}

Request Read(const std::vector<Group>& groups, int count, char** words) {
  Request request;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    char* end = nullptr;
    const double number = std::strtod(word.c_str(), &end);
    if (word == "long") {
      request.long_form = true;
    } else if (word == "--json" && i + 1 < count) {
      request.json = words[++i];
    } else if (*end != '\0') {
      request.wanted.push_back({.name = word, .argument = {}});
    } else if (request.wanted.empty()) {
      Refuse("a number belongs to the name before it", groups);
    } else {
      request.wanted.back().argument = number;
    }
  }
  for (const Wanted& wanted : request.wanted) {
    const bool there = std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
      return std::any_of(group.cases.begin(), group.cases.end(),
                         [&](const Case& each) { return each.name == wanted.name; });
    });
    if (!there) Refuse("no case " + wanted.name, groups);
  }
  return request;
}

// Whether the case was measured.
bool RunCase(const Case& one, const Request& request, std::vector<Figure>& figures) {
  std::optional<double> argument;
  for (const Wanted& wanted : request.wanted) {
    if (wanted.name == one.name) argument = wanted.argument;
  }
  try {
    Bench bench(request.long_form, argument, figures);
    one.run(bench);
    return true;
  } catch (const std::exception& error) {
    std::printf("FAIL %s: %s\n", one.name.c_str(), error.what());
    return false;
  }
}

int RunCases(const std::vector<Group>& groups, const Request& request) {
  std::vector<Figure> figures;
  size_t measured = 0;
  size_t failed = 0;
  std::printf("%s\n%s", MachineText().c_str(), TableTitles().c_str());
  for (const Group& group : groups) {
    for (const Case& one : group.cases) {
      const bool wanted = request.wanted.empty()
                              ? !one.on_request
                              : std::any_of(request.wanted.begin(), request.wanted.end(),
                                            [&](const Wanted& w) { return w.name == one.name; });
      if (!wanted) continue;
      ++(RunCase(one, request, figures) ? measured : failed);
    }
  }
  std::ofstream(request.json) << ToJson(figures);
  const auto held = std::count_if(figures.begin(), figures.end(),
                                  [](const Figure& figure) { return figure.held(); });
  std::printf("%td of %zu goals held; %s\n%zu passed, %zu failed\n", held, figures.size(),
              request.json.c_str(), measured, failed);
  return failed == 0 ? 0 : 1;
}

// As a child: its lines go to the parent.
int RunRole(const std::vector<Group>& groups, const std::string& name, const Arguments& arguments) {
  for (const Group& group : groups) {
    for (const Role& role : group.roles) {
      if (role.name != name) continue;
      Say("pid", getpid());
      try {
        role.run(arguments);
        return 0;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
        return 1;
      }
    }
  }
  std::fprintf(stderr, "no role %s\n", name.c_str());
  return 2;
}

}  // namespace

void Fail(const std::string& what) { throw std::runtime_error(what); }

Figure Bench::ByTurns(Figure figure, const Measure& ours, const Measure& ceiling, int rounds) {
  std::vector<double> values;
  std::vector<double> ceilings;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    if (round % 2 == 0) values.push_back(ours());
    ceilings.push_back(ceiling());
    if (round % 2 != 0) values.push_back(ours());
    Check(values.back() > 0 && ceilings.back() > 0,
          figure.name + ": a round in which nothing was done");
    ratios.push_back(values.back() / ceilings.back());
  }
  figure.value = SpreadOf(values);
  figure.ceiling = SpreadOf(ceilings);
  figure.ratio = SpreadOf(ratios);
  return figure;
}

void Bench::Add(Figure figure) {
  std::fputs(TableRow(figure).c_str(), stdout);
  std::fflush(stdout);
  figures_.push_back(std::move(figure));
}

int Main(const std::vector<Group>& groups, int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (count > 2 && std::string_view(words[1]) == kRoleFlag) {
    return RunRole(groups, words[2], Arguments(words + 3, words + count));
  }
  return RunCases(groups, Read(groups, count, words));
}

}  // namespace troth::bench
