// The README's first program: two sagas of two steps, one that succeeds and one that is rolled
// back.
#include <troth/coordinator.h>

#include <iostream>

using namespace std::chrono_literals;

// A branch in this process: says what it does, and answers `result`.
troth::LocalFunction Say(std::string what,
                         troth::BranchResult result = troth::BranchResult::Success()) {
  return [=](const troth::BranchContext&, std::string_view payload, std::stop_token) {
    std::cout << "  " << what << ", " << payload << ": "
              << (result.text().empty() ? "done" : result.text()) << std::endl;
    return result;
  };
}

int main() {
  troth::Result<troth::Coordinator> coordinator = troth::Coordinator::Open(
      {.store = "quickstart.db",
       .local = {{"book-hotel", Say("book the hotel")},
                 {"cancel-hotel", Say("cancel the hotel")},
                 {"book-early-flight", Say("book the early flight")},
                 {"book-late-flight",
                  Say("book the late flight", troth::BranchResult::Failure("sold out"))},
                 {"cancel-flight", Say("cancel the flight")}}});
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;

  for (const char* flight : {"local:book-early-flight", "local:book-late-flight"}) {
    troth::Saga trip;
    trip.Add({.action = "local:book-hotel", .compensate = "local:cancel-hotel", .payload = "Ann"});
    trip.Add({.action = flight, .compensate = "local:cancel-flight", .payload = "Ann"});
    const auto accepted = coordinator->Submit(trip);  // durable once OK: no crash can lose it
    if (!accepted.ok()) return std::cerr << accepted.status() << "\n", 1;
    const auto outcome = coordinator->Wait(trip.gid, 10s);
    if (!outcome.ok()) return std::cerr << outcome.status() << "\n", 1;
    std::cout << (outcome->succeeded() ? "booked" : outcome->reason.ToString()) << "\n";
  }
}
