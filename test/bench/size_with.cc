// The same program with a coordinator, linked with the static library: how much it grows.
#include <iostream>
#include <string>

#include "troth/coordinator.h"
#include "troth/saga.h"

int main(int, char** words) {
  const std::string name = words[0];
  auto coordinator = troth::Coordinator::Open({.store = name + ".db"});
  if (!coordinator.ok()) return 1;
  troth::Saga saga;
  saga.Add({.action = "http://127.0.0.1/out", .compensate = "http://127.0.0.1/in"});
  const auto outcome = coordinator->Run(saga, std::chrono::seconds(1));
  std::cout << name << outcome.ok() << std::endl;
  return 0;
}
