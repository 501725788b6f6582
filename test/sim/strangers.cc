#include "strangers.h"

#include <utility>

namespace troth::sim {

bool Strangers::Knock(bool owner_file_gone) {
  if (usurper_ != nullptr) return true;
  if (owner_file_gone) storage_.RemoveOwnerFile();
  auto store = storage_.NewStoreOfAnotherProcess();
  const auto info = store->Open({.path = storage_.path()});
  Stranger stranger{.when = recorder_.Now(), .owner_file_gone = owner_file_gone, .why = {}};
  stranger.opened = info.ok();
  stranger.epoch = info.ok() ? info->epoch : 0;
  stranger.why = info.status().ToString();
  recorder_.log().strangers.push_back(std::move(stranger));
  if (info.ok()) usurper_ = std::move(store);
  return info.ok();
}

}  // namespace troth::sim
