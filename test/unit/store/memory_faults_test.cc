// The faults that a test can order from a memory disk.
#include <doctest/doctest.h>

#include "store/memory/memory_store.h"
#include "writes.h"

namespace troth::internal {
namespace {

struct Opened {
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  MemoryStore store{disk};
  Write write = NewWrite("g");

  Opened() { REQUIRE(store.Open({.path = "memory"}).ok()); }
  BatchResult Apply() { return store.Apply({&write, 1}); }
  BatchResult Recover() { return store.Recover({&write, 1}); }
};

TEST_CASE("memory store: batches fail as often as ordered, with the status ordered") {
  Opened opened;
  opened.disk->FailNextBatches(2, Status(StatusCode::kResourceExhausted, "full"));
  for (int i = 0; i < 2; ++i) {
    const BatchResult failed = opened.Apply();
    CHECK(failed.kind == BatchResult::Kind::kNotWritten);
    CHECK(failed.status.message() == "full");
  }
  CHECK(opened.disk->rows() == 0);
  CHECK(opened.Apply().kind == BatchResult::Kind::kCommitted);
  CHECK(opened.disk->batches() == 3);
}

TEST_CASE("memory store: an unknown commit comes out as ordered, when ordered") {
  Opened opened;
  bool committed = false;
  SUBCASE("not written") {}
  SUBCASE("written") { committed = true; }
  opened.disk->MakeUnknown(1, committed, 2);
  CHECK(opened.Apply().kind == BatchResult::Kind::kUnknown);
  CHECK(opened.Apply().kind == BatchResult::Kind::kNotWritten);
  CHECK_FALSE(opened.store.Load("g").value().has_value());  // nobody sees it yet
  CHECK(opened.Recover().kind == BatchResult::Kind::kUnknown);
  CHECK(opened.Recover().kind == BatchResult::Kind::kUnknown);
  const BatchResult settled = opened.Recover();
  REQUIRE(settled.kind == BatchResult::Kind::kCommitted);
  CHECK(settled.writes[0].kind ==
        (committed ? WriteResult::Kind::kOk : WriteResult::Kind::kNotWritten));
  CHECK(opened.store.Load("g").value().has_value() == committed);
}

TEST_CASE("memory store: a crash in doubt leaves the truth on the disk") {
  Opened opened;
  opened.disk->MakeUnknown(1, true, 99);
  CHECK(opened.Apply().kind == BatchResult::Kind::kUnknown);
  opened.disk->DropOwner();
  MemoryStore next(opened.disk);
  CHECK(next.Open({.path = "memory"}).value().unclean);
  CHECK(next.Load("g").value().has_value());
  CHECK(opened.Recover().kind == BatchResult::Kind::kLostOwner);
}

TEST_CASE("memory store: whoever lost the ownership writes nothing any more") {
  Opened opened;
  opened.disk->DropOwner();
  MemoryStore next(opened.disk);
  REQUIRE(next.Open({.path = "memory"}).ok());
  CHECK(opened.Apply().kind == BatchResult::Kind::kLostOwner);
  CHECK(opened.disk->rows() == 0);
  opened.disk->SetProblem("slow");
  CHECK(next.Problem() == "slow");
}

}  // namespace
}  // namespace troth::internal
