// What a person does about transactions that cannot go on: find them, see why, mend what is wrong,
// and let them run.
//
// The compensation of a saga's second step has a typo in its URL. The saga must roll back and
// can't: after three tries it waits for a person, listed as parked with its reason. The operator
// edits the URL, and the saga ends. An e-mail waits beside it, for a service whose disk is full:
// nothing is wrong with the transaction, so once the others have made room the operator only says
// "now". The branches are scripted by the test kit, so this needs no server and takes no time.
#include <troth/testing/world.h>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

// One transaction, whole.
void Show(const troth::TransactionRecord& record) {
  std::cout << record.gid << ", a " << troth::ModeName(record.mode) << ", is "
            << troth::StatusName(record.status) << ", parked: " << troth::ReasonText(record.parked)
            << "\n";
  for (const troth::BranchRecord& branch : record.branches) {
    std::cout << "  " << branch.branch_id << "/" << branch.op << " "
              << troth::BranchStatusName(branch.status) << ", " << branch.attempts << " calls";
    if (!branch.newest_failures.empty())
      std::cout << ": " << branch.newest_failures.back().ToString();
    std::cout << "\n";
  }
}

int main() {
  troth::testing::World world;
  world.Branch("http://hotel/BookRom").Answer(404, "no such page").Always();
  world.Branch("http://hotel/CancelRom").Answer(404, "no such page").Always();
  world.Branch("http://mail/Send").Answer(500, "disk full").Times(3);
  troth::Coordinator& coordinator = world.coordinator();

  troth::Saga trip;
  trip.options.retry.limit = 2;       // an action gets two more tries, then the saga rolls back
  trip.options.retry.park_after = 2;  // a compensation gets two more, then a person is asked
  trip.Add({.action = "http://airline/Book", .compensate = "http://airline/Cancel"});
  trip.Add({.action = "http://hotel/BookRom", .compensate = "http://hotel/CancelRom"});
  if (!coordinator.Submit(trip).ok()) return 1;
  troth::Message mail;
  mail.options.retry.park_after = 2;
  mail.Add({.action = "http://mail/Send", .payload = "Dear Ann"});
  if (!coordinator.Submit(mail).ok()) return 1;
  std::cout << coordinator.Wait(trip.gid, 10min).status() << "\n\n";

  // What waits for a person, newest first.
  const auto parked = coordinator.List({.parked = true});
  if (!parked.ok() || parked->transactions.size() != 2) return 1;
  for (const troth::TransactionSummary& summary : parked->transactions) {
    const auto record = coordinator.Query(summary.gid);
    if (!record.ok()) return 1;
    Show(*record);
  }

  // Mend the one, and let the other go on. Who did it and why stays with the transaction.
  const troth::Act typo{.author = "carol", .reason = "typo in the URL, ticket 4711"};
  const troth::Status edited = coordinator.EditBranch(trip.gid, {"02", "compensate"},
                                                      {.url = "http://hotel/CancelRoom"}, typo);
  std::cout << "\ncarol edits 02/compensate: " << edited << "\n";
  const troth::Act room{.author = "carol", .reason = "the mail server has a larger disk"};
  const troth::Status retried = coordinator.RetryNow(mail.gid, room);
  std::cout << "carol has the e-mail sent now: " << retried << "\n";

  const auto rolled_back = coordinator.Wait(trip.gid, 10min);
  const auto sent = coordinator.Wait(mail.gid, 10min);
  if (!rolled_back.ok() || !sent.ok()) return 1;
  std::cout << "the trip ended: " << troth::StatusName(rolled_back->status) << " ("
            << rolled_back->reason.ToString() << ")\n"
            << "the e-mail ended: " << troth::StatusName(sent->status) << std::endl;
  return !rolled_back->succeeded() && sent->succeeded() ? 0 : 1;
}
