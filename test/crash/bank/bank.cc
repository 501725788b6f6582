// A bank that behaves badly: it refuses, is slow, does the work and says that it did not, cuts the
// connection. Only its books are honest.
//
//   crash_bank DATABASE PORT SEED LATE_MS
//
// Port 0 takes a free one; the first line that it prints says which. LATE_MS is longer than callers
// wait; what is done late comes up to eight times as late, when it may have been undone before. It
// serves "/MODE/OP", and "/xa" for all that XA calls.
#include <troth/httplib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "../book.h"
#include "branch.h"
#include "faults.h"

namespace {

using troth::BranchContext;
using troth::BranchResult;

class Bank {
 public:
  Bank(const char* path, unsigned seed, std::chrono::milliseconds late)
      : book_(path), faults_(seed), late_(late) {}

  void Answer(const httplib::Request& request, httplib::Response& response) {
    const troth::Result<BranchContext> context = troth::ContextOf(request);
    if (!context.ok() || request.path != PathFor(*context)) {
      response.status = 400;
      return;
    }
    Note(*context, context->op);
    const int amount = std::atoi(request.body.c_str());
    const Fault fault = DrawFault(*context);
    const BranchResult result = Behave(fault, *context, amount);
    if (fault == Fault::kDoesCuts) {
      response.set_content_provider(100, "text/plain", [](size_t, size_t, httplib::DataSink&) {
        return false;  // the header promised a hundred bytes
      });
      return;
    }
    troth::SetAnswer(response, troth::ToHttp(result));
  }

 private:
  static std::string PathFor(const BranchContext& context) {
    if (context.trans_type == "xa") return "/xa";
    return "/" + context.trans_type + "/" + context.op;
  }

  // Whoever is not to refuse may do so all the same, and is called again; but a check-back's no is
  // an answer.
  Fault DrawFault(const BranchContext& context) {
    const Fault fault = faults_.Draw();
    const bool refuses = fault == Fault::kRefuses || fault == Fault::kDoesRefuses;
    return refuses && context.op == "msg" ? Fault::kNone : fault;
  }

  BranchResult Behave(Fault fault, const BranchContext& context, int amount) {
    switch (fault) {
      case Fault::kNone:
      case Fault::kDoesCuts:
        return Do(context, amount);
      case Fault::kSlow:
        std::this_thread::sleep_for(std::chrono::milliseconds(faults_.Below(50)));
        return Do(context, amount);
      case Fault::kRefuses:
        return BranchResult::Failure("refused");
      case Fault::kDoesRefuses:
        return (void)Do(context, amount), BranchResult::Failure("refused, after it was done");
      case Fault::kFails:
        return BranchResult::Unknown("out of order");
      case Fault::kDoesFails:
        return (void)Do(context, amount), BranchResult::Unknown("out of order, after it was done");
      case Fault::kLate:
        std::this_thread::sleep_for(late_ * (1 + faults_.Below(8)));
        return Do(context, amount);
      case Fault::kDoesLate: {
        const BranchResult result = Do(context, amount);
        std::this_thread::sleep_for(late_);
        return result;
      }
      case Fault::kOngoing:
        return BranchResult::Ongoing();
      case Fault::kDoesOngoing:
        return (void)Do(context, amount), BranchResult::Ongoing();
    }
    return BranchResult::Unknown("no such fault");
  }

  void Note(const BranchContext& context, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (book_.Run("INSERT OR IGNORE INTO called VALUES(%Q, %Q, %Q)", context.gid.c_str(),
                  context.branch_id.c_str(), what.c_str())) {
      return;
    }
    std::fprintf(stderr, "crash_bank: %s\n", book_.Unknown().text().c_str());
    std::exit(1);
  }

  BranchResult Do(const BranchContext& context, int amount) {
    if (context.op == "action" && !context.coordinator.empty()) {
      const BranchResult registered = RegisterItself(context);
      if (registered.verdict() != BranchResult::Verdict::kSuccess) return registered;
      Note(context, "register");
    }
    const std::lock_guard lock(mutex_);  // one connection: one transaction at a time
    if (context.trans_type == "saga") return AnswerSaga(book_, context, amount);
    if (context.trans_type == "tcc") return AnswerTcc(book_, context, amount);
    if (context.trans_type == "xa") return AnswerXa(book_, context, amount);
    return AnswerMessage(book_, context, amount);
  }

  std::mutex mutex_;
  Book book_;
  Faults faults_;
  const std::chrono::milliseconds late_;
};

// Below the ports that the system gives to those who ask for any: while a bank is dead, nobody must
// take its port by accident.
int BindFreePort(httplib::Server& server) {
  constexpr int kFirst = 20'000;
  constexpr int kCount = 12'000;
  for (int i = 0; i < kCount; ++i) {
    const int port = kFirst + (getpid() + i) % kCount;
    if (server.bind_to_port("127.0.0.1", port)) return port;
  }
  return -1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return std::fprintf(stderr, "crash_bank DATABASE PORT SEED LATE_MS\n"), 2;
  Bank bank(arguments[1], static_cast<unsigned>(std::atoi(arguments[3])),
            std::chrono::milliseconds(std::atoi(arguments[4])));
  httplib::Server server;
  server.new_task_queue = [] { return new troth::ElasticTaskQueue; };
  server.set_keep_alive_max_count(100);
  server.set_tcp_nodelay(true);
  // httplib's default lets two processes share a port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  const auto answer = [&](const httplib::Request& request, httplib::Response& response) {
    bank.Answer(request, response);
  };
  server.Get("/.*", answer);
  server.Post("/.*", answer);
  const int wanted = std::atoi(arguments[2]);
  const bool bound = wanted != 0 && server.bind_to_port("127.0.0.1", wanted);
  const int port = bound ? wanted : BindFreePort(server);
  std::printf("port %d\n", port);
  std::fflush(stdout);
  return server.listen_after_bind() ? 0 : 1;
}
