// XA: by RunXa and by hand, decided and undecided.
#include <troth/xa.h>

#include "session.h"

using namespace std::chrono_literals;

namespace {

// Where it is told where the coordinator is, the branch registers itself again.
std::string UrlOf(Desk& desk, const Part& part) {
  return part.bank + "/xa" + (desk.OneIn(2) ? "?dtm=" + desk.gateway_url : "");
}

troth::Status CallAll(Desk& desk, troth::Xa& xa) {
  for (const Part& part : desk.DrawRiskyTransfer()) {
    troth::Status called =
        Checked(xa.Call({.url = UrlOf(desk, part), .payload = std::to_string(part.amount)}));
    if (!called.ok()) return called;
  }
  return {};
}

}  // namespace

void TransferByXa(Desk& desk) {
  const troth::XaOptions options{.gid = NewGidOf("xa"),
                                 .timeout_to_fail = desk.Milliseconds(300, 3000)};
  if (desk.OneIn(3)) {
    return SayHowItRan(desk, options.gid,
                       troth::RunXa(desk.coordinator, options, [&](troth::Xa& xa) {
                         SayAccepted(xa.gid());
                         return CallAll(desk, xa);
                       }));
  }
  auto xa = troth::Xa::Begin(desk.coordinator, options);
  if (!xa.ok()) Fail("Xa::Begin", xa.status());
  RunToSomeEnd(desk, *std::move(xa), options.timeout_to_fail,
               [&](troth::Xa& begun) { return CallAll(desk, begun); });
}
