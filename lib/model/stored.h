// The stored form of a transaction: how its state and its immutable parts become bytes, and back.
//
// A version byte, then tagged fields; payloads are raw bytes. Fields that this version does not
// know are kept on a rewrite. Decoding trusts nothing: any bytes give a value or kDataLoss, never
// undefined behaviour.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/store.h"
#include "model/transaction.h"
#include "troth/status.h"

namespace troth::internal {

std::string EncodeDefinition(const Definition& definition);
Result<Definition> DecodeDefinition(std::string_view bytes);

// A step that is registered later is a part by itself.
std::string EncodeStep(const Step& step);
Result<Step> DecodeStep(std::string_view bytes);

// What a workflow records, and its result, too.
std::string EncodeProgress(const Progress& progress);
Result<Progress> DecodeProgress(std::string_view bytes);
std::string EncodeResult(std::string_view result);
Result<std::string> DecodeResult(std::string_view bytes);

std::string EncodeEdit(const Edit& edit);
Result<Edit> DecodeEdit(std::string_view bytes);

std::string EncodeState(const GlobalTransaction& t);

// The row that a write of `t` stores now, `due` and `parked` apart.
TransactionRow RowOf(const GlobalTransaction& t);

// Puts a stored transaction together and checks that it can be true. Its volatile part is that of a
// fresh life: nothing in flight, `called` as `started`, durable as stored. A tombstone (no parts)
// has no definition: kNotFound.
Result<std::unique_ptr<GlobalTransaction>> FromStored(const StoredTransaction& stored);

// The digest of a content (R16): what makes two submits of one gid "the same". Prefixed by the
// version of its form.
std::string DigestOf(const Definition& definition);

}  // namespace troth::internal
