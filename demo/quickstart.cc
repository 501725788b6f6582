// The README's first program: two sagas of two steps; one succeeds, the other one is rolled back.
#include <troth/coordinator.h>

#include <iostream>

using namespace std::chrono_literals;
using troth::BranchResult;

// A branch in this process: says what it does, and answers `result`.
troth::LocalFunction Say(std::string what, BranchResult result = BranchResult::Success()) {
  return [=](const troth::BranchContext&, std::string_view payload, std::stop_token) {
    std::cout << "  " << what << " for " << payload
              << (result.text().empty() ? "" : ": " + result.text()) << std::endl;
    return result;
  };
}

int main() {
  auto coordinator = troth::Coordinator::Open(
      {.store = "quickstart.db",
       .local = {{"book-room", Say("book a room")},
                 {"cancel-room", Say("cancel the room")},
                 {"book-flight", Say("book a flight")},
                 {"book-full-flight", Say("book a flight", BranchResult::Failure("sold out"))},
                 {"cancel-flight", Say("cancel the flight, if any,")}}});
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;

  for (const char* flight : {"local:book-flight", "local:book-full-flight"}) {
    troth::Saga trip;
    trip.Add({.action = "local:book-room", .compensate = "local:cancel-room", .payload = "Ann"});
    trip.Add({.action = flight, .compensate = "local:cancel-flight", .payload = "Ann"});
    const auto accepted = coordinator->Submit(trip);  // durable once OK: from here it will end
    if (!accepted.ok()) return std::cerr << accepted.status() << "\n", 1;

    const auto outcome = coordinator->Wait(trip.gid, 10s);
    if (!outcome.ok()) return std::cerr << outcome.status() << "\n", 1;
    std::cout << (outcome->succeeded() ? "booked" : outcome->reason.ToString()) << std::endl;
  }
}
