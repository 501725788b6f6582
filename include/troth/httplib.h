// Serving branches with cpp-httplib, in one line each:
//
//   httplib::Server server;
//   server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
//   server.set_keep_alive_max_count(1000);  // httplib closes after 5 requests otherwise
//   server.set_tcp_nodelay(true);           // header and body are two sends: saves up to 40 ms
//   troth::Serve(server, "/TransOut",
//                [](const troth::BranchContext& context, std::string_view payload) {
//                  return troth::BranchResult::Success();
//                });
//   if (troth::Bind(server, "0.0.0.0", 8081) > 0) server.listen_after_bind();
//
// Header-only: cpp-httplib (0.11 or newer) is the application's, built and configured as it likes.
// Where that is a library, compile with the flags that it was compiled with
// (`pkg-config --cflags cpp-httplib`): with other macros its classes are other ones, and the
// program crashes. Link troth_branch.
#pragma once

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "troth/branch.h"
#include "troth/status.h"

namespace troth {

// Does one branch operation. It is called on the server's threads, several at once; an exception
// counts as unknown. Both arguments are the request's: copy what must live longer.
using BranchFunction =
    std::function<BranchResult(const BranchContext& context, std::string_view payload)>;

// The context of a request, its headers included. Errors as BranchContext::FromQuery.
inline Result<BranchContext> ContextOf(const httplib::Request& request) {
  Result<BranchContext> context =
      BranchContext::FromQuery([&](std::string_view name) -> std::optional<std::string> {
        const std::string key(name);
        if (!request.has_param(key)) return std::nullopt;
        return request.get_param_value(key);
      });
  if (!context.ok()) return context;
  for (const auto& [name, value] : request.headers) {
    // Not sent by anyone: httplib 0.11 notes the connection's addresses among the headers.
    const bool made_up = name == "REMOTE_ADDR" || name == "REMOTE_PORT" || name == "LOCAL_ADDR" ||
                         name == "LOCAL_PORT";
    if (!made_up) context->headers.push_back({name, value});
  }
  return context;
}

// Makes `response` say `answer`.
inline void SetAnswer(httplib::Response& response, const HttpAnswer& answer) {
  response.status = answer.status;
  response.set_content(answer.body, answer.content_type);
}

// Answers one request with `function`: what Serve does for each. A query that names no branch
// operation is answered 400 with the reason, and `function` is not called.
inline void ServeOne(const BranchFunction& function, const httplib::Request& request,
                     httplib::Response& response) {
  const Result<BranchContext> context = ContextOf(request);
  if (!context.ok()) {
    HttpAnswer answer = ToHttp(BranchResult::Unknown(context.status().message()));
    answer.status = 400;
    return SetAnswer(response, answer);
  }
  const BranchResult result = [&] {
    try {
      return function(*context, request.body);
    } catch (const std::exception& error) {
      return BranchResult::Unknown(std::string("exception: ") + error.what());
    } catch (...) {
      return BranchResult::Unknown("an exception of an unknown type");
    }
  }();
  SetAnswer(response, ToHttp(result));
}

// Serves `function` under `pattern` (httplib's: a path, or a regular expression) for GET and POST:
// a coordinator calls with GET where there is no payload. Call it before the server listens; the
// server keeps the function. The payload is the body as httplib hands it over; a multipart body,
// which httplib takes apart, arrives empty. Bound it with server.set_payload_max_length().
inline void Serve(httplib::Server& server, const std::string& pattern, BranchFunction function) {
  const auto shared = std::make_shared<const BranchFunction>(std::move(function));
  server.Get(pattern, [shared](const httplib::Request& request, httplib::Response& response) {
    // httplib routes HEAD here too, and a look must not move money.
    if (request.method == "GET") return ServeOne(*shared, request, response);
    response.status = 405;
    response.set_header("Allow", "GET, POST");
  });
  server.Post(pattern, [shared](const httplib::Request& request, httplib::Response& response) {
    ServeOne(*shared, request, response);
  });
}

// Binds `server` to the port (0: any that is free) and returns it, or -1; listen_after_bind() then
// serves. Unlike bind_to_port it lets `backlog` connections wait to be accepted, where httplib has
// room for five and clients that come in a burst are reset; and it shares its port with no other
// process. It takes the place of the server's socket options.
inline int Bind(httplib::Server& server, const std::string& host, int port, int backlog = 1024) {
  const auto bound = std::make_shared<socket_t>(INVALID_SOCKET);
  server.set_socket_options([bound](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    *bound = socket;  // the last that is tried is the one that is kept
  });
  if (port == 0) {
    port = server.bind_to_any_port(host);
  } else if (!server.bind_to_port(host, port)) {
    port = -1;
  }
  if (port > 0 && ::listen(*bound, backlog) != 0) return -1;
  return port;
}

// Threads for an httplib::Server, as many as there are connections.
//
// httplib gives each connection a thread until it is closed, idle or not. Coordinators and other
// pools of clients keep theirs open, so httplib's own pool (8 threads, or one less than there are
// processors) serves as many connections and lets all others wait. This queue starts a thread when
// none is free, and ends one that has been idle for `idle`. Past `threads_max` a connection waits
// until another one is closed. Its threads have stacks of 8 MiB, whatever the system's default is:
// httplib matches paths with regular expressions, which recurse for each character. Of a stack only
// what is used takes memory.
//
// The server owns and deletes it. All methods are thread-safe; shutdown() returns when all that was
// queued has run.
class ElasticTaskQueue : public httplib::TaskQueue {
 public:
  static constexpr size_t kThreadsMax = 1024;

  explicit ElasticTaskQueue(size_t threads_max = kThreadsMax,
                            std::chrono::milliseconds idle = std::chrono::seconds(10))
      : threads_max_(std::max<size_t>(threads_max, 1)), idle_(idle) {}
  ElasticTaskQueue(const ElasticTaskQueue&) = delete;
  ElasticTaskQueue& operator=(const ElasticTaskQueue&) = delete;
  ~ElasticTaskQueue() override { shutdown(); }

  // void in httplib 0.11; later "was it taken?", which it always is before shutdown().
  using Taken =
      decltype(std::declval<httplib::TaskQueue&>().enqueue(std::declval<std::function<void()>>()));
  Taken enqueue(std::function<void()> task) override {
    return static_cast<Taken>(Take(std::move(task)));
  }

  void shutdown() override {
    std::list<pthread_t> threads;
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
      threads.splice(threads.end(), threads_);
      threads.splice(threads.end(), ended_);
    }
    wake_.notify_all();
    for (const pthread_t thread : threads) ::pthread_join(thread, nullptr);
  }

  // How many threads there are now.
  size_t threads() const {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

 private:
  bool Take(std::function<void()> task) {
    std::list<pthread_t> ended;
    bool run_here = false;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return false;
      ended.swap(ended_);
      tasks_.push_back(std::move(task));
      // A woken thread counts as free until it runs, and its task as waiting.
      if (tasks_.size() > free_ && threads_.size() < threads_max_) StartThread();
      if (threads_.empty()) {  // no thread to be had at all: better slowly than never
        run_here = true;
        task = std::move(tasks_.back());
        tasks_.pop_back();
      }
    }
    wake_.notify_one();
    for (const pthread_t thread : ended) ::pthread_join(thread, nullptr);
    if (run_here) task();
    return true;
  }

  using Self = std::list<pthread_t>::iterator;
  struct Start {
    ElasticTaskQueue* queue;
    Self self;
  };

  void StartThread() {
    auto start = std::make_unique<Start>(Start{this, threads_.end()});
    start->self = threads_.emplace(threads_.end());
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, kStackBytes);
    if (::pthread_create(&threads_.back(), &attributes, &Run, start.get()) == 0) {
      (void)start.release();  // it is the thread's
    } else {
      threads_.pop_back();  // the system has no more: those that run will come to it
    }
    ::pthread_attr_destroy(&attributes);
  }

  static void* Run(void* start) {
    const Start own = *std::unique_ptr<Start>(static_cast<Start*>(start));
    own.queue->Work(own.self);
    return nullptr;
  }

  void Work(Self self) {
    std::unique_lock lock(mutex_);
    for (;;) {
      ++free_;
      const bool woken = wake_.wait_for(lock, idle_, [this] { return closed_ || !tasks_.empty(); });
      --free_;
      if (tasks_.empty()) {
        // Whoever shuts down has taken all handles to join them; else the next caller joins this.
        if (!closed_ && !woken) ended_.splice(ended_.end(), threads_, self);
        return;
      }
      const std::function<void()> task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  static constexpr size_t kStackBytes = 8u << 20;

  const size_t threads_max_;
  const std::chrono::milliseconds idle_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::list<pthread_t> threads_;  // running
  std::list<pthread_t> ended_;    // returning, to be joined
  size_t free_ = 0;               // of those in threads_
  bool closed_ = false;
};

}  // namespace troth
