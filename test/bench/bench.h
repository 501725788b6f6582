// The common part of the benchmark: what a case is, how its rounds are measured beside a ceiling by
// turns, and what is done with its figures.
//
// A file of cases has one function that returns its Group; main.cc names them all. A case measures,
// and adds one figure or several. What must not share a process with the rest (a server, a peak of
// memory, one that is killed) is a role: this same program, started as a child (child.h).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "figure.h"
#include "troth/status.h"

namespace troth::bench {

// Ends the case, which is then shown as one that could not be measured.
[[noreturn]] void Fail(const std::string& what);
inline void Check(bool ok, const std::string& what) {
  if (!ok) Fail(what);
}
inline void Check(const Status& status, const std::string& what) {
  if (!status.ok()) Fail(what + ": " + status.ToString());
}
template <typename T>
T Take(Result<T> result, const std::string& what) {
  Check(result.status(), what);
  return *std::move(result);
}

// One run of one case.
class Bench {
 public:
  Bench(bool long_form, std::optional<double> argument, std::vector<Figure>& figures)
      : long_form_(long_form), argument_(argument), figures_(figures) {}

  // The long form has more rounds, and longer ones.
  bool long_form() const { return long_form_; }
  int rounds() const { return long_form_ ? 9 : 5; }
  std::chrono::milliseconds round_time() const {
    return std::chrono::milliseconds(long_form_ ? 2'000 : 500);
  }
  // The number behind the case's name on the command line.
  std::optional<double> argument() const { return argument_; }

  // Measures both, one round each by turns, every other time the ceiling first, and fills in value,
  // ceiling and ratio: a machine that is noisy for a while is so for both.
  using Measure = std::function<double()>;
  static Figure ByTurns(Figure figure, const Measure& ours, const Measure& ceiling, int rounds);
  // One that is complete. Prints its row.
  void Add(Figure figure);
  void AddByTurns(Figure figure, const Measure& ours, const Measure& ceiling) {
    Add(ByTurns(std::move(figure), ours, ceiling, rounds()));
  }

 private:
  const bool long_form_;
  const std::optional<double> argument_;
  std::vector<Figure>& figures_;
};

struct Case {
  std::string name;  // of its figures; several have names "<name>/…"
  std::function<void(Bench&)> run;
  bool on_request = false;
};

// Runs in a process of its own, and says what it has found (Say in child.h).
using Arguments = std::vector<std::string>;
struct Role {
  std::string name;
  std::function<void(const Arguments&)> run;
};

struct Group {
  std::vector<Case> cases;
  std::vector<Role> roles = {};
};

// The program: bench [long] [NAME [NUMBER]]… [--json FILE].
int Main(const std::vector<Group>& groups, int count, char** words);

}  // namespace troth::bench
