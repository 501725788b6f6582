// From the public structs to a definition: what is completed, and each refusal by its field.
#include "model/input.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

namespace troth::internal {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

Status OnlyLocal(std::string_view url) {
  if (url.starts_with("local:")) return Status();
  return Status(StatusCode::kInvalidArgument, "no transport can call it");
}

Saga Base() {
  Saga saga;
  saga.gid = "g";
  for (int i = 0; i < 4; ++i) {
    saga.Add({.action = "local:do", .compensate = "local:undo", .payload = "p"});
  }
  return saga;
}

Limits SmallLimits() {
  Limits out;
  out.steps = 5;
  out.payload_bytes = 100;
  out.transaction_bytes = 300;
  out.header_bytes = 50;
  out.url_bytes = 60;
  return out;
}

// The refusal after a change; empty: accepted.
std::string Refusal(const std::function<void(Saga&)>& change) {
  Saga saga = Base();
  change(saga);
  const auto read = DefinitionOf(saga, {}, SmallLimits(), OnlyLocal);
  if (!read.ok()) CHECK(read.status().code() == StatusCode::kInvalidArgument);
  return read.status().message();
}

TEST_CASE("input: a saga becomes numbered steps with the built-in policy") {
  Saga saga = Base();
  saga.headers = {{"a", "b"}};
  saga.steps[1].headers = {{"c", "d"}};
  saga.timeout_to_fail = milliseconds(7);
  const auto read = DefinitionOf(saga, {}, {}, OnlyLocal, hours(5));
  REQUIRE_MESSAGE(read.ok(), read.status());
  const Definition& d = **read;
  CHECK(d.mode == Mode::kSaga);
  CHECK_FALSE(d.concurrent);
  CHECK(d.headers == saga.headers);
  CHECK(d.timeout_to_fail == milliseconds(7));
  CHECK(d.barrier_retention == hours(5));
  CHECK(d.policies == std::vector<Policy>{Policy{}});
  REQUIRE(d.steps.size() == 4);
  CHECK(d.steps[3].branch_id == "04");
  CHECK(d.steps[0].forward == "local:do");
  CHECK(d.steps[0].rollback == "local:undo");
  CHECK(d.steps[0].commit.empty());
  CHECK(d.steps[0].payload == "p");
  CHECK(d.steps[1].headers == saga.steps[1].headers);
  CHECK(d.steps[1].after.empty());
}

TEST_CASE("input: steps past 99 have three digits") {
  Saga saga;
  for (int i = 0; i < 101; ++i) saga.Add({.action = "local:do"});
  const auto read = DefinitionOf(saga, {}, {}, OnlyLocal);
  REQUIRE(read.ok());
  CHECK((*read)->steps[8].branch_id == "09");
  CHECK((*read)->steps[98].branch_id == "99");
  CHECK((*read)->steps[100].branch_id == "101");
}

TEST_CASE("input: the step's policy wins over the transaction's, which wins over the default") {
  Saga saga = Base();
  CallOptions defaults;
  defaults.retry.first = milliseconds(1);
  defaults.retry.factor = 3;
  defaults.retry.limit = 7;
  saga.options.retry.factor = 4;
  saga.options.retry.limit = kNoLimit;  // said explicitly
  saga.steps[1].options.retry.factor = 5;
  saga.steps[2].options.body_verdicts = true;  // what it is anyway
  saga.steps[3].options.retry.factor = 5;
  const auto read = DefinitionOf(saga, defaults, {}, OnlyLocal);
  REQUIRE_MESSAGE(read.ok(), read.status());
  const Definition& d = **read;
  REQUIRE(d.policies.size() == 2);  // equal ones are one
  CHECK(d.policies[0].first == milliseconds(1));
  CHECK(d.policies[0].factor == 4);
  CHECK(d.policies[0].limit == kNoLimit);
  CHECK(d.policies[0].request_timeout == milliseconds(3000));
  CHECK(d.policies[1].factor == 5);
  CHECK(d.steps[0].policy == 0);
  CHECK(d.steps[1].policy == 1);
  CHECK(d.steps[2].policy == 0);
  CHECK(d.steps[3].policy == 1);
}

TEST_CASE("input: orders become predecessors, each once and sorted") {
  Saga saga = Base();
  saga.concurrent = true;
  saga.orders = {{2, {1, 0, 1}}, {3, {}}};
  const auto read = DefinitionOf(saga, {}, {}, OnlyLocal);
  REQUIRE_MESSAGE(read.ok(), read.status());
  CHECK((*read)->concurrent);
  CHECK((*read)->steps[2].after == std::vector<uint16_t>{0, 1});
  CHECK((*read)->steps[3].after.empty());
}

TEST_CASE("input: gid and steps are refused by name") {
  CHECK(Refusal([](Saga&) {}) == "");
  CHECK(Refusal([](Saga& s) { s.gid = ""; }) == "saga.gid: empty");
  CHECK(Refusal([](Saga& s) { s.gid = " g"; }) == "saga.gid: has blanks at its ends");
  CHECK(Refusal([](Saga& s) { s.steps.clear(); }) == "saga.steps: none");
  CHECK(Refusal([](Saga& s) { s.steps.resize(6); }) == "saga.steps: 6, more than the 5 allowed");
  CHECK(Refusal([](Saga& s) {
          for (SagaStep& step : s.steps) step.payload = std::string(90, 'x');
        }) == "saga.steps: 432 bytes in all, more than the 300 of limits.transaction_bytes");
}

TEST_CASE("input: URLs and payloads are refused by name") {
  CHECK(Refusal([](Saga& s) { s.steps[3].action = "ftp://x"; }) ==
        "saga.steps[3].action: no transport can call it");
  CHECK(Refusal([](Saga& s) { s.steps[0].compensate = "local:a\r\nb"; }) ==
        "saga.steps[0].compensate: has control characters");
  CHECK(Refusal([](Saga& s) { s.steps[0].action = "local:" + std::string(60, 'x'); }) ==
        "saga.steps[0].action: 66 bytes, more than the 60 of limits.url_bytes");
  CHECK(Refusal([](Saga& s) { s.steps[1].payload = std::string(101, 'x'); }) ==
        "saga.steps[1].payload: 101 bytes, more than the 100 of limits.payload_bytes");
  CHECK(Refusal([](Saga& s) { s.steps[1].action = s.steps[1].compensate = ""; }) == "");
  CHECK(Refusal([](Saga& s) { s.steps[1].payload = std::string("\0\r\n", 3); }) == "");
}

std::string HeaderRefusal(Header header) {
  return Refusal([&](Saga& s) { s.steps[1].headers = {{"ok", ""}, header}; });
}

TEST_CASE("input: headers are refused by name") {
  CHECK(HeaderRefusal({"x-Any_1", "any value\x80"}) == "");
  CHECK(HeaderRefusal({"", "v"}) == "saga.steps[1].headers[1].name: empty");
  for (const char* name : {"a b", "a:", "a\n", "\xC3\xA4"}) {
    CHECK(HeaderRefusal({name, "v"}) ==
          "saga.steps[1].headers[1].name: has characters that a header name can't have");
  }
  CHECK(HeaderRefusal({"a", "v\r\nHost: x"}) ==
        "saga.steps[1].headers[1].value: has control characters");
  for (const char* name : {"host", "CONTENT-LENGTH", "Transfer-Encoding", "connection"}) {
    CHECK(HeaderRefusal({name, "v"}) ==
          std::string("saga.steps[1].headers[1].name: ") + name + " is set by the transport");
  }
  CHECK(HeaderRefusal({"a", std::string(49, 'x')}) ==
        "saga.steps[1].headers: 52 bytes, more than the 50 of limits.header_bytes");
  CHECK(Refusal([](Saga& s) {
          s.headers = {{"host", ""}};
        }) == "saga.headers[0].name: host is set by the transport");
}

TEST_CASE("input: orders are refused by name") {
  const auto refusal = [](std::map<size_t, std::vector<size_t>> orders, bool concurrent = true) {
    return Refusal([&](Saga& s) {
      s.concurrent = concurrent;
      s.orders = std::move(orders);
    });
  };
  CHECK(refusal({{2, {0}}}) == "");
  CHECK(refusal({{2, {0}}}, false) == "saga.orders: only a concurrent saga has them");
  CHECK(refusal({{4, {0}}}) == "saga.orders[4]: there is no step 4");
  CHECK(refusal({{2, {9}}}) == "saga.orders[2]: there is no step 9");
  CHECK(refusal({{2, {2}}}) == "saga.orders[2]: the step waits for itself");
  const std::string cycle = refusal({{0, {1}}, {1, {2}}, {2, {1}}});
  CHECK((cycle == "saga.orders[1]: the step waits for itself, through others" ||
         cycle == "saga.orders[2]: the step waits for itself, through others"));
}

std::string OptionRefusal(const std::function<void(CallOptions&)>& change) {
  const std::string own = Refusal([&](Saga& s) { change(s.options); });
  const std::string of_step = Refusal([&](Saga& s) { change(s.steps[2].options); });
  CallOptions defaults;
  change(defaults);
  const std::string of_all = CheckDefaults(defaults).message();
  if (own.empty()) {
    CHECK(of_step.empty());
    CHECK(of_all.empty());
    return "";
  }
  // The same words at every level.
  constexpr std::string_view kOwn = "saga.options.";
  REQUIRE(own.starts_with(kOwn));
  const std::string rest = own.substr(kOwn.size());
  CHECK(of_step == "saga.steps[2].options." + rest);
  CHECK(of_all == "defaults." + rest);
  return rest;
}

TEST_CASE("input: retry options are refused by name") {
  using O = CallOptions;
  CHECK(OptionRefusal([](O& o) { o.retry.first = milliseconds(0); }) ==
        "retry.first: must be more than zero");
  CHECK(OptionRefusal([](O& o) { o.retry.first = kNoTimeLimit; }) ==
        "retry.first: must be more than zero");
  CHECK(OptionRefusal([](O& o) { o.retry.cap = milliseconds(-5); }) ==
        "retry.cap: must be more than zero");
  CHECK(OptionRefusal([](O& o) { o.retry.cap = milliseconds(5); }) ==
        "retry.cap: below the first wait of 10000 ms");
  CHECK(OptionRefusal([](O& o) { o.retry.first = milliseconds(600'001); }) ==
        "retry.first: above the cap of 600000 ms; set retry.cap too");
  for (const double factor : {0.99, 100.1, std::nan(""), HUGE_VAL, -2.0}) {
    CHECK(OptionRefusal([&](O& o) { o.retry.factor = factor; }) == "retry.factor: not in 1 to 100");
  }
  CHECK(OptionRefusal([](O& o) { o.retry.factor = 1; }) == "");
  CHECK(OptionRefusal([](O& o) { o.retry.limit = -2; }) ==
        "retry.limit: negative, and not kNoLimit");
  CHECK(OptionRefusal([](O& o) { o.retry.limit = kNoLimit; }) == "");
  CHECK(OptionRefusal([](O& o) { o.retry.limit = 0; }) == "");
  CHECK(OptionRefusal([](O& o) { o.retry.park_after = -2; }) ==
        "retry.park_after: negative, and not kNoLimit");
  CHECK(OptionRefusal([](O& o) { o.retry.give_up_after = kNoTimeLimit; }) == "");
  CHECK(OptionRefusal([](O& o) { o.retry.give_up_after = milliseconds(0); }) ==
        "retry.give_up_after: must be more than zero");
}

TEST_CASE("input: times are refused by name") {
  const auto options = [](milliseconds value) {
    return OptionRefusal([value](CallOptions& o) { o.request_timeout = value; });
  };
  CHECK(options(milliseconds(1)) == "");
  CHECK(options(milliseconds(0)) == "request_timeout: must be more than zero");
  CHECK(options(hours(24 * 3654)) == "request_timeout: more than ten years");
  const auto timeout = [](milliseconds value) {
    return Refusal([value](Saga& s) { s.timeout_to_fail = value; });
  };
  CHECK(timeout(milliseconds(1)) == "");
  CHECK(timeout(milliseconds(0)) == "saga.timeout_to_fail: must be more than zero");
  CHECK(timeout(milliseconds::max()) == "saga.timeout_to_fail: more than ten years");
}

TEST_CASE("input: an edit is refused by name") {
  const auto refusal = [](const BranchEdit& edit) {
    return CheckEdit(edit, SmallLimits(), OnlyLocal).message();
  };
  CHECK(refusal({.url = "local:x", .payload = "", .headers = Headers{}}) == "");
  CHECK(refusal({.headers = Headers{}}) == "");
  CHECK(refusal({}) == "edit: nothing to change");
  CHECK(refusal({.url = ""}) == "edit.url: empty; SkipBranch leaves an operation out");
  CHECK(refusal({.url = "x"}) == "edit.url: no transport can call it");
  CHECK(refusal({.payload = std::string(101, 'x')}) ==
        "edit.payload: 101 bytes, more than the 100 of limits.payload_bytes");
  CHECK(refusal({.headers = Headers{{"Host", "x"}}}) ==
        "edit.headers[0].name: Host is set by the transport");
}

TEST_CASE("input: an act needs an author and a reason") {
  CHECK(CheckAct({"alice", "wrong order"}).ok());
  CHECK(CheckAct({"alice", std::string(1024, 'x')}).ok());
  CHECK(CheckAct({"", "r"}).message() == "act.author: empty");
  CHECK(CheckAct({"a", ""}).message() == "act.reason: empty");
  CHECK(CheckAct({std::string(1025, 'x'), "r"}).message() == "act.author: longer than 1 kB");
  CHECK(CheckAct({"a", "r\n"}).message() == "act.reason: has control characters");
}

}  // namespace
}  // namespace troth::internal
