// What a person does about a transaction that cannot go on: find it, see why, mend it, and let it
// run.
//
// The compensation of the second step has a typo in its URL. The saga must roll back and can't:
// after three tries it waits for a person, listed as parked with its reason. The operator edits the
// URL, and the saga ends. The branches are scripted by the test kit, so this needs no server and
// takes no time.
#include <troth/testing/world.h>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

int main() {
  troth::testing::World world;
  world.Branch("http://hotel/BookRom").Answer(404, "no such page").Always();
  world.Branch("http://hotel/CancelRom").Answer(404, "no such page").Always();
  troth::Coordinator& coordinator = world.coordinator();

  troth::Saga trip;
  trip.options.retry.limit = 2;       // an action gets two more tries, then the saga rolls back
  trip.options.retry.park_after = 2;  // a compensation gets two more, then a person is asked
  trip.Add({.action = "http://airline/Book", .compensate = "http://airline/Cancel"});
  trip.Add({.action = "http://hotel/BookRom", .compensate = "http://hotel/CancelRom"});
  if (!coordinator.Submit(trip).ok()) return 1;
  std::cout << coordinator.Wait(trip.gid, 10min).status() << "\n\n";

  // What waits for a person, newest first; and one of them whole.
  const auto parked = coordinator.List({.parked = true});
  if (!parked.ok() || parked->transactions.size() != 1) return 1;
  const auto record = coordinator.Query(parked->transactions[0].gid);
  if (!record.ok()) return 1;
  std::cout << record->gid << " is " << troth::StatusName(record->status)
            << ", parked: " << troth::ReasonText(record->parked) << "\n";
  for (const troth::BranchRecord& branch : record->branches) {
    std::cout << "  " << branch.branch_id << "/" << branch.op << " "
              << troth::BranchStatusName(branch.status) << ", " << branch.attempts << " calls";
    if (!branch.newest_failures.empty())
      std::cout << ": " << branch.newest_failures.back().ToString();
    std::cout << "\n";
  }

  // Mend it. Who did it and why stays with the transaction.
  const troth::Act act{.author = "carol", .reason = "typo in the URL, ticket 4711"};
  const troth::Status edited = coordinator.EditBranch(trip.gid, {"02", "compensate"},
                                                      {.url = "http://hotel/CancelRoom"}, act);
  std::cout << "\ncarol edits 02/compensate: " << edited << "\n";

  const auto outcome = coordinator.Wait(trip.gid, 10min);
  if (!outcome.ok()) return 1;
  std::cout << "it ended: " << troth::StatusName(outcome->status) << " ("
            << outcome->reason.ToString() << ")" << std::endl;
  return edited.ok() && !outcome->succeeded() ? 0 : 1;
}
