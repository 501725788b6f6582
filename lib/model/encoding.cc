#include "model/encoding.h"

#include <bit>

#include "base/text.h"

namespace troth::internal {
namespace {

constexpr uint64_t kNumberMax = std::numeric_limits<uint32_t>::max() >> 2;

uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ (value < 0 ? ~uint64_t{0} : 0);
}
int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ ((value & 1) != 0 ? ~uint64_t{0} : 0));
}

size_t VarintWidth(uint64_t value) {
  return value == 0 ? 1 : (static_cast<size_t>(std::bit_width(value)) + 6) / 7;
}

uint64_t TagOf(uint32_t number, WireType type) {
  return uint64_t{number} << 2 | static_cast<uint64_t>(type);
}

}  // namespace

void FieldWriter::BareVarint(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void FieldWriter::Varint(uint32_t number, uint64_t value) {
  BareVarint(TagOf(number, WireType::kVarint));
  BareVarint(value);
}

void FieldWriter::Signed(uint32_t number, int64_t value) { Varint(number, ZigZag(value)); }

void FieldWriter::Double(uint32_t number, double value) {
  BareVarint(TagOf(number, WireType::kFixed));
  const auto bits = std::bit_cast<uint64_t>(value);
  for (int shift = 0; shift < 64; shift += 8) out_.push_back(static_cast<char>(bits >> shift));
}

void FieldWriter::Bytes(uint32_t number, std::string_view bytes) {
  BareVarint(TagOf(number, WireType::kBytes));
  BareVarint(bytes.size());
  out_.append(bytes);
}

FieldWriter::Mark FieldWriter::Open(uint32_t number, size_t size_hint) {
  BareVarint(TagOf(number, WireType::kBytes));
  const Mark mark{out_.size(), VarintWidth(size_hint)};
  out_.append(mark.width, '\0');
  return mark;
}

void FieldWriter::Close(Mark mark) {
  uint64_t length = out_.size() - mark.begin - mark.width;
  const size_t needed = VarintWidth(length);
  if (needed > mark.width) {
    out_.insert(mark.begin, needed - mark.width, '\0');
    mark.width = needed;
  }
  // Padded with empty groups where the hint was larger.
  for (size_t i = 0; i < mark.width; ++i) {
    const bool last = i + 1 == mark.width;
    out_[mark.begin + i] = static_cast<char>((length & 0x7F) | (last ? 0 : 0x80));
    length >>= 7;
  }
}

bool TakeVarint(std::string_view& rest, uint64_t& value) {
  value = 0;
  for (unsigned i = 0; i < 10 && i < rest.size(); ++i) {
    const auto byte = static_cast<uint8_t>(rest[i]);
    if (i == 9 && byte > 1) return false;
    value |= uint64_t{byte & 0x7Fu} << (7 * i);
    if (byte < 0x80) {
      rest.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool FieldReader::Next() {
  number_ = 0;
  if (!status_.ok() || rest_.empty()) return false;
  const std::string_view begin = rest_;
  uint64_t tag = 0;
  if (!TakeVarint(rest_, tag) || tag >> 2 > kNumberMax || tag >> 2 == 0) {
    return Fail("broken tag"), false;
  }
  number_ = static_cast<uint32_t>(tag >> 2);
  type_ = static_cast<WireType>(tag & 3);
  value_ = 0;
  bytes_ = {};
  switch (type_) {
    case WireType::kVarint:
      if (!TakeVarint(rest_, value_)) return Fail("broken number"), false;
      break;
    case WireType::kFixed:
      if (rest_.size() < 8) return Fail("ends too early"), false;
      bytes_ = rest_.substr(0, 8);
      rest_.remove_prefix(8);
      break;
    case WireType::kBytes: {
      uint64_t length = 0;
      if (!TakeVarint(rest_, length)) return Fail("broken length"), false;
      if (length > rest_.size()) return Fail("ends too early"), false;
      bytes_ = rest_.substr(0, length);
      rest_.remove_prefix(length);
      break;
    }
    default:
      return Fail("unknown type"), false;
  }
  raw_ = begin.substr(0, begin.size() - rest_.size());
  return true;
}

bool FieldReader::Is(WireType type) {
  if (!status_.ok()) return false;
  if (type_ != type) Fail("wrong type");
  return type_ == type;
}

uint64_t FieldReader::Varint(uint64_t max) {
  if (!Is(WireType::kVarint)) return 0;
  if (value_ > max) return Fail("out of range"), 0;
  return value_;
}

int64_t FieldReader::Signed(int64_t min, int64_t max) {
  if (!Is(WireType::kVarint)) return 0;
  const int64_t value = UnZigZag(value_);
  if (value < min || value > max) return Fail("out of range"), 0;
  return value;
}

double FieldReader::Double() {
  if (!Is(WireType::kFixed)) return 0;
  uint64_t bits = 0;
  for (unsigned i = 0; i < 8; ++i) bits |= uint64_t{static_cast<uint8_t>(bytes_[i])} << (8 * i);
  return std::bit_cast<double>(bits);
}

std::string_view FieldReader::Bytes() { return Is(WireType::kBytes) ? bytes_ : std::string_view(); }

void FieldReader::Fail(std::string_view problem) {
  Keep(Status(StatusCode::kDataLoss, number_ == 0
                                         ? Concat(what_, ": ", problem)
                                         : Concat(what_, ": field ", number_, ": ", problem)));
}

}  // namespace troth::internal
