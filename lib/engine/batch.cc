#include "engine/batch.h"

#include <iterator>

#include "base/text.h"
#include "engine/acts.h"

namespace troth::internal {
namespace {

template <class T>
void MoveBehind(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// A whole submit of what is prepared decides it; a workflow that is prepared again has given a sign
// of life. The others change nothing, and can be answered from the row.
bool IsTheEngines(const TransactionRow& wanted, const TransactionRow& existing) {
  if (wanted.status != TransactionStatus::kPrepared) {
    return existing.status == TransactionStatus::kPrepared;
  }
  return wanted.mode == Mode::kWorkflow && wanted.digest == existing.digest &&
         !HasEnded(existing.status);
}

}  // namespace

bool TryAppend(Batch& batch, Batch& more) {
  if (batch.writes.size() + more.writes.size() > Batch::kWritesMax) return false;
  if (batch.bytes + more.bytes > Batch::kBytesMax) return false;
  MoveBehind(batch.writes, more.writes);
  MoveBehind(batch.replies, more.replies);
  batch.bytes += more.bytes;
  return true;
}

Answers TakeSettledReplies(Batch& batch, const BatchResult& result) {
  Answers settled;
  if (result.kind != BatchResult::Kind::kCommitted) return settled;
  settled.reserve(batch.writes.size());
  for (size_t i = 0; i < batch.writes.size(); ++i) {
    const WriteResult& written = result.writes[i];
    const bool exists = written.kind == WriteResult::Kind::kGidExists && written.existing;
    if (written.kind != WriteResult::Kind::kOk && !exists) continue;
    const TransactionRow& wanted = batch.writes[i].row;
    const bool prepare = wanted.status == TransactionStatus::kPrepared;
    if (exists && IsTheEngines(wanted, *written.existing)) continue;
    for (PendingReply& pending : batch.replies[i]) {
      Answer answer = std::move(pending.answer);
      if (exists) {
        const bool same = written.existing->digest == wanted.digest;
        answer = prepare ? AnswerPrepared(wanted.mode, written.existing->status, same, wanted.gid)
                         : AnswerRepeated(written.existing->status, same, wanted.gid);
      }
      settled.emplace_back(std::move(pending.reply), std::move(answer));
    }
    batch.replies[i].clear();
  }
  return settled;
}

}  // namespace troth::internal
