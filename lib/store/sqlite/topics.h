// The rows of troth_topic: one topic each, with its subscribers in one document.
//
// Changes are rare and topics few, so nothing here is kept prepared.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/store.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/writer.h"

namespace troth::internal::sqlite {

// Inside a write transaction. `refused`: by what the change says, or as this one topic can't be
// read; not by the file.
Status ChangeOneTopic(Writer& writer, const TopicChange& change, bool& refused);

Result<std::optional<Topic>> ReadTopic(Connection& connection, std::string_view name);
Result<std::vector<Topic>> ReadTopics(Connection& connection);

}  // namespace troth::internal::sqlite
