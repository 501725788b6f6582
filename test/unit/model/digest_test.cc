// What makes two submits of one gid the same content (R16).
#include <doctest/doctest.h>

#include <functional>

#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

Definition Base() {
  Definition out;
  out.concurrent = true;
  out.steps.resize(3);
  for (size_t i = 0; i < 3; ++i) {
    out.steps[i].branch_id = "0" + std::to_string(i + 1);
    out.steps[i].forward = "http://a.example/do";
    out.steps[i].rollback = "http://a.example/undo";
    out.steps[i].payload = "{}";
  }
  out.steps[2].after = {0, 1};
  return out;
}

bool SameAfter(const std::function<void(Definition&)>& change) {
  Definition definition = Base();
  change(definition);
  return DigestOf(definition) == DigestOf(Base());
}

TEST_CASE("digest: options, headers and policies are not compared") {
  CHECK(SameAfter([](auto&) {}));
  CHECK(SameAfter([](auto& d) { d.headers = {{"a", "b"}}; }));
  CHECK(SameAfter([](auto& d) { d.steps[0].headers = {{"a", "b"}}; }));
  CHECK(SameAfter([](auto& d) { d.timeout_to_fail = Milliseconds(1); }));
  CHECK(SameAfter([](auto& d) { d.policies[0].limit = 3; }));
  CHECK(SameAfter([](auto& d) { d.policies.resize(2), d.steps[1].policy = 1; }));
}

TEST_CASE("digest: how an order is written down is not compared") {
  CHECK(SameAfter([](auto& d) { d.steps[2].after = {1, 0, 1}; }));
}

TEST_CASE("digest: mode, URLs, payloads, order and check-back are compared") {
  CHECK_FALSE(SameAfter([](auto& d) { d.mode = Mode::kTcc; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.concurrent = false; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.query_prepared = "x"; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps[1].forward += "x"; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps[1].rollback.clear(); }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps[1].payload = "[]"; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps[1].payload.clear(); }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps[2].after = {0}; }));
  CHECK_FALSE(SameAfter([](auto& d) { d.steps.pop_back(); }));
}

TEST_CASE("digest: a byte that moves from one field to the next is another content") {
  Definition a;
  a.steps.resize(1);
  a.steps[0].forward = "ab";
  a.steps[0].rollback = "c";
  Definition b = a;
  b.steps[0].forward = "a";
  b.steps[0].rollback = "bc";
  CHECK(DigestOf(a) != DigestOf(b));
}

TEST_CASE("digest: it is a version and 32 bytes, the same for ever") {
  const std::string digest = DigestOf(Base());
  CHECK(digest.size() == 33);
  CHECK(digest[0] == '1');
  // Compared with what was stored years ago: never change it, make a version 2.
  CHECK(ToHex(digest) == "3160fc8e517949f9ba8f1e1dcbb19bd44f046d398ccdfc2bbd210ce36191b1dc67");
}

TEST_CASE("digest: large payloads count to their last byte") {
  Definition a = Base();
  a.steps[1].payload = std::string(100'000, 'x');
  Definition b = a;
  b.steps[1].payload.back() = 'y';
  CHECK(DigestOf(a) != DigestOf(b));
}

}  // namespace
}  // namespace troth::internal
