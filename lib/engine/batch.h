// Who of a batch is answered by whom. The writer sees to what is durable, after it has posted the
// results to the engine; what was not written goes back to the engine with its replies.
#pragma once

#include "engine/event.h"

namespace troth::internal {

// Puts all of `more` behind what is in `batch`, if both together are not too much for one commit.
bool TryAppend(Batch& batch, Batch& more);

// Takes out of the batch the replies that its result settles, each with what it is to be told.
Answers TakeSettledReplies(Batch& batch, const BatchResult& result);

}  // namespace troth::internal
