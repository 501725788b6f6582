// Opening a coordinator in production: the options checked, the parts made and put together.
#include <set>
#include <system_error>
#include <utility>

#include "api/coordinator_impl.h"
#include "base/text.h"
#include "driver/threaded_driver.h"
#include "model/input.h"
#include "model/url.h"
#include "outbox/thread_runner.h"
#include "store/sqlite/sqlite_store.h"
#include "transport/http/http_transport.h"
#include "transport/local/local_transport.h"
#include "transport/routing.h"

namespace troth {

using internal::Concat;

namespace {

Status Refuse(std::string_view field, std::string_view why) {
  return {StatusCode::kInvalidArgument, Concat("options.", field, ": ", why)};
}

Status CheckLocal(const std::vector<LocalBranch>& local) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < local.size(); ++i) {
    const std::string field = Concat("local[", i, "].");
    if (!internal::IsLocalName(local[i].name)) {
      return Refuse(field + "name",
                    Concat("\"", local[i].name, "\" is not 1 to 64 of A-Z a-z 0-9 . _ -"));
    }
    if (local[i].name.starts_with(internal::kReservedNames)) {
      return Refuse(field + "name", Concat("names that begin with ", internal::kReservedNames,
                                           " are the library's"));
    }
    if (!local[i].function) return Refuse(field + "function", "there is none");
    if (!names.insert(local[i].name).second) {
      return Refuse(field + "name", Concat("\"", local[i].name, "\" is there twice"));
    }
  }
  return {};
}

Status CheckLimits(const Limits& limits) {
  const std::pair<const char*, size_t> all[] = {{"steps", limits.steps},
                                                {"payload_bytes", limits.payload_bytes},
                                                {"transaction_bytes", limits.transaction_bytes},
                                                {"header_bytes", limits.header_bytes},
                                                {"url_bytes", limits.url_bytes},
                                                {"live", limits.live},
                                                {"unwritten_bytes", limits.unwritten_bytes},
                                                {"calls_per_host", limits.calls_per_host},
                                                {"calls", limits.calls},
                                                {"local_threads", limits.local_threads},
                                                {"answer_bytes", limits.answer_bytes},
                                                {"topics", limits.topics},
                                                {"subscribers", limits.subscribers}};
  for (const auto& [name, value] : all) {
    if (value == 0) return Refuse(Concat("limits.", name), "must be at least 1");
  }
  constexpr size_t kStepsMax = 10'000;  // two branches each, numbered in 16 bits
  if (limits.steps > kStepsMax) return Refuse("limits.steps", Concat("more than ", kStepsMax));
  return {};
}

Status CheckTimes(const CoordinatorOptions& options) {
  const std::pair<const char*, std::chrono::milliseconds> all[] = {
      {"patience", options.patience},
      {"retention", options.retention},
      {"tombstone_retention", options.tombstone_retention},
      {"barrier_retention", options.barrier_retention},
      {"probe.first", options.probe.first},
      {"probe.cap", options.probe.cap}};
  for (const auto& [name, value] : all) {
    if (Status checked = internal::CheckDuration(name, value); !checked.ok()) {
      return internal::Under("options.", checked);
    }
  }
  if (options.probe.cap < options.probe.first) return Refuse("probe.cap", "below probe.first");
  return {};
}

// One of the coordinator's own URLs, which may be empty.
Status CheckOwnUrl(std::string_view field, const std::string& url) {
  if (url.empty()) return {};
  const std::string_view all = url;
  const bool http = internal::EqualsIgnoringCase(all.substr(0, 7), "http://") ||
                    internal::EqualsIgnoringCase(all.substr(0, 8), "https://");
  if (!http) return Refuse(field, "must begin with http:// or https://");
  const Status parsed = internal::ParseHttpUrl(url).status();
  return parsed.ok() ? parsed : Refuse(field, parsed.message());
}

Status CheckOwnUrls(const CoordinatorOptions& options) {
  if (options.alert_after < 1) return Refuse("alert_after", "must be at least 1");
  if (Status alert = CheckOwnUrl("alert_url", options.alert_url); !alert.ok()) return alert;
  return CheckOwnUrl("gateway_url", options.gateway_url);
}

// Production's transports, which live and end together.
struct Transports {
  explicit Transports(const CoordinatorOptions& options)
      : local({.threads_max = options.limits.local_threads}),
        http(internal::HttpOptionsFrom(options)),
        routing(local, http) {}
  internal::LocalTransport local;
  internal::HttpTransport http;
  internal::RoutingTransport routing;
};

}  // namespace

namespace internal {

Status CheckOptions(const CoordinatorOptions& options) {
  if (options.store.empty()) {
    return Refuse("store", "empty; give the path of a file, or \":memory:\"");
  }
  if (options.store.find('\0') != std::string::npos) return Refuse("store", "has a zero byte");
  if (options.read_only && !options.outboxes.empty()) {
    return Refuse("outboxes", "a read-only coordinator adopts nothing");
  }
  if (options.read_only && options.restored) {
    return Refuse("restored", "a read-only coordinator changes nothing");
  }
  if (Status local = CheckLocal(options.local); !local.ok()) return local;
  if (Status limits = CheckLimits(options.limits); !limits.ok()) return limits;
  if (Status times = CheckTimes(options); !times.ok()) return times;
  if (Status urls = CheckOwnUrls(options); !urls.ok()) return urls;
  if (Status defaults = CheckDefaults(options.defaults); !defaults.ok()) {
    return Under("options.", defaults);
  }
  const Status http = CheckHttpOptions(HttpOptionsFrom(options));
  return http.ok() ? http : Under("options.", http);
}

Result<Coordinator> MakeCoordinator(CoordinatorOptions options, Backends backends) {
  std::shared_ptr<outbox::Outboxes> outboxes;
  if (!options.outboxes.empty()) {
    auto opened = outbox::Outboxes::Open(options.outboxes, std::move(backends.outbox_runner));
    if (!opened.ok()) return opened.status();
    outboxes = *std::move(opened);
    for (LocalBranch& branch : outboxes->CheckBacks()) {
      if (Status added = backends.register_local(std::move(branch)); !added.ok()) return added;
    }
  }
  if (backends.start) backends.start();
  auto impl = std::make_shared<Coordinator::Impl>(std::move(options), std::move(backends));
  if (outboxes != nullptr) impl->StartOutboxes(std::move(outboxes));
  return Access::Make(std::move(impl));
}

}  // namespace internal

namespace {

Result<Coordinator> OpenOnThreads(CoordinatorOptions options) {
  using namespace internal;
  if (Status checked = CheckOptions(options); !checked.ok()) return checked;
  Backends backends;
  backends.store = NewSqliteStore();
  const Result<StoreInfo> info = backends.store->Open(
      {.path = options.store, .read_only = options.read_only, .restored = options.restored});
  if (!info.ok()) return info.status();
  if (options.read_only) return MakeCoordinator(std::move(options), std::move(backends));

  if (info->restored) {
    const Result<size_t> parked = backends.store->ParkUnended(ReasonCode::kParkedRestored);
    if (!parked.ok()) return parked.status();
  }
  const auto transports = std::make_shared<Transports>(options);
  for (const LocalBranch& branch : options.local) {
    if (Status added = transports->local.Register(branch.name, branch.function); !added.ok()) {
      return added;
    }
  }
  backends.register_local = [transports](LocalBranch branch) {
    return transports->local.Register(branch.name, std::move(branch.function));
  };
  backends.transport = std::shared_ptr<Transport>(transports, &transports->routing);
  auto driver = std::make_unique<ThreadedDriver>(
      *backends.store, *backends.transport,
      Callbacks{options.on_finished, options.on_event, options.log, options.on_alert},
      EngineOptions{
          .limits = options.limits,
          .retention = options.retention,
          .tombstone_retention = options.tombstone_retention,
          .unclean = info->unclean,
          .alert_after = static_cast<uint32_t>(options.alert_after),
          .alert_url = options.alert_url,
          .alert_timeout = options.defaults.request_timeout.value_or(std::chrono::seconds(3)),
          .gateway_url = options.gateway_url,
          .probe = options.probe},
      info->highest_updated);
  backends.start = [driver = driver.get(), restored = info->restored] { driver->Start(restored); };
  backends.driver = std::move(driver);
  backends.outbox_runner = std::make_unique<outbox::ThreadRunner>();
  return MakeCoordinator(std::move(options), std::move(backends));
}

}  // namespace

Result<Coordinator> Coordinator::Open(CoordinatorOptions options) {
  try {
    return OpenOnThreads(std::move(options));
  } catch (const std::system_error& error) {
    return Status(StatusCode::kResourceExhausted,
                  Concat("a thread can't be started: ", error.what()));
  }
}

}  // namespace troth
