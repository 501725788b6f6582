// Bad input of messages, sessions, persons, lists and topics is refused by its name, and leaves
// nothing behind. Options and sagas are in fields_test.cc.
#include <functional>
#include <limits>
#include <vector>

#include "opened.h"
#include "troth/tcc.h"
#include "troth/xa.h"

namespace troth {
namespace {

template <class Input>
struct Wrong {
  std::string message;  // how it begins
  std::function<void(Input&)> spoil;
};
template <class Input>
using Rows = std::vector<Wrong<Input>>;

Coordinator Open() {
  return MustOpen({.store = ":memory:",
                   .local = {Local("yes"), Local("no", BranchResult::Failure("no"))},
                   .limits = {.steps = 10,
                              .payload_bytes = 100,
                              .transaction_bytes = 250,
                              .header_bytes = 80,
                              .url_bytes = 100}});
}

// `refuse` answers what became of an input that was right before it was spoiled.
template <class Input>
void Check(const Rows<Input>& rows, const Input& right,
           const std::function<Status(const Input&)>& refuse) {
  for (const Wrong<Input>& row : rows) {
    CAPTURE(row.message);
    Input input = right;
    row.spoil(input);
    const Status status = refuse(input);
    CAPTURE(status);
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().starts_with(row.message));
  }
}

// --- what several of them have ---

template <class Input>
void AddGids(Rows<Input>& rows, const std::string& prefix) {
  for (const std::string& gid : {std::string(), std::string(129, 'g'), std::string(" g"),
                                 std::string("g\t"), std::string("g\r\nX: y")}) {
    rows.push_back({prefix + "gid", [gid](Input& input) { input.gid = gid; }});
  }
}

// `at` finds the part of the input that has headers and options.
template <class Input, class Part>
void AddHeadersAndOptions(Rows<Input>& rows, const std::string& prefix, Part& (*at)(Input&)) {
  const auto header = [&](const std::string& message, const Header& wrong) {
    rows.push_back({prefix + message, [at, wrong](Input& input) {
                      at(input).headers = {{"X-Good", "1"}, wrong};
                    }});
  };
  header("headers[1].name", {"", "x"});
  header("headers[1].name", {"a b", "x"});
  header("headers[1].name", {"Host", "x"});
  header("headers[1].value", {"X", "a\r\nb"});
  header("headers", {"X", std::string(100, 'x')});
  const auto option = [&](const std::string& message, const CallOptions& wrong) {
    rows.push_back(
        {prefix + "options." + message, [at, wrong](Input& input) { at(input).options = wrong; }});
  };
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  option("retry.first", {.retry = {.first = 0ms}});
  option("retry.factor", {.retry = {.factor = 0.5}});
  option("retry.factor", {.retry = {.factor = not_a_number}});
  option("retry.cap", {.retry = {.cap = 9s}});
  option("retry.limit", {.retry = {.limit = -2}});
  option("retry.give_up_after", {.retry = {.give_up_after = -2ms}});
  option("retry.park_after", {.retry = {.park_after = -2}});
  option("request_timeout", {.request_timeout = 0ms});
  option("request_timeout", {.request_timeout = milliseconds::max()});
}

template <class Input>
void AddUrls(Rows<Input>& rows, const std::string& field, std::string& (*url)(Input&)) {
  for (const std::string& wrong :
       {std::string("ftp://a/b"), std::string("/a"), std::string("http://"),
        std::string("http://a/b\r\nHost: c"), std::string("local:with space"),
        "http://a/" + std::string(100, 'x')}) {
    rows.push_back({field, [url, wrong](Input& input) { url(input) = wrong; }});
  }
}

template <class Input>
Input& Whole(Input& input) {
  return input;
}

// --- messages ---

Message RightMessage() {
  Message message;
  message.query_prepared = "local:yes";
  message.Add({.action = "local:yes", .payload = "{}"});
  message.Add({.action = "local:yes"});
  return message;
}

Rows<Message> WrongMessages() {
  Rows<Message> rows{
      {"message.steps", [](auto& m) { m.steps.clear(); }},
      {"message.steps", [](auto& m) { m.steps.resize(11); }},
      {"message.steps",
       [](auto& m) {
         m.steps.resize(3);
         for (auto& step : m.steps) step.payload.assign(90, 'x');
       }},
      {"message.steps[1].payload", [](auto& m) { m.steps[1].payload.assign(101, 'x'); }},
      {"message.steps[1].action", [](auto& m) { m.steps[1].action = "topic://a b"; }},
      {"message.steps[1].action", [](auto& m) { m.steps[1].action = "topic://"; }},
      {"message.delay", [](auto& m) { m.delay = 0ms; }},
      {"message.delay", [](auto& m) { m.delay = -1ms; }},
      {"message.delay", [](auto& m) { m.delay = milliseconds::max(); }},
      {"message.start", [](auto& m) { m.start = Time{}; }},
      {"message.start", [](auto& m) { m.start = Time::min(); }},
      {"message.start", [](auto& m) { m.start = Time::max(); }},
      {"message.start", [](auto& m) { m.delay = 1s, m.start = Time{1h}; }},
      {"message.timeout_to_fail", [](auto& m) { m.timeout_to_fail = 0ms; }},
      {"message.timeout_to_fail", [](auto& m) { m.timeout_to_fail = -1ms; }},
      {"message.query_prepared", [](auto& m) { m.query_prepared = "topic://t"; }},
  };
  AddGids(rows, "message.");
  AddHeadersAndOptions<Message, Message>(rows, "message.", Whole);
  AddHeadersAndOptions<Message, MessageStep>(rows, "message.steps[1].",
                                             [](Message& m) -> MessageStep& { return m.steps[1]; });
  AddUrls<Message>(rows, "message.query_prepared",
                   [](Message& m) -> std::string& { return m.query_prepared; });
  AddUrls<Message>(rows, "message.steps[0].action",
                   [](Message& m) -> std::string& { return m.steps[0].action; });
  return rows;
}

TEST_CASE("message: each wrong field is refused by its name, however it comes, and is not stored") {
  Coordinator coordinator = Open();
  const auto rows = WrongMessages();
  Check<Message>(rows, RightMessage(),
                 [&](const Message& m) { return coordinator.Submit(m).status(); });
  Check<Message>(rows, RightMessage(),
                 [&](const Message& m) { return coordinator.Prepare(m).status(); });
  Check<Message>(rows, RightMessage(),
                 [&](const Message& m) { return coordinator.SubmitPrepared(m).status(); });
  Message nobody_to_ask = RightMessage();
  nobody_to_ask.query_prepared.clear();
  CHECK(
      coordinator.Prepare(nobody_to_ask).status().message().starts_with("message.query_prepared"));
  CHECK(coordinator.List()->transactions.empty());
  CHECK(coordinator.Submit(nobody_to_ask).ok());  // a message at once asks nobody
  CHECK(coordinator.Submit(RightMessage()).ok());
}

// --- sessions ---

template <class Options>
Rows<Options> WrongSessions() {
  Rows<Options> rows{
      {"options.timeout_to_fail", [](auto& o) { o.timeout_to_fail = 0ms; }},
      {"options.timeout_to_fail", [](auto& o) { o.timeout_to_fail = -1s; }},
      {"options.timeout_to_fail", [](auto& o) { o.timeout_to_fail = milliseconds::max(); }},
  };
  AddGids(rows, "options.");
  AddHeadersAndOptions<Options, Options>(rows, "options.", Whole);
  return rows;
}

TEST_CASE("sessions: each wrong option is refused by its name, and no function has run") {
  Coordinator coordinator = Open();
  Check<TccOptions>(WrongSessions<TccOptions>(), {}, [&](const TccOptions& options) {
    const auto never = [](Tcc&) -> Status { throw "called"; };
    CHECK(RunTcc(coordinator, options, never).status().code() == StatusCode::kInvalidArgument);
    return Tcc::Begin(coordinator, options).status();
  });
  Check<XaOptions>(WrongSessions<XaOptions>(), {}, [&](const XaOptions& options) {
    const auto never = [](Xa&) -> Status { throw "called"; };
    CHECK(RunXa(coordinator, options, never).status().code() == StatusCode::kInvalidArgument);
    return Xa::Begin(coordinator, options).status();
  });
  CHECK(coordinator.List()->transactions.empty());
}

TEST_CASE("tcc: each wrong field of a branch is refused by its name, and none is registered") {
  Coordinator coordinator = Open();
  Rows<TccBranch> rows{
      {"branch.payload", [](auto& b) { b.payload.assign(101, 'x'); }},
  };
  AddHeadersAndOptions<TccBranch, TccBranch>(rows, "branch.", Whole);
  AddUrls<TccBranch>(rows, "branch.try_url", [](auto& b) -> std::string& { return b.try_url; });
  AddUrls<TccBranch>(rows, "branch.confirm_url",
                     [](auto& b) -> std::string& { return b.confirm_url; });
  AddUrls<TccBranch>(rows, "branch.cancel_url",
                     [](auto& b) -> std::string& { return b.cancel_url; });
  auto tcc = Tcc::Begin(coordinator);
  REQUIRE(tcc.ok());
  const TccBranch right{
      .try_url = "local:yes", .confirm_url = "local:yes", .cancel_url = "local:yes"};
  Check<TccBranch>(rows, right, [&](const TccBranch& b) { return tcc->Call(b).status(); });
  CHECK(coordinator.Query(tcc->gid())->branches.empty());
  CHECK(tcc->Call(right).ok());  // as branch 01: nothing was counted
  CHECK(coordinator.Query(tcc->gid())->branches.at(0).branch_id == "01");
  CHECK(tcc->Commit().ok());
}

TEST_CASE("tcc: a context that can't be joined is refused by name") {
  Coordinator coordinator = Open();
  const BranchContext right{.gid = "g", .trans_type = "tcc", .branch_id = "01", .op = "try"};
  const Rows<BranchContext> rows{
      {"context", [](auto& c) { c.trans_type = "saga"; }},
      {"context", [](auto& c) { c.op = "confirm"; }},
      {"context.gid", [](auto& c) { c.gid = ""; }},
      {"context.gid", [](auto& c) { c.gid = "a\nb"; }},
      {"context: branch_id", [](auto& c) { c.branch_id = ""; }},
      {"context: branch_id", [](auto& c) { c.branch_id = std::string(21, '0'); }},
      {"context: branch_id", [](auto& c) { c.branch_id = "0\n1"; }},
  };
  Check<BranchContext>(rows, right, [&](const BranchContext& context) {
    return Tcc::Join(coordinator, context).status();
  });
  CHECK(Tcc::Join(coordinator, right).ok());
}

TEST_CASE("xa: each wrong field of a branch is refused by its name, and none is registered") {
  Coordinator coordinator = Open();
  Rows<XaBranch> rows{
      {"branch.url", [](auto& b) { b.url.clear(); }},
      {"branch.payload", [](auto& b) { b.payload.assign(101, 'x'); }},
  };
  AddHeadersAndOptions<XaBranch, XaBranch>(rows, "branch.", Whole);
  AddUrls<XaBranch>(rows, "branch.url", [](auto& b) -> std::string& { return b.url; });
  auto xa = Xa::Begin(coordinator);
  REQUIRE(xa.ok());
  const XaBranch right{.url = "local:yes"};
  Check<XaBranch>(rows, right, [&](const XaBranch& b) { return xa->Call(b).status(); });
  CHECK(coordinator.Query(xa->gid())->branches.empty());
  CHECK(xa->Call(right).ok());
  CHECK(xa->Commit().ok());
}

// --- persons ---

// A saga whose compensation fails for ever.
Saga Stuck(Coordinator& coordinator) {
  const Saga saga = LocalSaga("no", "later");
  REQUIRE(coordinator.Submit(saga).ok());
  while (coordinator.Query(saga.gid)->status != TransactionStatus::kAborting) {
    coordinator.GetHealth();  // waits for the engine's next turn
  }
  return saga;
}

TEST_CASE("acts: author and reason are wanted by every act, and nothing is done without them") {
  Coordinator coordinator = Open();
  const Saga saga = Stuck(coordinator);
  const Rows<Act> rows{
      {"act.author", [](auto& a) { a.author = ""; }},
      {"act.author", [](auto& a) { a.author = std::string(1025, 'a'); }},
      {"act.author", [](auto& a) { a.author = "ann\n"; }},
      {"act.reason", [](auto& a) { a.reason = ""; }},
      {"act.reason", [](auto& a) { a.reason = std::string(1025, 'a'); }},
      {"act.reason", [](auto& a) { a.reason = std::string("a\0b", 3); }},
  };
  const BranchKey key{"01", "compensate"};
  const std::vector<std::function<Status(const Act&)>> acts{
      [&](const Act& act) { return coordinator.Cancel(saga.gid, act); },
      [&](const Act& act) { return coordinator.RetryNow(saga.gid, act); },
      [&](const Act& act) { return coordinator.EditBranch(saga.gid, key, {.payload = "x"}, act); },
      [&](const Act& act) { return coordinator.SkipBranch(saga.gid, key, act); },
      [&](const Act& act) { return coordinator.Stop(saga.gid, act); },
  };
  for (const auto& act : acts) Check<Act>(rows, kAnn, act);
  const auto record = coordinator.Query(saga.gid);
  CHECK(record->status == TransactionStatus::kAborting);
  CHECK(record->history.empty());
  CHECK(coordinator.Stop(saga.gid, {std::string(1024, 'a'), std::string(1024, 'r')}).ok());
}

TEST_CASE("edit: each wrong field is refused by its name, and changes nothing") {
  Coordinator coordinator = Open();
  const Saga saga = Stuck(coordinator);
  const BranchKey key{"01", "compensate"};
  const Rows<BranchEdit> rows{
      {"edit: nothing to change", [](auto& e) { e = {}; }},
      {"edit.url", [](auto& e) { e.url = ""; }},
      {"edit.url", [](auto& e) { e.url = "ftp://x/"; }},
      {"edit.url", [](auto& e) { e.url = "topic://t"; }},
      {"edit.url", [](auto& e) { e.url = "http://x/\r\nHost: y"; }},
      {"edit.url", [](auto& e) { e.url = "http://a/" + std::string(100, 'x'); }},
      {"edit.payload", [](auto& e) { e.payload = std::string(101, 'x'); }},
      {"edit.headers[0].name",
       [](auto& e) {
         e.headers = Headers{{"a b", "x"}};
       }},
      {"edit.headers[0].name",
       [](auto& e) {
         e.headers = Headers{{"Host", "x"}};
       }},
      {"edit.headers[0].value",
       [](auto& e) {
         e.headers = Headers{{"X", "\n"}};
       }},
      {"edit.headers",
       [](auto& e) {
         e.headers = Headers{{"X", std::string(100, 'x')}};
       }},
  };
  const BranchEdit right{.url = "local:yes", .payload = "{}", .headers = Headers{{"X", "1"}}};
  Check<BranchEdit>(rows, right, [&](const BranchEdit& edit) {
    return coordinator.EditBranch(saga.gid, key, edit, kAnn);
  });
  CHECK(coordinator.Query(saga.gid)->history.empty());
  const Status nobody = coordinator.EditBranch(saga.gid, {"02", "compensate"}, right, kAnn);
  CHECK(nobody.code() == StatusCode::kNotFound);
  CHECK(nobody.message().starts_with("branch"));
  CHECK(coordinator.SkipBranch(saga.gid, {"01", "cancel"}, kAnn) ==
        coordinator.EditBranch(saga.gid, {"01", "cancel"}, right, kAnn));
  REQUIRE(coordinator.EditBranch(saga.gid, key, right, kAnn).ok());
  CHECK(coordinator.Wait(saga.gid, 1min)->status == TransactionStatus::kFailed);
}

// --- lists and topics ---

TEST_CASE("list: a limit and a position that are none are refused by name") {
  Coordinator coordinator = Open();
  REQUIRE(coordinator.Submit(LocalSaga()).ok());
  for (const size_t limit : {size_t{0}, size_t{1001}, std::numeric_limits<size_t>::max()}) {
    const Status status = coordinator.List({}, limit).status();
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().starts_with("limit"));
  }
  for (const std::string_view position :
       {"x", "-1", "1x", " 1", "1 ", "0x1", "1\n", "99999999999999999999"}) {
    CAPTURE(position);
    const Status status = coordinator.List({}, 10, position).status();
    CHECK(status.code() == StatusCode::kInvalidArgument);
    CHECK(status.message().starts_with("position"));
  }
  const ListFilter nothing{.created_from = Time::max(), .created_to = Time::min()};
  CHECK(coordinator.List(nothing, 1)->transactions.empty());
  const ListFilter all{.created_from = Time::min(), .created_to = Time::max()};
  CHECK(coordinator.List(all, 1000)->transactions.size() == 1);
}

TEST_CASE("topics: each wrong name, URL and remark is refused by its name") {
  Coordinator coordinator = Open();
  struct Subscription {
    std::string topic = "orders";
    std::string url = "http://a/";
    std::string remark = "the mailer";
  };
  Rows<Subscription> rows{
      {"empty topic", [](auto& s) { s.topic = ""; }},
      {"topic", [](auto& s) { s.topic = std::string(129, 't'); }},
      {"topic", [](auto& s) { s.topic = "a b"; }},
      {"topic", [](auto& s) { s.topic = "a/b"; }},
      {"topic", [](auto& s) { s.topic = "a\n"; }},
      {"empty url", [](auto& s) { s.url = ""; }},
      {"url", [](auto& s) { s.url = "topic://orders"; }},
      {"remark", [](auto& s) { s.remark = "a\nb"; }},
      {"remark", [](auto& s) { s.remark = std::string(1025, 'r'); }},
  };
  AddUrls<Subscription>(rows, "url", [](auto& s) -> std::string& { return s.url; });
  Check<Subscription>(rows, {}, [&](const Subscription& s) {
    return coordinator.Subscribe(s.topic, s.url, s.remark);
  });
  CHECK(coordinator.ListTopics()->empty());
  for (const std::string& wrong : {std::string(), std::string("a b"), std::string(129, 't')}) {
    CHECK(coordinator.Unsubscribe(wrong, "http://a/").code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.DeleteTopic(wrong).code() == StatusCode::kInvalidArgument);
    CHECK(coordinator.GetTopic(wrong).status().code() == StatusCode::kInvalidArgument);
  }
  CHECK(coordinator.Subscribe(std::string(128, 't'), "http://a/", std::string(1024, 'r')).ok());
}

}  // namespace
}  // namespace troth
