#include "transport/http/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "base/text.h"
#include "transport/threads/thread_pool.h"

namespace troth::internal {
namespace {

using Clock = std::chrono::steady_clock;

// Enough for getaddrinfo with the name-service plug-ins that it loads.
constexpr size_t kStackBytes = 1u << 20;

bool IsNumeric(const std::string& host) {
  in6_addr six{};
  in_addr four{};
  return inet_pton(AF_INET, host.c_str(), &four) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &six) == 1;
}

// getaddrinfo says of that whatever it says where a name is unknown, or its server is silent.
bool NoDescriptorLeft() {
  const int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno == EMFILE || errno == ENFILE;
  close(probe);
  return false;
}

}  // namespace

Lookup SystemLookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  Lookup out;
  if (error != 0) {
    out.ours = NoDescriptorLeft();
    out.problem = out.ours ? "no descriptor is left for it" : gai_strerror(error);
    return out;
  }
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    if (std::find(out.addresses.begin(), out.addresses.end(), text) == out.addresses.end()) {
      out.addresses.emplace_back(text);
    }
  }
  freeaddrinfo(found);
  if (out.addresses.empty()) out.problem = "the name has no address";
  return out;
}

struct Resolver::State {
  struct Name {
    bool done = false;
    Lookup answer;
    Clock::time_point at;
  };

  explicit State(ResolverOptions o)
      : options(std::move(o)),
        pool({.threads_max = options.threads_max,
              .idle = std::chrono::milliseconds(5'000),
              .thread = {.stack_bytes = kStackBytes, .block_sigpipe = true}}) {}

  const ResolverOptions options;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::shared_ptr<Name>> names;
  // Last, so that it goes first: its threads hold only weak pointers to this state.
  ThreadPool pool;

  bool Usable(const Name& name) const {
    return !name.done || (name.answer.problem.empty() && Clock::now() - name.at < options.keep);
  }

  void Forget() {
    if (names.size() < options.names_max) return;
    std::erase_if(names, [this](const auto& entry) { return !Usable(*entry.second); });
    if (names.size() >= options.names_max) names.clear();
  }
};

Resolver::Resolver(ResolverOptions options) : state_(std::make_shared<State>(std::move(options))) {}

Resolver::~Resolver() { Stop(std::chrono::milliseconds(0)); }

Lookup Resolver::Resolve(const std::string& host, Interrupt& interrupt) {
  if (IsNumeric(host)) return {.addresses = {host}, .problem = {}, .ours = false};
  State& state = *state_;
  std::shared_ptr<State::Name> name;
  bool start = false;
  {
    std::lock_guard lock(state.mutex);
    std::shared_ptr<State::Name>& slot = state.names[host];
    start = slot == nullptr || !state.Usable(*slot);
    if (start) slot = std::make_shared<State::Name>();
    name = slot;
    if (start) state.Forget();
  }
  if (start) {
    const bool queued = state.pool.Submit(
        [weak = std::weak_ptr<State>(state_), lookup = state.options.lookup, host, name] {
          Lookup answer = lookup(host);
          const std::shared_ptr<State> self = weak.lock();
          if (!self) return;
          std::lock_guard lock(self->mutex);
          name->answer = std::move(answer);
          name->at = Clock::now();
          name->done = true;
          self->changed.notify_all();
        });
    if (!queued) {
      const Lookup failed{
          .addresses = {}, .problem = "no thread could be started for the lookup", .ours = true};
      std::lock_guard lock(state.mutex);
      name->answer = failed;  // for whoever has joined it meanwhile
      name->at = Clock::now();
      name->done = true;
      state.names.erase(host);
      state.changed.notify_all();
      return failed;
    }
  }
  interrupt.SetWaker([shared = state_] {
    std::lock_guard lock(shared->mutex);
    shared->changed.notify_all();
  });
  Lookup out;
  {
    std::unique_lock lock(state.mutex);
    state.changed.wait(lock, [&] { return name->done || interrupt.raised(); });
    out = name->done ? name->answer
                     : Lookup{.addresses = {}, .problem = "it was given up on", .ours = false};
  }
  interrupt.SetWaker(nullptr);
  return out;
}

void Resolver::Stop(std::chrono::milliseconds patience) { state_->pool.Stop(patience); }

}  // namespace troth::internal
