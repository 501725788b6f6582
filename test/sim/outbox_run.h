// The application's own database under one trouble, beside the coordinator's store on the same
// disk: orders with SubmitInTransaction and with DoAndSubmit. An order is there exactly when its
// transaction is, in every image (I29).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "../unit/store/temporary_folder.h"
#include "disk_database.h"
#include "ordeal.h"
#include "troth/outbox.h"

namespace troth::sim {

class OutboxRun {
 public:
  explicit OutboxRun(const Trouble& trouble);
  void Play();
  const Ordeal& ordeal() const { return ordeal_; }

 private:
  void MakeShop();
  void Connect();
  // -1: they can't be read.
  int64_t Orders(const std::string& gid);
  void Order(const std::string& gid);
  void CommitOrder(const std::string& gid);
  void OrderInTwoPhases(const std::string& gid);
  void Settle(const std::string& gid);
  bool Recovered();
  void CheckBooks();
  void CheckDeliveries();

  // The outbox looks at the file by the system's means, too: an empty one stands there.
  const internal::TemporaryFolder folder_;
  const std::string app_;
  Ordeal ordeal_;
  std::unique_ptr<Database> db_;  // this life's
  std::set<std::string> gids_;
  std::set<std::string> promised_;  // told to be durable
  std::set<std::string> refused_;   // told that nothing has committed
  std::set<std::string> delivered_;
};

}  // namespace troth::sim
