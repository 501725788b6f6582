// What TCC and XA have in common: a session of either ends in one of several ways, and is never
// committed by more than its Commit.
#pragma once

#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "desk.h"

constexpr auto kSucceed = troth::TransactionStatus::kSucceed;
constexpr auto kFailed = troth::TransactionStatus::kFailed;

// Keeps a session undecided until the process is killed: only its time-out ends it.
template <class Session>
void Forget(Session session) {
  static std::mutex mutex;
  static std::list<Session>& forgotten = *new std::list<Session>;
  const std::lock_guard lock(mutex);
  forgotten.push_back(std::move(session));
}

template <class Session>
void RollBack(Session& session) {
  const troth::Status status = session.Rollback("a bank said no");
  if (!status.ok()) Fail("Rollback", status);
  SayPromised(session.gid(), kFailed);
}

template <class Session>
void CommitOrRollBack(Session& session) {
  const troth::Status status = session.Commit();
  if (status.ok()) return SayPromised(session.gid(), kSucceed);
  if (status.code() != troth::StatusCode::kAborted) Fail("Commit", status);
  RollBack(session);
}

// OK, or why the session can only roll back.
inline troth::Status Checked(const troth::Result<std::string>& called) {
  const troth::StatusCode code = called.status().code();
  const bool expected =
      called.ok() || code == troth::StatusCode::kAborted || code == troth::StatusCode::kUnavailable;
  if (!expected) Fail("Call", called.status());
  return called.status();
}

// `call_all` makes the calls; `timeout` is the session's.
template <class Session, class CallAll>
void RunToSomeEnd(Desk& desk, Session session, std::chrono::milliseconds timeout,
                  const CallAll& call_all) {
  const std::string gid = session.gid();
  SayAccepted(gid);
  const troth::Status called = call_all(session);
  if (desk.OneIn(20)) desk.Cancel(gid);
  switch (desk.Below(20)) {
    case 0:
      SayPromised(gid, kFailed);
      return Forget(std::move(session));
    case 1: {
      SayPromised(gid, kFailed);
      const Session dropped = std::move(session);
      return;
    }
    case 2:
      return RollBack(session);
    case 3:  // a decision that meets the time-out
      std::this_thread::sleep_for(timeout);
      break;
    default:
      break;
  }
  const bool careless = desk.OneIn(10);  // commits whatever the branches have said
  called.ok() || careless ? CommitOrRollBack(session) : RollBack(session);
  desk.MayWait(gid);
}

// For RunTcc and RunXa.
inline void SayHowItRan(Desk& desk, const std::string& gid,
                        const troth::Result<troth::Accepted>& ran) {
  const bool aborted = ran.status().code() == troth::StatusCode::kAborted;
  if (!ran.ok() && !aborted) Fail("RunTcc or RunXa", ran.status());
  SayPromised(gid, ran.ok() ? kSucceed : kFailed);
  desk.MayWait(gid);
}
