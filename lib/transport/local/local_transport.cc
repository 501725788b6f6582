#include "transport/local/local_transport.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "base/thread_mark.h"
#include "model/url.h"
#include "transport/threads/thread.h"
#include "transport/threads/thread_pool.h"

namespace troth::internal {
namespace {

using Kind = CallEnded::Kind;

constexpr size_t kTextBytesMax = 1'024;
// To wake a thread costs as much as to make some such calls.
constexpr std::chrono::microseconds kShortCall{500};

struct LocalCall {
  Call call;
  CallSink* sink = nullptr;
  std::shared_ptr<const LocalFunction> function;
  std::stop_source stop;
  enum class State { kQueued, kBegun, kEnded };
  std::atomic<State> state{State::kQueued};
};

CallEnded Ended(const LocalCall& call, Kind kind, ReasonCode code, std::string_view text) {
  CallEnded out;
  out.id = call.call.id;
  out.kind = kind;
  out.code = code;
  out.text = Truncated(text, kTextBytesMax);
  return out;
}

ReasonCode CodeOf(BranchResult::Verdict verdict) {
  switch (verdict) {
    case BranchResult::Verdict::kSuccess:
      return ReasonCode::kNone;
    case BranchResult::Verdict::kFailure:
      return ReasonCode::kActionFailed;
    case BranchResult::Verdict::kOngoing:
      return ReasonCode::kOngoing;
    case BranchResult::Verdict::kUnknown:
      return ReasonCode::kBranchUnknown;
  }
  return ReasonCode::kBranchUnknown;
}

// The one place where a user's function is called: what it throws means unknown.
BranchResult Invoke(const LocalCall& call) {
  const LocalFunctionScope mark;
  try {
    return (*call.function)(call.call.context, call.call.payload, call.stop.get_token());
  } catch (const std::exception& e) {
    return BranchResult::Unknown(Concat("the function threw: ", e.what()));
  } catch (...) {
    return BranchResult::Unknown("the function threw something that is not a std::exception");
  }
}

CallEnded Answer(const LocalCall& call) {
  const BranchResult result = Invoke(call);
  const bool success = result.verdict() == BranchResult::Verdict::kSuccess;
  CallEnded out = Ended(call, Kind::kAnswered, CodeOf(result.verdict()),
                        success ? std::string_view() : std::string_view(result.text()));
  out.verdict = result.verdict();
  if (success && call.call.keep_body) out.body = result.text();
  return out;
}

}  // namespace

// Owned by the transport and by each of its threads, so that none of them can outlive it.
struct LocalTransport::Core : std::enable_shared_from_this<LocalTransport::Core> {
  explicit Core(const LocalOptions& o)
      : options(o),
        pool({.threads_max = o.threads_max,
              .idle = o.thread_idle,
              .short_job = kShortCall,
              .thread = {.stack_bytes = o.stack_bytes, .block_sigpipe = true}}) {}

  // With the lock.
  std::shared_ptr<const LocalFunction> Find(std::string_view name) const;
  // Nothing if the call may be queued; else why not.
  std::optional<CallEnded> Admit(const std::shared_ptr<LocalCall>& call);
  void Run(LocalCall& call);
  void End(LocalCall& call, CallEnded&& ended, bool unless_begun = false);
  void Stop(LocalCall& call, std::string_view why);
  std::vector<std::shared_ptr<LocalCall>> Unended() const;
  bool WaitForAll(std::chrono::milliseconds patience);
  bool Close(std::chrono::milliseconds grace);

  const LocalOptions options;
  mutable std::mutex mutex;
  std::condition_variable all_delivered;
  std::map<std::string, std::shared_ptr<const LocalFunction>, std::less<>> functions;
  std::pmr::unsynchronized_pool_resource entries;  // of these, for reuse
  // Until their ends have been told.
  std::pmr::unordered_map<uint64_t, std::shared_ptr<LocalCall>> calls{&entries};
  bool closing = false;
  ThreadPool pool;
};

struct LocalTransport::QueuedCall final : LocalCall, ThreadPool::Job {
  void Run() override { core->Run(*this); }
  std::shared_ptr<Core> core;
};

std::shared_ptr<const LocalFunction> LocalTransport::Core::Find(std::string_view name) const {
  const auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

std::optional<CallEnded> LocalTransport::Core::Admit(const std::shared_ptr<LocalCall>& call) {
  const Result<LocalUrl> url = ParseLocalUrl(call->call.url);
  if (!url.ok()) {
    return Ended(*call, Kind::kNotSent, ReasonCode::kNotSent, url.status().message());
  }
  if (!url->query.empty()) {
    call->call.context.headers.push_back({std::string(kQueryHeader), url->query});
  }
  std::lock_guard lock(mutex);
  call->function = Find(url->name);
  if (call->function == nullptr) {
    return Ended(*call, Kind::kNotSent, ReasonCode::kNotCallable,
                 Concat("no local function is registered as ", url->name));
  }
  if (closing) {
    return Ended(*call, Kind::kNotSent, ReasonCode::kNotSent, "the coordinator is closed");
  }
  TROTH_CHECK(calls.emplace(call->call.id, call).second);  // an id is of one call
  return std::nullopt;
}

void LocalTransport::Core::Run(LocalCall& call) {
  auto queued = LocalCall::State::kQueued;
  if (!call.state.compare_exchange_strong(queued, LocalCall::State::kBegun)) return;
  CallEnded ended = Answer(call);
  const ThreadPool::LastAct last(pool);
  End(call, std::move(ended));
}

void LocalTransport::Core::End(LocalCall& call, CallEnded&& ended, bool unless_begun) {
  auto before = call.state.load();
  do {
    if (before == LocalCall::State::kEnded) return;
    if (unless_begun && before == LocalCall::State::kBegun) return;
  } while (!call.state.compare_exchange_weak(before, LocalCall::State::kEnded));
  call.sink->OnCallEnded(std::move(ended));
  std::lock_guard lock(mutex);
  calls.erase(call.call.id);
  if (calls.empty()) all_delivered.notify_all();
}

// A call that waits for a thread ends at once.
void LocalTransport::Core::Stop(LocalCall& call, std::string_view why) {
  End(call, Ended(call, Kind::kNotSent, ReasonCode::kNotSent, why), /*unless_begun=*/true);
  // The application's stop callbacks run inside request_stop: not on the engine's thread.
  const auto request = [source = call.stop]() mutable {
    const LocalFunctionScope mark;
    source.request_stop();
  };
  if (const auto thread = StartThread({}, request)) pthread_detach(*thread);
}

std::vector<std::shared_ptr<LocalCall>> LocalTransport::Core::Unended() const {
  std::vector<std::shared_ptr<LocalCall>> out;
  std::lock_guard lock(mutex);
  for (const auto& [id, call] : calls) {
    if (call->state != LocalCall::State::kEnded) out.push_back(call);
  }
  return out;
}

bool LocalTransport::Core::WaitForAll(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex);
  return all_delivered.wait_for(lock, patience, [this] { return calls.empty(); });
}

bool LocalTransport::Core::Close(std::chrono::milliseconds grace) {
  {
    std::lock_guard lock(mutex);
    closing = true;
  }
  WaitForAll(grace);
  const std::vector<std::shared_ptr<LocalCall>> left = Unended();
  for (const std::shared_ptr<LocalCall>& call : left) Stop(*call, "the coordinator is closed");
  const bool stopped = WaitForAll(options.patience);
  for (const std::shared_ptr<LocalCall>& call : Unended()) {
    End(*call, Ended(*call, Kind::kLost, ReasonCode::kNoAnswer,
                     "the coordinator was closed, and the function did not return"));
  }
  // Threads whose functions have returned need only a moment to end.
  pool.Stop(stopped ? std::chrono::milliseconds(5'000) : std::chrono::milliseconds(0));
  return left.empty();  // one whose end was just being told had ended
}

LocalTransport::LocalTransport(const LocalOptions& options)
    : core_(std::make_shared<Core>(options)) {}

LocalTransport::~LocalTransport() { Close(std::chrono::milliseconds(0)); }

Status LocalTransport::Register(std::string_view name, LocalFunction function) {
  if (!IsLocalName(name)) {
    return {StatusCode::kInvalidArgument,
            "local function: a name has 1 to 64 letters, digits, '.', '_', '-'"};
  }
  if (!function) {
    return {StatusCode::kInvalidArgument, Concat("local function ", name, ": is empty")};
  }
  auto shared = std::make_shared<const LocalFunction>(std::move(function));
  std::lock_guard lock(core_->mutex);
  core_->functions[std::string(name)].swap(shared);
  return {};
}

Status LocalTransport::CheckUrl(std::string_view url) const { return ParseLocalUrl(url).status(); }

bool LocalTransport::CanCall(std::string_view url) const {
  const Result<LocalUrl> parsed = ParseLocalUrl(url);
  if (!parsed.ok()) return false;
  std::lock_guard lock(core_->mutex);
  return core_->Find(parsed->name) != nullptr;
}

void LocalTransport::Start(Call call, CallSink& sink) {
  auto made = std::make_shared<QueuedCall>();
  made->core = core_;
  made->call = std::move(call);
  made->sink = &sink;
  if (std::optional<CallEnded> refused = core_->Admit(made)) {
    sink.OnCallEnded(*std::move(refused));
    return;
  }
  if (!core_->pool.Submit(made)) {
    core_->End(*made, Ended(*made, Kind::kNotSent, ReasonCode::kNotSent,
                            "no thread could be started for the call"));
  }
}

void LocalTransport::Cancel(uint64_t id) {
  std::shared_ptr<LocalCall> call;
  {
    std::lock_guard lock(core_->mutex);
    const auto found = core_->calls.find(id);
    if (found == core_->calls.end() || found->second->state == LocalCall::State::kEnded) return;
    call = found->second;
  }
  core_->Stop(*call, "cancelled before it was called");
}

bool LocalTransport::Close(std::chrono::milliseconds grace) { return core_->Close(grace); }

size_t LocalTransport::threads() const { return core_->pool.threads(); }

uint64_t LocalTransport::wake_ups() const { return core_->pool.wake_ups(); }

}  // namespace troth::internal
