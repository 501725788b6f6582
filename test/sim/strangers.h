// Another process that opens the store's file while a coordinator has it: it must be kept out. And
// one that nothing keeps out early, as somebody has removed the owner's file: then the store itself
// tells the two apart (R25).
#pragma once

#include <memory>

#include "model/store.h"
#include "recorder.h"
#include "storage.h"

namespace troth::sim {

class Strangers {
 public:
  Strangers(Storage& storage, Recorder& recorder) : storage_(storage), recorder_(recorder) {}

  // True: the store is another process's now.
  bool Knock(bool owner_file_gone);
  // Of a life of the coordinator: they die with it. Before its disk goes on.
  void Leave() { usurper_.reset(); }

 private:
  Storage& storage_;
  Recorder& recorder_;
  std::unique_ptr<internal::Store> usurper_;
};

}  // namespace troth::sim
