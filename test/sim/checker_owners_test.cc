// The checks of whose the store is are shown to be able to fail.
#include <doctest/doctest.h>

#include "checker_sample.h"

namespace troth::sim {
namespace {

// Another process takes the store over in the first life, and a new life has it after that.
struct Usurped {
  Usurped() : sample(SucceededSaga()) {
    sample.log.lives[0].epoch = 1;
    Knock(/*opened=*/true);
    sample.log.lives[0].lost = sample.Now();
    sample.Open();
    sample.log.lives[1].epoch = 3;
  }
  void Knock(bool opened) {
    sample.log.strangers.push_back({.when = sample.Now(),
                                    .owner_file_gone = true,
                                    .opened = opened,
                                    .epoch = opened ? uint64_t{2} : uint64_t{0},
                                    .why = {}});
  }
  // From then on, in the life that has lost it.
  Stamp Late() {
    Stamp late = sample.Now();
    late.life = 1;
    return late;
  }
  bool Breaks() const { return sample.Breaks(30); }

  Sample sample;
};

TEST_CASE("I30: a store has two owners") {
  Usurped usurped;
  REQUIRE_FALSE(usurped.Breaks());
  SUBCASE("a stranger is let in though the owner is there") {
    usurped.sample.log.strangers[0].owner_file_gone = false;
    CHECK(usurped.Breaks());
  }
  SUBCASE("an epoch is used twice") {
    usurped.sample.log.lives[1].epoch = 2;
    CHECK(usurped.Breaks());
  }
  SUBCASE("the loser still writes") {
    Stored row = usurped.sample.log.stored.back();
    row.when = usurped.Late();
    usurped.sample.log.stored.push_back(row);
    CHECK(usurped.Breaks());
  }
  SUBCASE("the loser still says OK") {
    ApiCall& call = usurped.sample.Ask(Ask::kSubmit);
    call.began = usurped.Late();
    call.answered = usurped.Late();
    CHECK(usurped.Breaks());
  }
  SUBCASE("the loser says OK of an adoption that it can't have made") {
    ApiCall& call = usurped.sample.Ask(Ask::kAdopted);
    call.began = usurped.Late();
    call.answered = usurped.Late();
    CHECK_FALSE(usurped.Breaks());  // it was there before
    for (Stored& row : usurped.sample.log.stored) row.kind = Stored::Kind::kNotWritten;
    usurped.sample.log.end.image.rows.clear();
    CHECK(usurped.Breaks());
  }
  SUBCASE("the loser still calls") {
    usurped.sample.log.calls[usurped.sample.Send("01", "action")].sent = usurped.Late();
    CHECK(usurped.Breaks());
  }
  SUBCASE("nobody has it, and a new life is refused") {
    usurped.sample.log.lives[1].refused = true;
    usurped.sample.log.lives[1].why = "another process has it open";
    CHECK(usurped.Breaks());
  }
}

// A saga that was copied when its first step had been called, and the run on that copy.
struct Restored {
  Restored() : sample(SucceededSaga()) {
    ApiCall& backup = sample.Ask(Ask::kBackup);
    backup.began = sample.log.calls[0].sent;
    copy.lives = {{.refused = true, .why = "is a backup"}, {}};
    copy.images.push_back({.when = {}, .rows = {sample.log.stored[0]}, .topics = {}});
    copy.end.image.rows = {sample.log.stored[0]};
    copy.end.image.rows[0].row.parked = ReasonCode::kParkedRestored;
    copy.end.image.rows[0].row.due.reset();
  }
  bool Breaks() {
    sample.log.restored = std::make_shared<const Log>(copy);
    return sample.Breaks(30);
  }
  void Act() {
    copy.api.push_back({.began = {.seq = 5}, .what = Ask::kRetry, .gid = sample.t.gid});
  }

  Sample sample;
  Log copy;
};

TEST_CASE("I30: a copy of the store is run as if it were the store") {
  Restored restored;
  REQUIRE_FALSE(restored.Breaks());
  SUBCASE("it is opened without a word") {
    restored.copy.lives[0].refused = false;
    CHECK(restored.Breaks());
  }
  SUBCASE("what it holds does not wait for a person") {
    restored.copy.end.image.rows[0].row.parked = ReasonCode::kNone;
    CHECK(restored.Breaks());
  }
  SUBCASE("it is called before a person has acted") {
    Call call = restored.sample.log.calls[0];
    call.sent.seq = 4;
    restored.copy.calls.push_back(call);
    restored.copy.end.image.rows[0] = restored.sample.log.end.image.rows[0];
    CHECK(restored.Breaks());
    restored.Act();
    CHECK(restored.Breaks());
    restored.copy.calls[0].sent.seq = 6;
    CHECK_FALSE(restored.Breaks());
  }
  SUBCASE("a person lets it go on, and it does not end") {
    restored.Act();
    CHECK(restored.Breaks());
  }
  SUBCASE("it is gone") {
    restored.copy.end.image.rows.clear();
    CHECK(restored.Breaks());
  }
  SUBCASE("the copy holds something else than the store did") {
    restored.copy.images[0].rows[0].row.version = 7;
    CHECK(restored.Breaks());
  }
  SUBCASE("the copy lacks it") {
    restored.copy.images[0].rows.clear();
    CHECK(restored.Breaks());
  }
}

}  // namespace
}  // namespace troth::sim
