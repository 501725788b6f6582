// What Prometheus reads.
#include <algorithm>

#include "scene.h"

namespace troth::testing {
namespace {

std::string Metrics(Scene& scene) { return scene.Get("/api/metrics"); }

size_t SeriesOf(const std::string& text) {
  size_t series = 0;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    if (text[begin] != '#') ++series;
    begin = end + 1;
  }
  return series;
}

}  // namespace

TEST_CASE("metrics: counters of transactions, calls and the store are told (A38)") {
  Scene scene;
  scene.Post("submit", TransferJson("g1", R"(,"wait_result":true)"));
  scene.world.Branch("http://b/TransIn").Fail("no");
  scene.Post("submit", TransferJson("g2", R"(,"wait_result":true)"));
  const std::string text = Metrics(scene);
  CHECK(Has(text, "# TYPE troth_transactions_accepted_total counter\n"));
  CHECK(Has(text, "\ntroth_transactions_accepted_total{mode=\"saga\"} 2\n"));
  CHECK(Has(text, "\ntroth_transactions_succeeded_total{mode=\"saga\"} 1\n"));
  CHECK(Has(text, "\ntroth_transactions_failed_total{mode=\"saga\"} 1\n"));
  CHECK(Has(text, "\ntroth_calls_total{result=\"success\"} 5\n"));
  CHECK(Has(text, "\ntroth_calls_total{result=\"failure\"} 1\n"));
  CHECK(Has(text, "\ntroth_up 1\n"));
  CHECK(Has(text, "\ntroth_store_ok 1\n"));
  CHECK(Has(text, "\ntroth_gateway_answers_total{status=\"200\"} 1\n"));
  CHECK(Has(text, "\ntroth_gateway_answers_total{status=\"409\"} 1\n"));
  CHECK(Has(text, "\ntroth_info{version=\"" + std::string(Version()) + "\"} 1\n"));
  CHECK(scene.Ask({.method = "POST", .path = "/api/metrics"}) == R"(405 {"message":"use GET"})");
}

TEST_CASE("metrics: as many series after 100,000 transactions of all kinds as before the first") {
  Scene scene;
  const size_t before = SeriesOf(Metrics(scene));
  CHECK(before > 30);
  for (int i = 0; i < 100'000; ++i) {
    const std::string n = std::to_string(i);
    switch (i % 4) {
      case 0:
        scene.Post("submit", R"({"gid":"s)" + n + R"(","trans_type":"saga","payloads":[""],)" +
                                 R"("steps":[{"action":"http://host)" + n + R"(/do"}]})");
        break;
      case 1:
        scene.Post("submit", R"({"gid":"m)" + n + R"(","trans_type":"msg","payloads":[""],)" +
                                 R"("steps":[{"action":""}]})");
        break;
      case 2:
        scene.Post("prepare", R"({"gid":"t)" + n + R"(","trans_type":"tcc"})");
        scene.Post("submit", R"({"gid":"t)" + n + R"(","trans_type":"tcc"})");
        break;
      default:
        scene.Get("query", {{"gid", n}});
        scene.Get("no/" + n);
        break;
    }
    if (i % 1000 == 0) scene.world.RunUntilIdle();
  }
  const std::string after = Metrics(scene);
  CHECK(SeriesOf(after) == before);
  CHECK(Has(after, "\ntroth_transactions_accepted_total{mode=\"tcc\"} 25000\n"));
}

}  // namespace troth::testing
