// An order and its e-mail: the process dies between the commit and the submit, and the e-mail is
// sent all the same, by the next one.
#include <sqlite3.h>
#include <sys/wait.h>
#include <troth/outbox.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

using namespace std::chrono_literals;
using troth::BranchResult;

BranchResult SendMail(const troth::BranchContext&, std::string_view text, std::stop_token) {
  std::cout << "  e-mail: " << text << std::endl;
  return BranchResult::Success();
}

troth::Result<troth::Coordinator> Open() {
  return troth::Coordinator::Open({.store = "message-demo/troth.db",
                                   .local = {{"send-mail", SendMail}},
                                   .outboxes = {"message-demo/shop.db"}});
}

sqlite3* OpenShop() {
  sqlite3* db = nullptr;
  sqlite3_open("message-demo/shop.db", &db);
  return db;
}

bool Run(sqlite3* db, const char* sql) {
  return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

// Takes an order, and dies right after the COMMIT: the e-mail is prepared, and never submitted.
int OrderAndDie() {
  auto coordinator = Open();
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;
  troth::Message message;
  message.gid = "order-1";
  message.timeout_to_fail = 1s;  // then the coordinator looks whether the order was committed
  message.Add({.action = "local:send-mail", .payload = "your lamp is on its way"});
  sqlite3* db = OpenShop();
  (void)troth::DoAndSubmit(*coordinator, message, db, [&] {
    if (!Run(db, "INSERT INTO orders VALUES('lamp')")) return BranchResult::Unknown("no order");
    // The commit that DoAndSubmit would make now, and death before it can go on.
    if (Run(db, "COMMIT")) std::cout << "ordered; the process dies" << std::endl, _exit(7);
    return BranchResult::Unknown("no commit");
  });
  return 1;
}

int main() {
  std::filesystem::remove_all("message-demo");
  std::filesystem::create_directory("message-demo");
  sqlite3* db = OpenShop();
  Run(db, "PRAGMA journal_mode=WAL; CREATE TABLE orders(item TEXT)");
  sqlite3_close(db);  // nothing of SQLite may be carried through a fork

  if (fork() == 0) _exit(OrderAndDie());
  int status = 0;
  wait(&status);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) return 1;

  auto coordinator = Open();
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;
  const auto outcome = coordinator->Wait("order-1", 30s);
  if (!outcome.ok()) return std::cerr << outcome.status() << "\n", 1;
  std::cout << (outcome->succeeded() ? "delivered" : outcome->reason.ToString()) << std::endl;
  return outcome->succeeded() ? 0 : 1;
}
