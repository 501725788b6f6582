// The parts of the stored form that definitions and edits share.
#pragma once

#include "model/encoding.h"
#include "model/transaction.h"

namespace troth::internal {

// The first byte of every stored document.
inline constexpr char kFormVersion = 1;
// Takes the version byte off `bytes`.
Status TakeVersion(std::string_view what, std::string_view& bytes);

void WriteHeaders(FieldWriter& out, uint32_t number, const Headers& headers);
// Reads the header in the current field of `in`.
void ReadHeader(FieldReader& in, Headers& headers);

}  // namespace troth::internal
