// One commit: an order in the application's own database, and the saga that delivers it. Either
// both are there or neither, wherever the process ends.
#include <sqlite3.h>
#include <troth/outbox.h>

#include <filesystem>
#include <iostream>
#include <string>

using namespace std::chrono_literals;
using troth::BranchResult;

troth::LocalFunction Say(std::string what) {
  return [=](const troth::BranchContext&, std::string_view payload, std::stop_token) {
    std::cout << "  " << what << " " << payload << std::endl;
    return BranchResult::Success();
  };
}

bool Run(sqlite3* db, const std::string& sql) {
  return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
}

// Takes an order in one transaction; `paid` decides how that ends.
bool Order(troth::Coordinator& coordinator, sqlite3* db, const std::string& item, bool paid) {
  troth::Saga delivery;
  delivery.Add({.action = "local:pack", .compensate = "local:unpack", .payload = item});
  delivery.Add({.action = "local:ship", .compensate = "", .payload = item});

  bool ok = Run(db, "BEGIN IMMEDIATE");
  ok = ok && Run(db, "INSERT INTO orders(item) VALUES('" + item + "')");
  auto ticket = troth::SubmitInTransaction(coordinator, db, delivery);
  if (!ticket.ok()) std::cerr << ticket.status() << "\n";
  ok = ok && ticket.ok() && Run(db, paid ? "COMMIT" : "ROLLBACK");
  if (!ok) return Run(db, "ROLLBACK"), false;
  std::cout << item << (paid ? ": committed" : ": rolled back") << std::endl;

  // Only who wants to wait for the delivery needs this; it is delivered without it too.
  const auto adopted = ticket->WaitAdopted(10s);
  if (!paid) return adopted.status().code() == troth::StatusCode::kNotFound;
  const auto outcome = coordinator.Wait(delivery.gid, 10s);
  return adopted.ok() && outcome.ok() && outcome->succeeded();
}

int main() {
  std::filesystem::remove_all("outbox-demo");
  std::filesystem::create_directory("outbox-demo");
  sqlite3* db = nullptr;
  sqlite3_open("outbox-demo/shop.db", &db);
  Run(db, "PRAGMA journal_mode=WAL; CREATE TABLE orders(item TEXT)");
  bool ok = false;
  {
    auto coordinator = troth::Coordinator::Open(
        {.store = "outbox-demo/troth.db",
         .local = {{"pack", Say("pack")}, {"unpack", Say("unpack")}, {"ship", Say("ship")}},
         .outboxes = {"outbox-demo/shop.db"}});
    if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;
    ok = Order(*coordinator, db, "a lamp", /*paid=*/true) &&
         Order(*coordinator, db, "a chair", /*paid=*/false);
  }
  sqlite3_close(db);
  return ok ? 0 : 1;
}
