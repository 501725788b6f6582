#include "figure.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace troth::bench {
namespace {

// Three digits say all that can be said here.
std::string Number(double value) {
  char text[32];
  const double size = std::fabs(value);
  const int digits = size >= 100 || size == std::floor(size) ? 0
                     : size >= 10                            ? 1
                     : size >= 1                             ? 2
                                                             : 3;
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string WithSpread(const Spread& spread) {
  if (spread.low == spread.high) return Number(spread.median);
  return Number(spread.median) + " (" + Number(spread.low) + "–" + Number(spread.high) + ")";
}

std::string GoalText(const Figure& figure) {
  if (figure.goal.at_least && figure.goal.bound == 0) return "none";
  return (figure.goal.at_least ? "≥ " : "≤ ") + Number(figure.goal.bound) +
         (figure.ratio ? "" : " " + figure.unit);
}

// Filled up to `width` characters, of which one may be several bytes.
std::string Padded(std::string text, size_t width) {
  const auto characters = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  if (characters < width) text.append(width - characters, ' ');
  return text;
}

std::string Row(const std::string& name, const std::string& value, const std::string& ceiling,
                const std::string& ratio, const std::string& goal, const std::string& held) {
  return Padded(name, 20) + " " + Padded(value, 34) + " " + Padded(ceiling, 30) + " " +
         Padded(ratio, 18) + " " + Padded(goal, 9) + " " + held + "\n";
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string JsonNumber(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string JsonSpread(const char* key, const std::optional<Spread>& spread) {
  const std::string name = std::string("\"") + key;
  if (!spread) return name + "\":null";
  return name + "\":" + JsonNumber(spread->median) + "," + name +
         "_low\":" + JsonNumber(spread->low) + "," + name + "_high\":" + JsonNumber(spread->high);
}

}  // namespace

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

bool Figure::held() const {
  const double judged = ratio ? ratio->median : value.median;
  return goal.at_least ? judged >= goal.bound : judged <= goal.bound;
}

std::string TableTitles() { return Row("name", "value", "ceiling", "ratio", "goal", "held"); }

std::string TableRow(const Figure& figure) {
  std::string what = "    " + figure.counted;
  if (!figure.against.empty()) what += "; ceiling: " + figure.against;
  return Row(figure.name, WithSpread(figure.value) + " " + figure.unit,
             figure.ceiling ? WithSpread(*figure.ceiling) : "–",
             figure.ratio ? WithSpread(*figure.ratio) : "–", GoalText(figure),
             figure.held() ? "yes" : "NO") +
         what + "\n";
}

std::string ToJson(const std::vector<Figure>& figures) {
  std::string out = "[";
  for (const Figure& figure : figures) {
    out += out.size() == 1 ? "\n" : ",\n";
    out += "{\"name\":" + Quoted(figure.name) + "," + JsonSpread("value", figure.value) +
           ",\"unit\":" + Quoted(figure.unit) + "," + JsonSpread("ceiling", figure.ceiling) + "," +
           JsonSpread("ratio", figure.ratio) + ",\"goal\":" + Quoted(GoalText(figure)) +
           ",\"held\":" + (figure.held() ? "true" : "false") +
           ",\"counted\":" + Quoted(figure.counted) + ",\"against\":" + Quoted(figure.against) +
           "}";
  }
  return out + "\n]\n";
}

}  // namespace troth::bench
