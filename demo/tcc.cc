// A trip by TCC: flight, hotel and car are reserved first, and only then confirmed together.
//
// There are three seats, two rooms and one car. So the second trip holds a flight and a hotel when
// it finds no car left: both are given back, and nobody has ever seen half a trip. The branches are
// functions here; with URLs they are services.
#include <troth/coordinator.h>
#include <troth/tcc.h>

#include <chrono>
#include <iostream>
#include <map>
#include <mutex>
#include <string>

using namespace std::chrono_literals;
using troth::BranchResult;

// What one branch has: free, held, sold. It remembers what it did for whom, as any branch must: the
// same call may come twice, and a cancel may come without its try.
class Stock {
 public:
  explicit Stock(int free) : free_(free) {}

  BranchResult Call(const troth::BranchContext& context) {
    const std::lock_guard lock(mutex_);
    State& state = of_[context.gid + "/" + context.branch_id];
    if (context.op == "try" && state == State::kNone) {
      if (free_ == 0) return BranchResult::Failure("sold out");
      --free_;
      state = State::kHeld;
    } else if (context.op == "confirm" && state == State::kHeld) {
      state = State::kSold;
    } else if (context.op == "cancel" && state != State::kCancelled) {
      if (state == State::kHeld) ++free_;
      state = State::kCancelled;  // a try that comes late finds this, and does nothing
    }
    return BranchResult::Success();
  }

  int free() const {
    const std::lock_guard lock(mutex_);
    return free_;
  }

 private:
  enum class State { kNone, kHeld, kSold, kCancelled };
  mutable std::mutex mutex_;
  int free_;
  std::map<std::string, State> of_;
};

// OK: committed, and every branch will be confirmed. kAborted: rolled back; the message says why.
troth::Result<troth::Accepted> Book(troth::Coordinator& coordinator,
                                    const troth::TccOptions& options, const char* traveller) {
  return troth::RunTcc(coordinator, options, [&](troth::Tcc& trip) -> troth::Status {
    for (const std::string url : {"local:flight", "local:hotel", "local:car"}) {
      const auto held = trip.Call({.try_url = url + "?try",
                                   .confirm_url = url + "?confirm",
                                   .cancel_url = url + "?cancel",
                                   .payload = traveller});
      if (!held.ok()) return held.status();  // rolls back: what is held is given back
    }
    return {};
  });
}

int main() {
  Stock flight(3), hotel(2), car(1);
  const auto branch = [](Stock& stock) {
    return
        [&stock](const troth::BranchContext& context, std::string_view traveller, std::stop_token) {
          BranchResult result = stock.Call(context);
          std::cout << "  " << context.branch_id << " " << context.op << " for " << traveller
                    << (result.text().empty() ? "" : ": " + result.text()) << std::endl;
          return result;
        };
  };
  auto coordinator = troth::Coordinator::Open(
      {.store = ":memory:",
       .local = {{"flight", branch(flight)}, {"hotel", branch(hotel)}, {"car", branch(car)}}});
  if (!coordinator.ok()) return std::cerr << coordinator.status() << "\n", 1;

  for (const char* traveller : {"Ann", "Bob"}) {
    std::cout << traveller << " books a trip\n";
    troth::TccOptions options;
    const std::string gid = options.gid;
    const auto booked = Book(*coordinator, options, traveller);
    if (!coordinator->Wait(gid, 10s).ok()) return 1;
    std::cout << (booked.ok() ? "booked" : booked.status().message()) << "\n";
  }
  std::cout << "left: " << flight.free() << " seats, " << hotel.free() << " rooms, " << car.free()
            << " cars" << std::endl;
  return flight.free() == 2 && hotel.free() == 1 && car.free() == 0 ? 0 : 1;
}
