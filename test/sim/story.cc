#include "story.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"

namespace troth::sim {
namespace {

using internal::Concat;

constexpr Time kStart{std::chrono::hours(24 * 365 * 50)};

std::string_view NameOf(CallResult result) {
  switch (result) {
    case CallResult::kNone:
      return "nothing";
    case CallResult::kSuccess:
      return "success";
    case CallResult::kFailure:
      return "failure";
    case CallResult::kOngoing:
      return "ongoing";
    case CallResult::kUnknown:
      return "unknown";
    case CallResult::kLost:
      return "lost";
    case CallResult::kNotSent:
      return "not sent";
  }
  return "?";
}

std::string_view NameOf(Ask what) {
  constexpr std::string_view kNames[] = {"Submit",
                                         "Prepare",
                                         "SubmitPrepared",
                                         "Abort",
                                         "Begin",
                                         "Join",
                                         "Call",
                                         "Commit",
                                         "Rollback",
                                         "Leave",
                                         "Wait",
                                         "Query",
                                         "List",
                                         "Cancel",
                                         "RetryNow",
                                         "Edit",
                                         "Skip",
                                         "Stop",
                                         "Subscribe",
                                         "Unsubscribe",
                                         "DeleteTopic",
                                         "Pause",
                                         "Resume",
                                         "RegisterLocal",
                                         "GetHealth",
                                         "Close",
                                         "SubmitInTransaction",
                                         "COMMIT",
                                         "WaitAdopted",
                                         "DoAndSubmit",
                                         "PokeOutboxes",
                                         "Run",
                                         "Backup",
                                         "PrepareWorkflow",
                                         "Record",
                                         "Finish"};
  return kNames[static_cast<size_t>(what)];
}

std::string_view NameOf(Fault::Kind kind) {
  constexpr std::string_view kNames[] = {
      "crash",        "power loss",  "clock jump",      "commits fail", "commit unknown",
      "commits slow", "disk full",   "reads fail",      "host down",    "network",
      "paused",       "shop's disk", "application dies"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view NameOf(Stored::Kind kind) {
  constexpr std::string_view kNames[] = {"committed", "commit unknown", "not written",
                                         "found",     "purged",         "deleted"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view NameOf(Life::End end) {
  constexpr std::string_view kNames[] = {"runs on", "closed", "crashed", "power lost"};
  return kNames[static_cast<size_t>(end)];
}

std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    if (c >= ' ' && c <= '~') {
      out.push_back(c);
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

class Teller {
 public:
  Teller(const Log& log, const std::string& gid) : log_(log), gid_(gid) {}

  std::string Tell() {
    for (const Call& call : log_.calls) {
      if (Concerns(call.gid)) TellCall(call);
    }
    for (const Effort& effort : log_.efforts) {
      if (Concerns(effort.gid)) TellEffort(effort);
    }
    for (const Stored& stored : log_.stored) {
      if (Concerns(stored.row.gid)) TellStored(stored);
    }
    for (const Image& image : log_.images) {
      for (const Stored& stored : image.rows) {
        if (Concerns(stored.row.gid)) TellStored(stored);
      }
    }
    for (const ApiCall& call : log_.api) {
      if (call.gid.empty() || Concerns(call.gid)) TellApi(call);
    }
    for (const ShopImage& image : log_.shop) TellShop(image);
    for (const Life& life : log_.lives) TellLife(life);
    for (const Stranger& stranger : log_.strangers) TellStranger(stranger);
    for (const Fault& fault : log_.faults) TellFault(fault);
    for (const Told& told : log_.told) {
      if (told.event.gid.empty() || Concerns(told.event.gid)) TellEvent(told);
    }
    Line(log_.facts.calm, "==== from here on all is well");
    std::stable_sort(lines_.begin(), lines_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string story = TellWanted();
    for (const auto& [seq, line] : lines_) story += line;
    story += TellEnd();
    if (log_.restored == nullptr) return story;
    return story + "==== and then on a copy of the store\n" + Teller(*log_.restored, gid_).Tell();
  }

 private:
  bool Concerns(const std::string& gid) const { return gid_.empty() || gid == gid_; }

  void Line(const Stamp& when, std::string text) {
    const int64_t ms = (when.at - kStart).count();
    lines_.emplace_back(when.seq,
                        Concat("#", when.seq, " ", ms, "ms L", when.life, " ", text, "\n"));
  }

  void TellCall(const Call& call) {
    const std::string name = Concat("B ", call.gid, " ", call.branch_id, "/", call.op);
    std::string headers;
    for (const Header& header : call.headers)
      headers += Concat(" ", header.name, ":", header.value);
    Line(call.sent,
         Concat(name, " -> ", call.url, call.post ? " POST" : " GET", " [", Printable(call.payload),
                "]", headers, " within ", call.timeout.count(), "ms", call.local ? " local" : ""));
    for (const Arrival& arrival : call.arrivals) {
      Line(arrival.when,
           Concat("B   at ", name.substr(2), " (#", call.sent.seq, ") says ", arrival.verdict, " ",
                  arrival.http_status, arrival.through ? "" : ", not through",
                  arrival.changed ? ", changed" : "", arrival.duplicate ? ", a copy" : ""));
    }
    if (call.ended) {
      Line(*call.ended,
           Concat("B <- ", name.substr(2), " (#", call.sent.seq, ") ", NameOf(call.result), " ",
                  call.http_status, " ", Printable(call.text)));
    }
  }

  void TellEffort(const Effort& effort) {
    const std::string name =
        Concat("W run ", effort.run, " ", effort.gid, " ", effort.branch_id, "/", effort.op);
    Line(effort.sent, Concat(name, " is told ", NameOf(effort.result)));
    for (const Stamp& arrival : effort.arrivals) {
      Line(arrival, Concat("W   at ", name.substr(2), " (#", effort.sent.seq, ")"));
    }
  }

  void TellStored(const Stored& stored) {
    std::string text = Concat("S ", NameOf(stored.kind), " ", stored.row.gid, " v",
                              stored.row.version, " ", StatusName(stored.row.status));
    if (stored.row.due) text += Concat(" due +", (*stored.row.due - kStart).count(), "ms");
    if (stored.row.parked != ReasonCode::kNone) {
      text += Concat(" parked: ", ReasonText(stored.row.parked));
    }
    if (const internal::GlobalTransaction* t = stored.transaction.get()) {
      text += t->forced ? " forced" : "";
      if (t->outcome == internal::Decision::kCommit) text += " commit";
      if (t->outcome == internal::Decision::kRollback) text += " rollback";
      text += " |";
      for (size_t i = 0; i < t->branches.size(); ++i) text += TellBranch(*t, i);
      for (const auto& recorded : t->progress) {
        text += Concat(" ", recorded->branch_id, "/", recorded->op, recorded->failed ? "=f" : "=s");
      }
    } else {
      text += stored.unreadable.empty() ? " tombstone" : " UNREADABLE " + stored.unreadable;
    }
    Line(stored.when, std::move(text));
  }

  static std::string TellBranch(const internal::GlobalTransaction& t, size_t i) {
    const internal::Branch& b = t.branches[i];
    constexpr std::string_view kStates[] = {"w", "D", "F", "S"};
    return Concat(
        " ", t.BranchName(static_cast<uint16_t>(i)), "=", kStates[static_cast<size_t>(b.state)],
        b.started == internal::Started::kNo ? "" : "*", b.calls > 0 ? Concat(b.calls) : "");
  }

  void TellApi(const ApiCall& call) {
    std::string text = Concat("A ", NameOf(call.what), " ", call.gid);
    if (call.content != 0) text += Concat(" content ", call.content);
    if (!call.branch_id.empty()) text += Concat(" ", call.branch_id, "/", call.op);
    if (call.edit.url) text += Concat(" url ", *call.edit.url);
    if (call.edit.payload) text += Concat(" payload ", *call.edit.payload);
    if (!call.name.empty()) text += Concat(" ", call.name, " ", call.url);
    if (call.what == Ask::kRecord || call.what == Ask::kFinish) {
      text += Concat(call.failed ? " failed" : " succeed", " [", Printable(call.data), "]");
    }
    Line(call.began, text);
    std::string answer = Concat("A   -> ", NameOf(call.what), " ", call.gid, " (#", call.began.seq,
                                ") ", call.status.ToString());
    if (call.repeated) answer += " repeated";
    if (call.outcome) answer += Concat(" ", StatusName(call.outcome->status));
    if (call.record) answer += Concat(" ", StatusName(call.record->status));
    if (call.health) answer += Concat(" live ", call.health->live);
    Stamp when = call.began;
    if (call.answered) when = *call.answered;
    Line(when, answer + (call.answered ? "" : " (a crash came first)"));
  }

  void TellShop(const ShopImage& image) {
    for (const ShopRow& row : image.rows) {
      if (!Concerns(row.gid)) continue;
      Line(image.when,
           Concat("S shop: ", row.gid, " orders ", row.orders,
                  row.in_outbox ? ", in the outbox" : "", row.refused ? ", refused" : ""));
    }
  }

  void TellLife(const Life& life) {
    Line(life.opened,
         Concat("==== life ", life.number, life.clean ? " after a close" : "", ", wall clock ",
                life.wall.count(), "ms, its clock ", life.offset.count(), "ms ", life.why));
    if (life.lost) Line(*life.lost, Concat("==== life ", life.number, " has lost the store"));
    if (life.ended) Line(*life.ended, Concat("==== life ", life.number, " ", NameOf(life.end)));
  }

  void TellStranger(const Stranger& stranger) {
    Line(stranger.when,
         Concat("!! another process opens the store",
                stranger.owner_file_gone ? ", which is open to all" : "", ": ", stranger.why));
  }

  void TellFault(const Fault& fault) {
    Line(fault.from, Concat("!! ", NameOf(fault.kind), " ", fault.what));
    if (fault.until && fault.until->seq != fault.from.seq) {
      Line(*fault.until, Concat("!! no more: ", NameOf(fault.kind), " ", fault.what));
    }
  }

  void TellEvent(const Told& told) {
    if (told.event.kind == EventKind::kCallEnded) return;  // as B says
    Line(told.when,
         Concat("E ", EventName(told.event.kind), " ", told.event.gid, " ", told.event.text));
  }

  std::string TellWanted() const {
    std::string text;
    for (const Wanted& wanted : log_.wanted) {
      if (!Concerns(wanted.gid)) continue;
      text += Concat("wanted ", wanted.gid, "/", wanted.content, " ", ModeName(wanted.mode),
                     wanted.concurrent ? " concurrent" : "");
      if (wanted.timeout_to_fail)
        text += Concat(" time-out ", wanted.timeout_to_fail->count(), "ms");
      if (wanted.delay.count() > 0) text += Concat(" delay ", wanted.delay.count(), "ms");
      text += "\n";
      for (const WantedStep& step : wanted.steps) {
        text += Concat("  ", step.branch_id, " ", step.forward, " | ", step.commit, " | ",
                       step.rollback, " first ", step.policy.first.count(), "ms limit ",
                       step.policy.limit, " park ", step.policy.park_after, " after");
        for (const size_t i : step.after) text += Concat(" ", i);
        text += "\n";
      }
    }
    return text;
  }

  std::string TellEnd() const {
    std::string text;
    for (const Effect& effect : log_.end.effects) {
      if (!Concerns(effect.gid)) continue;
      text += Concat("end ", effect.gid, " ", effect.branch_id, " ", effect.account, " balance ",
                     effect.balance, " held ", effect.held, "; ran ", effect.ran_forward, "+",
                     effect.ran_commit, "-", effect.ran_rollback, "\n");
    }
    for (const TransactionRecord& record : log_.end.records) {
      if (!Concerns(record.gid)) continue;
      text += Concat("end ", record.gid, " ", StatusName(record.status), " ",
                     record.reason.ToString(), record.purged ? " purged" : "", "\n");
    }
    return text;
  }

  const Log& log_;
  const std::string& gid_;
  std::vector<std::pair<uint64_t, std::string>> lines_;
};

}  // namespace

std::string StoryOf(const Log& log, const std::string& gid) { return Teller(log, gid).Tell(); }

uint64_t HashOf(const Log& log) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : StoryOf(log)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return hash;
}

}  // namespace troth::sim
