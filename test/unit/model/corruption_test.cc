// Damaged bytes: every truncation and every changed byte gives a value or kDataLoss. Run under the
// address and undefined behaviour sanitizers it also shows that nothing else happens.
#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "model/stored.h"
#include "sample.h"

namespace troth::internal {
namespace {

void CheckHarmless(const Status& status) {
  if (!status.ok() && status.code() != StatusCode::kDataLoss) CHECK(status.ToString() == "");
}

using Read = std::function<Status(const std::string& bytes)>;

void TruncateEverywhere(const std::string& bytes, const Read& read) {
  for (size_t size = 0; size < bytes.size(); ++size) CheckHarmless(read(bytes.substr(0, size)));
}

// Some values for each byte: other lengths, other types, the largest, the next.
void ChangeEverywhere(std::string bytes, const Read& read) {
  for (char& byte : bytes) {
    const char was = byte;
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF}) {
      byte = static_cast<char>(was ^ mask);
      CheckHarmless(read(bytes));
    }
    byte = was;
  }
}

void Damage(const std::string& bytes, const Read& read) {
  CHECK(read(bytes).ok());
  TruncateEverywhere(bytes, read);
  ChangeEverywhere(bytes, read);
}

Status ReadState(StoredTransaction& stored, const std::string& state) {
  stored.state = state;
  const auto read = FromStored(stored);
  if (!read.ok()) return read.status();
  // What was accepted can also be used.
  (void)ToRecord(**read);
  (void)EncodeState(**read);
  return Status();
}

TEST_CASE("corruption: a damaged state gives a value or kDataLoss") {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    StoredTransaction stored = Stored(RandomTransaction(draw));
    Damage(stored.state, [&](const std::string& bytes) { return ReadState(stored, bytes); });
  }
}

TEST_CASE("corruption: a damaged state of a plain saga gives a value or kDataLoss") {
  GlobalTransaction t = PlainSaga(20);
  t.branches[5].started = Started::kYes;
  t.branches[5].calls = 3;
  StoredTransaction stored = Stored(t);
  const Read read = [&](const std::string& bytes) { return ReadState(stored, bytes); };
  Damage(stored.state, read);
}

TEST_CASE("corruption: a damaged definition gives a value or kDataLoss") {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    Draw draw(seed);
    Damage(EncodeDefinition(RandomDefinition(draw)),
           [](const std::string& bytes) { return DecodeDefinition(bytes).status(); });
  }
}

TEST_CASE("corruption: a damaged edit gives a value or kDataLoss") {
  Edit edit;
  edit.branch = 300;
  edit.url = "local:x";
  edit.payload = std::string(200, 'p');
  edit.headers = {{"name", "value"}};
  Damage(EncodeEdit(edit), [](const std::string& bytes) { return DecodeEdit(bytes).status(); });
}

TEST_CASE("corruption: bytes of chance give a value or kDataLoss") {
  Draw draw(1);
  StoredTransaction stored = Stored(PlainSaga(5));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes(1 + draw() % 60, '\1');
    for (size_t at = 1; at < bytes.size(); ++at) bytes[at] = static_cast<char>(draw());
    CheckHarmless(ReadState(stored, bytes));
    CheckHarmless(DecodeDefinition(bytes).status());
    CheckHarmless(DecodeEdit(bytes).status());
  }
}

}  // namespace
}  // namespace troth::internal
