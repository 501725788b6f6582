// Topics: a message's step whose action is "topic://<name>" goes to every subscriber of that topic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troth {

struct Subscriber {
  std::string url = {};     // called like any action; http(s) or local:
  std::string remark = {};  // for a person
};

struct Topic {
  std::string name = {};  // [A-Za-z0-9._-], 1 to 128 characters
  uint64_t version = 0;   // grows by one with each change, from 1; begins again after a deletion
  std::vector<Subscriber> subscribers = {};  // in the order in which they subscribed
  // Of ListTopics: why the subscribers can't be read; empty where they can. There are none here
  // then, and whoever needs them is answered kDataLoss, until the topic is deleted.
  std::string problem = {};
};

}  // namespace troth
