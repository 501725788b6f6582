// Sagas over the wire: submit, wait, query.
#include "scene.h"

namespace troth::testing {

TEST_CASE("gateway: a saga is submitted, runs, and is shown with its branches in order (S1, A19)") {
  Scene scene;
  CHECK(scene.Post("submit", TransferJson("g1")) == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"submitted")"));
  scene.world.RunUntilIdle();
  const std::string shown = scene.Query("g1");
  CHECK(shown.starts_with(R"(200 {"branches":[{"id":0,"create_time":"20)"));
  CHECK(BranchStates(shown) ==
        "compensate=prepared action=succeed compensate=prepared action=succeed");
  CHECK(Has(shown, R"("bin_data":"eyJhbW91bnQiOjMwfQ==")"));
  CHECK(Has(shown, R"("url":"http://a/TransOut")"));
  CHECK(
      Has(shown, R"("trans_type":"saga","status":"succeed","protocol":"http","finish_time":"20)"));
  REQUIRE(scene.world.calls().size() == 2);
  CHECK(scene.world.calls()[0].payload == R"({"amount":30})");
  CHECK(scene.world.calls()[0].context.trans_type == "saga");
}

TEST_CASE("gateway: wait_result answers with the end (L17, L18)") {
  Scene scene;
  CHECK(scene.Post("submit", TransferJson("g1", R"(,"wait_result":true)")) == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));

  scene.world.Branch("http://b/TransIn").Fail("Insufficient balance");
  const std::string refused = scene.Post("submit", TransferJson("g2", R"(,"wait_result":true)"));
  CHECK(refused == R"(409 {"dtm_result":"FAILURE","message":"url:http://b/TransIn return failed: )"
                   R"(Insufficient balance FAILURE"})");
  const std::string shown = scene.Query("g2");
  CHECK(BranchStates(shown) ==
        "compensate=succeed action=succeed compensate=succeed action=failed");
  CHECK(Has(shown, R"("status":"failed","protocol":"http","rollback_time":"20)"));
  CHECK(Has(shown, R"("rollback_reason":"url:http://b/TransIn return failed: Insufficient)"));

  scene.world.Branch("http://b/TransIn").Fail("no FAILURE");
  CHECK(Has(scene.Post("submit", TransferJson("g3", R"(,"wait_result":true)")),
            R"(return failed: no FAILURE"})"));
}

TEST_CASE("gateway: wait_result says 425 while it goes on (L19)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing();
  const Time begun = scene.world.now();
  const std::string answer = scene.Post("submit", TransferJson("g1", R"(,"wait_result":true)"));
  CHECK(answer.starts_with(R"(425 {"dtm_result":"ONGOING","message":"g1 has not ended in time)"));
  CHECK(scene.world.now() - begun == 5s);
  scene.world.RunUntilIdle();
  CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));
}

TEST_CASE(
    "gateway: a saga submitted again is a success while it runs, and refused when it is decided "
    "(L4, L5, L6)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing();
  CHECK(scene.Post("submit", TransferJson("g1")) == kSuccess);
  CHECK(scene.Post("submit", TransferJson("g1")) == kSuccess);
  CHECK(scene.Post("submit", TransferJson("g1", R"(,"concurrent":true)")) ==
        R"(409 {"dtm_result":"FAILURE","message":"gid: g1 is taken by a transaction with another )"
        R"(content: FAILURE"})");
  scene.world.RunUntilIdle();
  CHECK(scene.world.Branch("http://a/TransOut").calls() == 1);
  CHECK(
      scene.Post("submit", TransferJson("g1")) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'succeed', cannot sumbmit. FAILURE"})");
}

TEST_CASE("gateway: a repetition that waits is told the end, not that there is one (L4, L17)") {
  Scene scene;
  scene.world.Branch("http://b/TransIn").Ongoing();
  CHECK(scene.Post("submit", TransferJson("g1")) == kSuccess);
  const std::string wait = R"(,"wait_result":true)";
  scene.world.Advance(9s);  // it goes on a second later
  CHECK(scene.Post("submit", TransferJson("g1", wait)) == kSuccess);
  CHECK(Has(scene.Query("g1"), R"("status":"succeed")"));
  CHECK(scene.Post("submit", TransferJson("g1", wait)) == kSuccess);
  CHECK(scene.world.Branch("http://a/TransOut").calls() == 1);

  scene.world.Branch("http://b/TransIn").Fail("no money");
  scene.Post("submit", TransferJson("g2", wait));
  CHECK(
      scene.Post("submit", TransferJson("g2", wait)) ==
      R"(409 {"dtm_result":"FAILURE","message":"current status 'failed', cannot sumbmit. FAILURE"})");
}

TEST_CASE("gateway: queries that find nothing answer as dtm does (A20, A21)") {
  Scene scene;
  CHECK(scene.Query("nobody") == R"(200 {"branches":[],"transaction":null})");
  CHECK(scene.Get("query") == R"(500 {"message":"no gid specified"})");
}

}  // namespace troth::testing
