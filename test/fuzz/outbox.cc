// A row of an application's troth_outbox: gid and document.
//
// Property: it is kDataLoss, or a submission whose document gives an equal one, and whose
// transaction can be read again once it is stored.
#include "base/check.h"
#include "input.h"
#include "model/stored.h"
#include "outbox/document.h"
#include "transaction.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace troth::internal;
  troth::fuzz::Input in(data, size);
  const std::string gid = in.Piece();
  const auto read = outbox::DecodeDocument(gid, in.Rest());
  if (!read.ok()) {
    TROTH_CHECK(read.status().code() == troth::StatusCode::kDataLoss);
    return 0;
  }
  TROTH_CHECK(read->gid == gid);
  const auto again = outbox::DecodeDocument(gid, EncodeDocument(*read));
  TROTH_CHECK(again.ok());
  TROTH_CHECK(*again->definition == *read->definition);
  TROTH_CHECK(again->digest == read->digest);
  TROTH_CHECK(again->start == read->start);

  GlobalTransaction t = NewTransaction(gid, read->definition, troth::Time{});
  t.id = t.version = 1;
  if (read->start) t.start = *read->start;
  const auto stored = FromStored(troth::fuzz::StoredOf(t));
  TROTH_CHECK(stored.ok() && (*stored)->start == t.start);
  return 0;
}
