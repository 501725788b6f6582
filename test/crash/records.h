// What is left when all processes are dead, read from the databases alone: the books of the banks
// and of the till, and the coordinator's store.
#pragma once

#include <troth/coordinator.h>

#include <map>
#include <set>
#include <string>

// What one branch of a transaction has done, by the journals, and has been asked for.
struct Branch {
  std::map<std::string, int> done;  // by operation, how often
  std::set<std::string> called;     // operations; and "register", of itself
  long long available = 0;
  long long frozen = 0;

  // Each of these operations once, and nothing else.
  bool HasDone(const std::set<std::string>& operations) const;
};

// All books together.
struct Books {
  std::map<std::string, std::map<std::string, Branch>> branches;  // by gid, then branch id
  std::map<std::string, long long> till;  // by gid, what its line in the till's journal says
  long long available = 0;
  long long frozen = 0;
  size_t prepared = 0;  // branches whose XA work waits for its second phase
  bool sound = true;    // all could be read, and each balance is the sum of its journal

  const std::map<std::string, Branch>& BranchesOf(const std::string& gid) const;
};

void ReadBank(const std::string& path, Books& books);
void ReadTill(const std::string& path, Books& books);

using Store = std::map<std::string, troth::TransactionRecord>;  // by gid
troth::Result<Store> ReadStore(const std::string& path);
