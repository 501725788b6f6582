// The application with a database of its own: it makes an order and the transaction that belongs to
// it in one commit, with SubmitInTransaction, or in two phases, with DoAndSubmit. Whatever comes
// between, it tries again until it knows how that ended.
#pragma once

#include "client.h"
#include "fibers.h"
#include "scenario.h"
#include "shop.h"

namespace troth::sim {

class Orders {
 public:
  // `shop`: null where the scenario has none.
  Orders(Client& client, Fibers& fibers, testing::Universe& universe, Shop* shop)
      : client_(client), fibers_(fibers), universe_(universe), shop_(shop) {}

  // From a fiber.
  void Run(const Planned& planned);

 private:
  class Attempt;

  Client& client_;
  Fibers& fibers_;
  testing::Universe& universe_;
  Shop* const shop_;
};

}  // namespace troth::sim
