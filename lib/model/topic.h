// Topics: how their subscribers change, and how a message's steps are expanded to them (R9).
//
// Plain functions. Where topics are kept is the store's business.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/field_checks.h"
#include "model/store.h"
#include "model/transaction.h"
#include "troth/coordinator.h"
#include "troth/status.h"
#include "troth/topic.h"

namespace troth::internal {

// What stands behind "topic://"; nothing for any other URL.
std::optional<std::string_view> TopicOf(std::string_view url);
// [A-Za-z0-9._-]{1,128}
bool IsTopicName(std::string_view name);

// Of a topic's name, and of a subscriber; the field is "topic", "url" or "remark".
Status CheckTopic(std::string_view topic);
Status CheckSubscriber(const Subscriber& subscriber, const Limits& limits,
                       const UrlCheck& check_url);

// "01", "02", …, "100": of what stands at `index`.
std::string BranchNumber(size_t index);

// What the change makes of the topic as it is stored (nothing: there is none). Not OK: it is
// refused, with the protocol's own words for why.
Status ApplyTopicChange(const TopicChange& change, std::optional<Topic>& topic);

// The stored form of a topic's subscribers.
std::string EncodeSubscribers(const std::vector<Subscriber>& subscribers);
Result<std::vector<Subscriber>> DecodeSubscribers(std::string_view bytes);

using TopicLookup = std::function<Result<std::optional<Topic>>(std::string_view name)>;

// The definition with each step that names a topic replaced by one for each of its subscribers: a
// branch id "02" becomes "02-01", "02-02", …, or stays "02" for a single one. kInvalidArgument
// ("steps[1].action: …"): no such topic, no subscriber, or too much in all.
Result<std::shared_ptr<const Definition>> ExpandTopics(
    const std::shared_ptr<const Definition>& definition, const Limits& limits,
    const TopicLookup& lookup);

}  // namespace troth::internal
