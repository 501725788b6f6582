#include "transport/http/http_transport.h"

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "transport/http/deadline_timer.h"
#include "transport/http/http_call.h"
#include "transport/threads/thread_pool.h"

namespace troth::internal {
namespace {

using Clock = std::chrono::steady_clock;
using Why = Interrupt::Why;

// The timer's name for "close idle connections"; calls are numbered from 1.
constexpr uint64_t kCloseIdle = 0;

}  // namespace

// Owned by the transport and by each of its threads, so that none of them can outlive it.
struct HttpTransport::Core : std::enable_shared_from_this<HttpTransport::Core> {
  explicit Core(HttpOptions o)
      : shared(std::move(o)),
        timer([this](uint64_t id) { OnDue(id); }),
        pool({.threads_max = shared.options.threads_max,
              .idle = shared.options.thread_idle,
              .thread = {.stack_bytes = ConnectionStackBytes(), .block_sigpipe = true}}) {}

  void Start(Call call, CallSink& sink);
  void Run(const std::shared_ptr<HttpCall>& call);
  // Delivers, unless the call has ended already.
  void End(const std::shared_ptr<HttpCall>& call, CallEnded&& ended, bool unless_begun = false);
  void RaiseOn(uint64_t id, Why why);
  void RaiseOn(const std::shared_ptr<HttpCall>& call, Why why);
  void OnDue(uint64_t id);
  void CloseIdleAt(Clock::time_point at);
  bool Close(std::chrono::milliseconds grace);
  std::vector<std::shared_ptr<HttpCall>> Calls();

  HttpShared shared;
  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<uint64_t, std::shared_ptr<HttpCall>> calls;
  size_t undelivered = 0;
  bool closing = false;
  Clock::time_point closes_idle_at{};  // what the timer has; zero: nothing
  DeadlineTimer timer;
  ThreadPool pool;
};

void HttpTransport::Core::Start(Call call, CallSink& sink) {
  auto made = std::make_shared<HttpCall>();
  made->sink = &sink;
  made->deadline = Clock::now() + call.timeout;
  made->call = std::move(call);
  const uint64_t id = made->call.id;
  CallEnded refused{.id = id, .kind = CallEnded::Kind::kNotSent, .code = ReasonCode::kNotSent};
  Result<HttpUrl> url = ParseHttpUrl(made->call.url);
  if (!url.ok()) {
    refused.text = url.status().message();
    sink.OnCallEnded(std::move(refused));
    return;
  }
  made->url = std::move(url).value();
  {
    std::unique_lock lock(mutex);
    if (closing) {
      lock.unlock();
      sink.OnCallEnded(NotBegun(*made, Why::kClosed));
      return;
    }
    calls.emplace(id, made);
    ++undelivered;
  }
  refused.text = "no thread could be started for the call";
  const bool started = timer.Add(id, made->deadline) &&
                       pool.Submit([self = shared_from_this(), made] { self->Run(made); });
  if (!started) End(made, std::move(refused));
}

void HttpTransport::Core::Run(const std::shared_ptr<HttpCall>& call) {
  const auto begin = [&] {
    std::lock_guard lock(mutex);
    call->begun = !call->ended;
    return call->begun;
  };
  std::optional<Clock::time_point> kept_until;
  CallEnded ended = MakeHttpCall(shared, *call, begin, &kept_until);
  if (kept_until) CloseIdleAt(*kept_until);
  const ThreadPool::LastAct last(pool);
  End(call, std::move(ended));
}

void HttpTransport::Core::End(const std::shared_ptr<HttpCall>& call, CallEnded&& ended,
                              bool unless_begun) {
  {
    std::lock_guard lock(mutex);
    if (call->ended || (unless_begun && call->begun)) return;
    call->ended = true;
    calls.erase(call->call.id);
  }
  timer.Remove(call->call.id, call->deadline);
  call->sink->OnCallEnded(std::move(ended));
  std::lock_guard lock(mutex);
  if (--undelivered == 0) changed.notify_all();
}

void HttpTransport::Core::RaiseOn(uint64_t id, Why why) {
  std::shared_ptr<HttpCall> call;
  {
    std::lock_guard lock(mutex);
    const auto found = calls.find(id);
    if (found == calls.end()) return;
    call = found->second;
  }
  RaiseOn(call, why);
}

// A call that has not begun (it waits for a thread, or is in headers_for) ends here, and will never
// begin; the others end on their own thread.
void HttpTransport::Core::RaiseOn(const std::shared_ptr<HttpCall>& call, Why why) {
  call->interrupt.Raise(why);
  End(call, NotBegun(*call, why), /*unless_begun=*/true);
}

void HttpTransport::Core::OnDue(uint64_t id) {
  if (id != kCloseIdle) return RaiseOn(id, Why::kDeadline);
  {
    std::lock_guard lock(mutex);
    closes_idle_at = {};
  }
  const std::optional<Clock::time_point> next = shared.pool.CloseOld(Clock::now());
  if (next) CloseIdleAt(*next);
}

void HttpTransport::Core::CloseIdleAt(Clock::time_point at) {
  std::lock_guard lock(mutex);
  const bool sooner = closes_idle_at != Clock::time_point{} && closes_idle_at <= at;
  if (sooner || closing) return;
  if (closes_idle_at != Clock::time_point{}) timer.Remove(kCloseIdle, closes_idle_at);
  closes_idle_at = at;
  timer.Add(kCloseIdle, at);
}

std::vector<std::shared_ptr<HttpCall>> HttpTransport::Core::Calls() {
  std::vector<std::shared_ptr<HttpCall>> out;
  std::lock_guard lock(mutex);
  for (const auto& [id, call] : calls) out.push_back(call);
  return out;
}

bool HttpTransport::Core::Close(std::chrono::milliseconds grace) {
  bool by_themselves = false;
  {
    std::unique_lock lock(mutex);
    closing = true;
    changed.wait_for(lock, grace, [this] { return undelivered == 0; });
    by_themselves = calls.empty();  // one whose end is just being told has ended
  }
  for (const std::shared_ptr<HttpCall>& call : Calls()) RaiseOn(call, Why::kClosed);
  {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, shared.options.patience, [this] { return undelivered == 0; });
  }
  // Each call ends by its interrupt; should one not, it is given up on.
  for (const std::shared_ptr<HttpCall>& call : Calls()) {
    End(call, {.id = call->call.id,
               .kind = CallEnded::Kind::kLost,
               .code = ReasonCode::kNoAnswer,
               .text = "the coordinator was closed, and the call did not end"});
  }
  timer.Stop();
  pool.Stop(shared.options.patience);
  shared.resolver.Stop(std::chrono::milliseconds(0));
  shared.pool.Close();
  return by_themselves;
}

HttpTransport::HttpTransport(HttpOptions options) {
  InitializeTls();
  core_ = std::make_shared<Core>(std::move(options));
}

HttpTransport::~HttpTransport() { Close(std::chrono::milliseconds(0)); }

Status HttpTransport::CheckUrl(std::string_view url) const { return ParseHttpUrl(url).status(); }

bool HttpTransport::CanCall(std::string_view url) const { return CheckUrl(url).ok(); }

void HttpTransport::Start(Call call, CallSink& sink) { core_->Start(std::move(call), sink); }

void HttpTransport::Cancel(uint64_t id) { core_->RaiseOn(id, Why::kCancelled); }

bool HttpTransport::Close(std::chrono::milliseconds grace) { return core_->Close(grace); }

size_t HttpTransport::threads() const { return core_->pool.threads(); }

size_t HttpTransport::kept_connections() const { return core_->shared.pool.size(); }

}  // namespace troth::internal
