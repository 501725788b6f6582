// Writes first inputs for the fuzzers whose inputs chance would hardly find: seeds FOLDER. The
// corpora in the tree are made of them, and of what the fuzzers found from there: see
// test/fuzz/run.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>

#include "../unit/model/sample.h"
#include "input.h"
#include "model/topic.h"
#include "outbox/document.h"
#include "transaction.h"

namespace troth::fuzz {
namespace {

using internal::Draw;

constexpr uint64_t kSeeds = 24;

using Make = std::function<std::string(uint64_t seed)>;

void WriteSeeds(const std::filesystem::path& folder, const std::string& fuzzer, const Make& make) {
  std::filesystem::create_directories(folder / fuzzer);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::string name = "seed-" + std::to_string(seed);
    std::ofstream(folder / fuzzer / name, std::ios::binary) << make(seed);
  }
}

internal::GlobalTransaction RandomTransaction(uint64_t seed) {
  Draw draw(seed);
  return internal::RandomTransaction(draw);
}

// Every fourth is a workflow.
internal::GlobalTransaction RandomOfAnyMode(uint64_t seed) {
  Draw draw(seed);
  return seed % 4 == 3 ? internal::RandomWorkflow(draw) : internal::RandomTransaction(draw);
}

std::string Definition(uint64_t seed) {
  const internal::GlobalTransaction t = RandomTransaction(seed);
  if (seed % 12 == 0) return EncodeDefinition(*RandomOfAnyMode(3).definition);
  if (seed % 12 == 3) return internal::EncodeProgress({.branch_id = "01", .op = "action"});
  if (seed % 3 == 0) return EncodeDefinition(*t.definition);
  if (seed % 3 == 1) return EncodeStep(t.definition->steps.front());
  return t.edits.empty() ? internal::EncodeEdit({}) : EncodeEdit(*t.edits.begin()->second);
}

// Tcc and xa with a step that was registered later, the others as they come.
std::string Stored(uint64_t seed) {
  internal::GlobalTransaction t = RandomOfAnyMode(seed);
  if (t.mode() == Mode::kTcc || t.mode() == Mode::kXa) {
    internal::Step step = t.definition->steps.front();
    step.policy = 0;
    step.after.clear();
    t.registered.push_back(std::make_shared<const internal::Step>(step));
    t.registered_parts.push_back(t.parts++);
    AddBranches(t.mode(), t.definition->steps.size(), t.branches);
  }
  Output out;
  WriteStored(out, StoredOf(t));
  return out.bytes();
}

std::string Life(uint64_t seed) {
  Draw draw(seed);
  Output out;
  for (int pieces = 0; pieces < 2; ++pieces) {  // results, then acts
    std::string bytes;
    for (int i = 0; i < 20; ++i) bytes.push_back(static_cast<char>(draw()));
    out.Piece(bytes);
  }
  out.Rest(Stored(seed));
  return out.bytes();
}

std::string Subscribers(uint64_t seed) {
  std::vector<Subscriber> subscribers;
  for (uint64_t i = 0; i < seed % 5; ++i) {
    subscribers.push_back({.url = "http://a/" + std::to_string(i), .remark = i == 2 ? "why" : ""});
  }
  return internal::EncodeSubscribers(subscribers);
}

std::string Outbox(uint64_t seed) {
  Draw draw(seed);
  internal::outbox::Submission submission{
      .gid = "gid", .definition = {}, .digest = {}, .start = {}};
  submission.definition =
      std::make_shared<const internal::Definition>(internal::RandomDefinition(draw));
  if (seed % 2 == 0) submission.digest = DigestOf(*submission.definition);
  if (seed % 3 == 0) submission.start = Time(std::chrono::milliseconds(1'700'000'000'000));
  return Output().Piece(submission.gid).Rest(EncodeDocument(submission)).bytes();
}

std::string Query(uint64_t seed) {
  std::string query = "gid=g" + std::to_string(seed) + "&trans_type=saga&branch_id=01&op=action";
  if (seed % 2 == 0) query += "&dtm=http%3A%2F%2Fa&phase2_url=b";
  if (seed % 5 == 0) query += "&branch_type=try";
  return query;
}

std::string Url(uint64_t seed) {
  const std::string urls[] = {"http://a",         "https://bank.example:8443/out?a=b#c",
                              "http://[::1]:8/",  "local:reserve",
                              "local:name?query", "HTTP://A.B/\xC3\xA4?x"};
  return urls[seed % 6];
}

std::string Answer(uint64_t seed) {
  const std::string answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nSUCCESS",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nFAILURE",
      "HTTP/1.0 425 Too Early\r\nKeep-Alive: timeout=5, max=100\r\n\r\nONGOING",
      "HTTP/1.1 302 Found\r\nLocation: http://a/\r\nConnection: close\r\n\r\n",
      "HTTP/1.1 204 No Content\r\n\r\n"};
  return std::string(1, seed < 12 ? '\0' : '\1') + answers[seed % 6];
}

std::string JsonRpc(uint64_t seed) {
  Output out;
  if (seed % 4 == 0) {
    out.Byte(0).Piece("gid").Piece("saga").Piece("01").Piece("action");
    out.Piece("http://a/rpc?method=TransIn");
    const std::string payloads[] = {"{\"amount\":30}", "null", " { \"gid\" : [1] } ", "[]"};
    return out.Rest(payloads[seed / 4 % 4]).bytes();
  }
  if (seed % 4 == 1) return out.Byte(9).Byte(static_cast<uint8_t>(seed / 4)).Rest("text").bytes();
  const std::string answers[] = {R"({"jsonrpc":"2.0","id":"x","result":null})",
                                 R"({"error":{"code":-32901,"message":"no money"}})",
                                 R"({"error":{"code":-32902}})",
                                 R"({"error":{"code":-32603,"message":"FAILURE"}})",
                                 R"({"error":"no"})",
                                 "ONGOING"};
  return out.Byte(seed % 8 < 4 ? 2 : 6).Rest(answers[seed / 4 % 6]).bytes();
}

std::string Access(uint64_t seed) {
  Output out;
  if (seed % 2 == 0) {
    const std::string urls[] = {"+/x", "+/%2e%2E/x", "http://a/api?x", "local:reserve"};
    out.Byte(1).Byte(2).Piece("http://a/api").Piece("local:reserve");
    return out.Rest(urls[seed / 2 % 4]).bytes();
  }
  const std::string hosts[] = {"localhost:1", "127.0.0.1", "[::1]:80", "bank.example"};
  out.Byte(0).Byte(static_cast<uint8_t>(seed / 2)).Byte(2);
  out.Byte(0).Piece(hosts[seed / 2 % 4]);
  if (seed % 3 == 0) out.Byte(2).Piece("none");
  if (seed % 3 != 0) out.Byte(3).Piece("Bearer token");
  return out.Piece("token").bytes();
}

}  // namespace
}  // namespace troth::fuzz

int main(int argc, char** argv) {
  using namespace troth::fuzz;
  if (argc != 2) return std::cerr << "usage: seeds FOLDER\n", 2;
  const std::filesystem::path folder = argv[1];
  WriteSeeds(folder, "definition", Definition);
  WriteSeeds(folder, "stored", Stored);
  WriteSeeds(folder, "life", Life);
  WriteSeeds(folder, "topic", Subscribers);
  WriteSeeds(folder, "outbox", Outbox);
  WriteSeeds(folder, "query", Query);
  WriteSeeds(folder, "url", Url);
  WriteSeeds(folder, "answer", Answer);
  WriteSeeds(folder, "json_rpc", JsonRpc);
  WriteSeeds(folder, "access", Access);
}
