#include "model/encoding.h"

#include <doctest/doctest.h>

namespace troth::internal {
namespace {

TEST_CASE("encoding: numbers at their ends are read back") {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, ~uint64_t{0}}) {
    std::string bytes;
    FieldWriter(bytes).Varint(1, value);
    FieldReader in("test", bytes);
    REQUIRE(in.Next());
    CHECK(in.Varint() == value);
    CHECK_FALSE(in.Next());
    CHECK(in.status().ok());
  }
  using Limits = std::numeric_limits<int64_t>;
  for (const int64_t value : {int64_t{0}, int64_t{-1}, Limits::min(), Limits::max()}) {
    std::string bytes;
    FieldWriter(bytes).Signed(1, value);
    FieldReader in("test", bytes);
    REQUIRE(in.Next());
    CHECK(in.Signed(Limits::min(), Limits::max()) == value);
  }
}

TEST_CASE("encoding: a nested field is read back whatever its size and its hint") {
  for (const size_t size : {0, 1, 127, 128, 16'383, 16'384, 70'000}) {
    for (const size_t hint : {0, 1, 127, 128, 16'384, 1'000'000}) {
      std::string bytes = "before";
      FieldWriter out(bytes);
      const FieldWriter::Mark mark = out.Open(3, hint);
      out.BareBytes(std::string(size, 'x'));
      out.Close(mark);
      out.Varint(4, 5);
      FieldReader in("test", std::string_view(bytes).substr(6));
      REQUIRE(in.Next());
      CHECK(in.Bytes() == std::string(size, 'x'));
      REQUIRE(in.Next());
      CHECK(in.Varint() == 5);
    }
  }
}

std::string ProblemOf(std::string_view bytes, void (*read)(FieldReader&)) {
  FieldReader in("test", bytes);
  while (in.Next()) read(in);
  CHECK_FALSE(in.Next());
  return in.status().message();
}

TEST_CASE("encoding: what is broken is named") {
  const auto skip = [](FieldReader&) {};
  CHECK(ProblemOf("", skip) == "");
  CHECK(ProblemOf("\x80", skip) == "test: broken tag");
  CHECK(ProblemOf("\x01", skip) == "test: broken tag");  // number 0
  CHECK(ProblemOf("\x07", skip) == "test: field 1: unknown type");
  CHECK(ProblemOf("\x04", skip) == "test: field 1: broken number");
  CHECK(ProblemOf("\x05\x01", skip) == "test: field 1: ends too early");
  CHECK(ProblemOf("\x06\x02\x01", skip) == "test: field 1: ends too early");
  CHECK(ProblemOf("\x06", skip) == "test: field 1: broken length");
  CHECK(ProblemOf("\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", skip) ==
        "test: field 1: broken number");  // 65 bits
}

TEST_CASE("encoding: a value of another type or out of range is zero and ends the walk") {
  CHECK(ProblemOf("\x04\x05", [](FieldReader& in) { CHECK(in.Bytes().empty()); }) ==
        "test: field 1: wrong type");
  CHECK(ProblemOf("\x06\x01x", [](FieldReader& in) { CHECK(in.Varint() == 0); }) ==
        "test: field 1: wrong type");
  CHECK(ProblemOf("\x04\x02", [](FieldReader& in) { CHECK_FALSE(in.Bool()); }) ==
        "test: field 1: out of range");
  CHECK(ProblemOf("\x04\x80\x02", [](FieldReader& in) { CHECK(in.Uint<uint8_t>() == 0); }) ==
        "test: field 1: out of range");
}

}  // namespace
}  // namespace troth::internal
