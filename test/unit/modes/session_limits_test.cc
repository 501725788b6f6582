// The limits of a transaction that grows while its session calls.
#include "scene.h"

namespace troth::testing {
namespace {

TEST_CASE("tcc: what its branches weigh in all is limited, and the same branch again is no other") {
  CoordinatorOptions options;
  options.limits.transaction_bytes = 1'000;
  options.limits.steps = 2;
  World world(Instant(options));
  Tcc tcc = BeginTcc(world);
  TccBranch branch = Trip("a");
  branch.payload = std::string(600, 'x');
  REQUIRE(tcc.Call(branch).ok());
  const Status heavy = tcc.Call(branch).status();
  CHECK(heavy.code() == StatusCode::kResourceExhausted);
  CHECK(heavy.message().find("limits.transaction_bytes") != std::string::npos);
  CHECK(Look(world, tcc.gid()).branches.size() == 2);

  const BranchContext context{
      .gid = tcc.gid(), .trans_type = "tcc", .branch_id = "01", .op = "try"};
  for (int i = 0; i < 2; ++i) {  // the second time the transaction has as many as it may
    Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
    REQUIRE(joined.ok());
    const auto called = joined->Call(Trip("b"));
    CHECK_MESSAGE(called.ok(), called.status());
  }
  Result<Tcc> joined = Tcc::Join(world.coordinator(), context);
  REQUIRE(joined.ok());
  CHECK(joined->Call(Trip("b")).ok());
  const Status many = joined->Call(Trip("c")).status();
  CHECK(many.code() == StatusCode::kResourceExhausted);
  CHECK(many.message().find("limits.steps") != std::string::npos);
}

}  // namespace
}  // namespace troth::testing
