#include "model/gid.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "troth/saga.h"

namespace troth::internal {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";

TEST_CASE("gid: a new one is 26 lower-case digits and can be used") {
  const std::string gid = NewGid();
  CHECK(gid.size() == 26);
  CHECK(gid.find_first_not_of(kDigits) == std::string::npos);
  CHECK(CheckGid(gid).ok());
}

TEST_CASE("gid: those of one thread are in order, also within a millisecond") {
  std::string before = NewGid();
  for (int i = 0; i < 50'000; ++i) {
    std::string next = NewGid();
    if (!(before < next)) CHECK(before < next);
    before = std::move(next);
  }
}

TEST_CASE("gid: no two threads get the same one") {
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 5000; ++i) mine.push_back(NewGid());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 20'000);
}

TEST_CASE("gid: a forked child draws others than its parent") {
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  (void)NewGid();
  const pid_t child = fork();
  if (child == 0) {
    const std::string gid = NewGid();
    const bool written = write(pipe_ends[1], gid.data(), gid.size()) == 26;
    _exit(written ? 0 : 1);
  }
  REQUIRE(child > 0);
  const std::string ours = NewGid();
  std::string theirs(26, ' ');
  CHECK(read(pipe_ends[0], theirs.data(), theirs.size()) == 26);
  CHECK(waitpid(child, nullptr, 0) == child);
  CHECK(ours.substr(13) != theirs.substr(13));  // the random bits
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

class Counting : public Random {
 public:
  uint64_t Next() override { return ++value_; }

 private:
  uint64_t value_ = 0;
};

TEST_CASE("gid: one from a seed is the same each time, and in order of its time") {
  Counting a;
  Counting b;
  const Time now{std::chrono::milliseconds(1'700'000'000'000)};
  const std::string first = MakeGid(now, a);
  CHECK(first == MakeGid(now, b));
  CHECK(first == "01hf7yat00000g000000000002");
  CHECK(first < MakeGid(now + std::chrono::milliseconds(1), b));
  CHECK(first.size() == 26);
}

TEST_CASE("gid: what can't be used is refused with the reason") {
  CHECK(CheckGid("a").ok());
  CHECK(CheckGid("with blank inside").ok());
  CHECK(CheckGid(std::string(128, 'x')).ok());
  CHECK(CheckGid("").message() == "gid: empty");
  CHECK(CheckGid("").code() == StatusCode::kInvalidArgument);
  CHECK(CheckGid(std::string(129, 'x')).message() == "gid: longer than 128 bytes");
  CHECK(CheckGid("a\nb").message() == "gid: has control characters");
  CHECK(CheckGid(std::string_view("a\0b", 3)).message() == "gid: has control characters");
  CHECK(CheckGid(" a").message() == "gid: has blanks at its ends");
  CHECK(CheckGid("a ").message() == "gid: has blanks at its ends");
}

}  // namespace
}  // namespace troth::internal
