// What a case has measured: a value beside its ceiling or rival, and whether the goal is held. How
// it looks in the table and in bench.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace troth::bench {

// Of the rounds of one measurement.
struct Spread {
  double low = 0;
  double median = 0;
  double high = 0;
};
Spread SpreadOf(std::vector<double> values);

// What the ratio, or without a ceiling the value, must be. Only ratios carry over to another
// machine.
struct Goal {
  bool at_least = false;  // else: at most
  double bound = 0;
};
inline Goal AtLeast(double bound) { return {.at_least = true, .bound = bound}; }
inline Goal AtMost(double bound) { return {.at_least = false, .bound = bound}; }
// It is shown, and nothing is asked of it.
inline Goal NoGoal() { return AtLeast(0); }

struct Figure {
  std::string name;
  Spread value;
  std::string unit;
  std::string counted;    // one of the unit is what
  std::string against{};  // what the ceiling is
  std::optional<Spread> ceiling{};
  std::optional<Spread> ratio{};  // of value and ceiling, round by round
  Goal goal{};

  bool held() const;
};

// The table: a line of titles, and two lines for each figure.
std::string TableTitles();
std::string TableRow(const Figure& figure);
std::string ToJson(const std::vector<Figure>& figures);

}  // namespace troth::bench
