// The checks: do the books, the store, and what was said agree?
#pragma once

#include <cstdio>
#include <string>

#include "records.h"
#include "said.h"

// Counts checks, each over many transactions, and shows the first few that break one.
class Checks {
 public:
  template <class Container, class Right>
  void All(const char* what, const Container& items, Right right) {
    size_t wrong = 0;
    for (const auto& item : items) {
      if (right(item)) continue;
      if (++wrong <= 5) std::printf("     | %s\n", NameOf(item).c_str());
    }
    wrong_ += wrong;
    Count(what, wrong == 0, std::to_string(items.size()) + ", " + std::to_string(wrong) + " wrong");
  }

  void Count(const char* what, bool right, const std::string& detail) {
    ++(right ? passed_ : failed_);
    std::printf("%s %s (%s)\n", right ? "ok  " : "FAIL", what, detail.c_str());
  }

  bool failed() const { return failed_ != 0; }
  size_t wrong() const { return wrong_; }
  void Summary() const { std::printf("%d passed, %d failed\n", passed_, failed_); }

 private:
  static std::string NameOf(const std::string& gid) { return gid; }
  template <class Value>
  static std::string NameOf(const std::pair<const std::string, Value>& item) {
    return item.first;
  }

  int passed_ = 0;
  int failed_ = 0;
  size_t wrong_ = 0;
};

class Audit {
 public:
  Audit(Books books, Store store, const Said& said)
      : books_(std::move(books)), store_(std::move(store)), said_(said) {}

  void Run(Checks& checks) const;
  // A line for each kind of transaction.
  void PrintFigures() const;

 private:
  bool HasRightEffects(const troth::TransactionRecord& record) const;
  bool HasOnePhaseTwo(const troth::TransactionRecord& record) const;
  size_t RegisteredThemselves() const;
  bool MovesNoMoney(const troth::TransactionRecord& record) const;
  bool HasItsTillLine(const troth::TransactionRecord& record) const;
  bool TillLineHasTransaction(const std::string& gid) const;
  bool EndedOnlyAs(const std::string& gid, const std::set<std::string>& statuses) const;

  const Books books_;
  const Store store_;
  const Said& said_;
};
