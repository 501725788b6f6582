// A whole stored transaction: row, definition, edits, registered steps, state.
//
// Property: it is kDataLoss (kNotFound without parts), or a transaction that can be shown, and
// whose stored form gives an equal one and is then written again as it stands. Memory and time are
// bounded by what is read: see the limits in test/run.
#include "model/stored.h"
#include "base/check.h"
#include "transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troth;
  fuzz::Input in(data, size);
  internal::StoredTransaction stored = fuzz::ReadStored(in);
  stored.row.gid = "gid";
  const auto t = FromStored(stored);
  if (!t.ok()) {
    const StatusCode expected =
        stored.parts.empty() ? StatusCode::kNotFound : StatusCode::kDataLoss;
    TROTH_CHECK(t.status().code() == expected);
    return 0;
  }
  TROTH_CHECK(ToRecord(**t).status == stored.row.status);
  TROTH_CHECK(ToOutcome(**t).status == stored.row.status);

  const internal::StoredTransaction written = fuzz::StoredOf(**t);
  const auto again = FromStored(written);
  TROTH_CHECK(again.ok());
  TROTH_CHECK(fuzz::Same(**t, **again));
  TROTH_CHECK(EncodeState(**again) == written.state);
  return 0;
}
