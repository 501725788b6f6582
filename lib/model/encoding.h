// Tagged fields: the layer under every stored form.
//
// A field is a varint `number << 2 | type`, then its value: a varint, eight bytes, or a varint
// length and that many bytes. Whole numbers that may be negative are zigzag varints. Knows nothing
// of what fields mean. Reading never trusts its input: it allocates nothing by itself, and every
// broken byte ends in a status.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "troth/status.h"

namespace troth::internal {

enum class WireType : uint8_t { kVarint = 0, kFixed = 1, kBytes = 2 };

class FieldWriter {
 public:
  // Appends to `out`, which outlives the writer.
  explicit FieldWriter(std::string& out) : out_(out) {}

  void Varint(uint32_t number, uint64_t value);
  void Signed(uint32_t number, int64_t value);
  void Double(uint32_t number, double value);
  void Bytes(uint32_t number, std::string_view bytes);

  // A field made of fields, or of bare varints: everything written between Open and Close. A hint
  // of at least its size saves moving it when its length is written.
  struct Mark {
    size_t begin = 0;
    size_t width = 0;
  };
  [[nodiscard]] Mark Open(uint32_t number, size_t size_hint = 0);
  void Close(Mark mark);

  void BareVarint(uint64_t value);
  void BareBytes(std::string_view bytes) { out_.append(bytes); }

 private:
  std::string& out_;
};

// Walks over fields:
//   FieldReader in("step", bytes);
//   while (in.Next()) switch (in.number()) { case 1: step.policy = in.Uint<uint16_t>(); break; … }
//   return in.status();
// The first thing that is wrong ends the walk; a value read then is zero or empty.
class FieldReader {
 public:
  FieldReader(std::string_view what, std::string_view bytes) : what_(what), rest_(bytes) {}

  bool Next();
  uint32_t number() const { return number_; }
  // The whole field, its tag included.
  std::string_view raw() const { return raw_; }

  uint64_t Varint(uint64_t max = std::numeric_limits<uint64_t>::max());
  template <class T>
  T Uint(uint64_t max = std::numeric_limits<T>::max()) {
    static_assert(std::is_unsigned_v<T>);
    return static_cast<T>(Varint(max));
  }
  // An enumeration whose numbers are `first` to `last`, without a gap.
  template <class E>
  E Enum(E first, E last) {
    const uint64_t value = Varint(static_cast<uint64_t>(last));
    if (value < static_cast<uint64_t>(first)) Fail("out of range");
    return static_cast<E>(value);
  }
  bool Bool() { return Varint(1) != 0; }
  int64_t Signed(int64_t min, int64_t max);
  double Double();
  std::string_view Bytes();

  // Ends the walk: of the current field, or with what reading a part of it answered.
  void Fail(std::string_view problem);
  void Keep(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }
  // OK, or kDataLoss with what is wrong and where.
  const Status& status() const { return status_; }

 private:
  bool Is(WireType type);

  std::string_view what_;
  std::string_view rest_;
  std::string_view raw_;
  uint32_t number_ = 0;
  WireType type_ = WireType::kVarint;
  uint64_t value_ = 0;
  std::string_view bytes_;
  Status status_;
};

// Takes a varint off the front of `rest`; false when there is none of at most 64 bits.
bool TakeVarint(std::string_view& rest, uint64_t& value);

}  // namespace troth::internal
