// The other modes by 64 clients, with local branches that do nothing, beside the writes that they
// need: tcc, message, outbox.
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "database.h"
#include "group_commit.h"
#include "groups.h"
#include "load.h"
#include "local.h"
#include "machine.h"
#include "troth/message.h"
#include "troth/outbox.h"
#include "troth/tcc.h"

namespace troth::bench {
namespace {

constexpr int kClients = 64;
constexpr char kBranch[] = "local:nothing";

Load LoadOf(const Bench& bench) { return {.clients = kClients, .time = bench.round_time()}; }

void WaitForSuccess(Coordinator& coordinator, const std::string& gid) {
  const Outcome outcome = Take(coordinator.Wait(gid, std::chrono::minutes(1)), "wait");
  Check(outcome.succeeded(), "a transaction has failed");
}

using RunOne = std::function<void(Coordinator&)>;

double PerSecond(const Load& load, const RunOne& run) {
  const TemporaryFolder folder;
  Coordinator coordinator = OpenLocal({.store = folder.File("troth.db")});
  const double rate = Rate(load, [&](int) { run(coordinator); });
  Check(coordinator.Close(), "close");
  return rate;
}

// What one of them writes.
Shape ShapeOfOne(const RunOne& run) {
  const TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  Coordinator coordinator = OpenLocal({.store = store});
  run(coordinator);
  Check(coordinator.Close(), "close");
  return ShapeOf(store);
}

using WriteOne = std::function<void(GroupCommit&, RawTransaction&)>;

double RawPerSecond(const Load& load, const Shape& shape, const WriteOne& write) {
  const TemporaryFolder folder;
  GroupCommit sqlite(folder.File("ceiling.db"));
  return Rate(load, [&](int) {
    RawTransaction raw(shape);
    write(sqlite, raw);
  });
}

void AddMode(Bench& bench, Figure figure, const RunOne& run, const WriteOne& write) {
  const Shape shape = ShapeOfOne(run);
  const Load load = LoadOf(bench);
  figure.goal = AtLeast(0.7);
  bench.AddByTurns(
      std::move(figure), [&] { return PerSecond(load, run); },
      [&] { return RawPerSecond(load, shape, write); });
}

void TryTwo(Coordinator& coordinator) {
  TccOptions options;
  const auto accepted = RunTcc(coordinator, options, [](Tcc& tcc) -> Status {
    for (int i = 0; i < 2; ++i) {
      const auto held =
          tcc.Call({.try_url = kBranch, .confirm_url = kBranch, .cancel_url = kBranch});
      if (!held.ok()) return held.status();
    }
    return {};
  });
  Check(accepted.status(), "tcc");
  WaitForSuccess(coordinator, options.gid);
}

void TccMode(Bench& bench) {
  AddMode(bench,
          {.name = "tcc",
           .value = {},
           .unit = "tccs/s",
           .counted = "begun, two branches registered and tried, committed, confirmed and ended, "
                      "by 64 clients: five durable steps, each waited for",
           .against = "SQLite, the same five writes by one writer in groups, each awaited"},
          TryTwo, [](GroupCommit& sqlite, RawTransaction& raw) {
            sqlite.Insert(raw);
            sqlite.Register(raw);
            sqlite.Register(raw);
            sqlite.Update(raw);
            sqlite.End(raw);
          });
}

void PrepareAndSubmit(Coordinator& coordinator) {
  Message message;
  message.Add({.action = kBranch}).Add({.action = kBranch});
  message.query_prepared = kBranch;
  Check(coordinator.Prepare(message).status(), "prepare");
  Check(coordinator.SubmitPrepared(message).status(), "submit");
  WaitForSuccess(coordinator, message.gid);
}

void MessageMode(Bench& bench) {
  AddMode(bench,
          {.name = "message",
           .value = {},
           .unit = "messages/s",
           .counted = "prepared, submitted, two actions, ended, by 64 clients: three durable "
                      "steps, each waited for",
           .against = "SQLite, the same three writes by one writer in groups, each awaited"},
          PrepareAndSubmit, [](GroupCommit& sqlite, RawTransaction& raw) {
            sqlite.Insert(raw);
            sqlite.Update(raw);
            sqlite.End(raw);
          });
}

// The application's database. Each client has a connection, and they take turns: who only tries
// again and again would measure SQLite's busy handler.
struct Shop {
  explicit Shop(const std::string& path) {
    for (int i = 0; i < kClients; ++i) connections.push_back(std::make_unique<Database>(path));
    connections[0]->Execute("CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, item TEXT)");
  }
  Database& of(int client) { return *connections[static_cast<size_t>(client)]; }

  std::mutex turn;
  std::vector<std::unique_ptr<Database>> connections;
};

constexpr char kOrder[] = "INSERT INTO orders(item) VALUES('a lamp')";

// One order, and the saga that delivers it.
void Order(Coordinator& coordinator, Shop& shop, int client) {
  Database& database = shop.of(client);
  const Saga saga = LocalSaga();
  std::optional<OutboxTicket> ticket;
  {
    const std::lock_guard lock(shop.turn);
    database.Execute("BEGIN IMMEDIATE");
    database.Execute(kOrder);
    ticket = Take(SubmitInTransaction(coordinator, database.get(), saga), "submit");
    database.Execute("COMMIT");
  }
  Check(ticket->WaitAdopted(std::chrono::minutes(1)).status(), "adoption");
  WaitForSuccess(coordinator, saga.gid);
}

struct OutboxFiles {
  TemporaryFolder folder;
  const std::string store = folder.File("troth.db");
  const std::string shop = folder.File("shop.db");
};

double Orders(const Load& load) {
  const OutboxFiles files;
  Shop shop(files.shop);
  Coordinator coordinator = OpenLocal({.store = files.store, .outboxes = {files.shop}});
  const double rate = Rate(load, [&](int client) { Order(coordinator, shop, client); });
  Check(coordinator.Close(), "close");
  return rate;
}

struct OrderShape {
  Shape transaction;
  size_t document = 0;  // of the row in the outbox
};

OrderShape ShapeOfOrder() {
  const OutboxFiles files;
  Shop shop(files.shop);
  Coordinator coordinator = OpenLocal({.store = files.store, .outboxes = {files.shop}});
  Order(coordinator, shop, 0);
  Check(coordinator.Close(), "close");
  const int64_t document =
      shop.of(0).Number("SELECT length(document) FROM troth_outbox WHERE gid<>''");
  return {.transaction = ShapeOf(files.store), .document = static_cast<size_t>(document)};
}

// The application's commit with a row of that size in the outbox, and one row of an earlier one
// deleted; then the two writes in the store.
double RawOrders(const Load& load, const OrderShape& shape) {
  const OutboxFiles files;
  Shop shop(files.shop);
  shop.of(0).Execute("CREATE TABLE troth_outbox(gid TEXT PRIMARY KEY NOT NULL, document BLOB)");
  GroupCommit sqlite(files.store);
  const std::string document(shape.document, 'd');
  std::vector<std::string> former(kClients);
  return Rate(load, [&](int client) {
    Database& database = shop.of(client);
    const std::string gid = NewGid();
    {
      const std::lock_guard lock(shop.turn);
      database.Execute("BEGIN IMMEDIATE");
      database.Execute(kOrder);
      auto insert = database.Prepare("INSERT INTO troth_outbox(gid,document) VALUES(?1,?2)");
      database.Check(insert.BindText(1, gid).BindBlob(2, document).Run());
      auto drop = database.Prepare("DELETE FROM troth_outbox WHERE gid=?1");
      database.Check(drop.BindText(1, former[static_cast<size_t>(client)]).Run());
      database.Execute("COMMIT");
    }
    former[static_cast<size_t>(client)] = gid;
    RawTransaction raw(shape.transaction);
    sqlite.Insert(raw);
    sqlite.End(raw);
  });
}

void OutboxMode(Bench& bench) {
  const OrderShape shape = ShapeOfOrder();
  const Load load = LoadOf(bench);
  bench.AddByTurns(
      {.name = "outbox",
       .value = {},
       .unit = "orders/s",
       .counted = "an order and its saga in one commit of the application's, adopted "
                  "and ended, by 64 clients that take turns at that database",
       .against = "SQLite, the same commits of the application's, and both writes of "
                  "the saga in groups, each awaited",
       .goal = AtLeast(0.7)},
      [&] { return Orders(load); }, [&] { return RawOrders(load, shape); });
}

}  // namespace

Group ModeCases() {
  return {.cases = {{.name = "tcc", .run = TccMode},
                    {.name = "message", .run = MessageMode},
                    {.name = "outbox", .run = OutboxMode}}};
}

}  // namespace troth::bench
