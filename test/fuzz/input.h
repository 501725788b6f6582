// How a fuzzer's input is cut into values: whatever the bytes are, they mean something, and past
// their end there are zeros and empty pieces. Seeds are written with the opposite.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/encoding.h"

namespace troth::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  explicit Input(std::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  bool Bool() { return (Byte() & 1) != 0; }
  uint64_t Number() {
    uint64_t value = 0;
    if (!internal::TakeVarint(rest_, value)) rest_ = {};
    return value;
  }
  int64_t Signed() { return static_cast<int64_t>(Number()); }
  std::string Piece() {
    const size_t size = std::min<uint64_t>(Number(), rest_.size());
    std::string piece(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return piece;
  }
  std::string Rest() { return std::string(rest_); }

 private:
  std::string_view rest_;
};

class Output {
 public:
  Output& Byte(uint8_t byte) { return bytes_.push_back(static_cast<char>(byte)), *this; }
  Output& Number(uint64_t value) {
    internal::FieldWriter(bytes_).BareVarint(value);
    return *this;
  }
  Output& Signed(int64_t value) { return Number(static_cast<uint64_t>(value)); }
  Output& Piece(std::string_view piece) {
    Number(piece.size());
    return Rest(piece);
  }
  Output& Rest(std::string_view rest) { return bytes_.append(rest), *this; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace troth::fuzz
