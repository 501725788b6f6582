#!/usr/bin/env python3
"""The mutations that the simulator must notice: the library with one rule broken at a time.

    mutations.py count                      how many there are
    mutations.py name N                     the rule that number N breaks, from 1
    mutations.py files                      the files of lib/ that are concerned
    mutations.py write LIB_DIR OUT_DIR      writes those files again, with every mutation in them behind a switch

The library itself has no switches: what is written is a copy for the program sim_mutated, in which the environment
variable TROTH_MUTATION says which number is on. The text of an entry must be in its file exactly once, so that a change
of the library which moves it is noticed at once; what stands between « and » is what is replaced.
"""

import pathlib
import re
import sys

EXPRESSION = '(::troth_mutation == {n} ? ({new}) : ({old}))'
STATEMENT = 'if (::troth_mutation == {n}) {{ {new} }} else {{ {old} }}'

# The rule and how it is broken · file · the text · what takes the place of its marked part.
MUTATIONS = [
    ('R1: an action is called before its mark is durable', 'plan/actions.cc',
     '«action.started == Started::kYes» ||', 'action.started != Started::kNo'),
    ('R1: more than 16 actions are marked ahead', 'plan/actions.cc',
     'i < steps_ && «ahead < kMarkedAheadMax»;', 'ahead < 64'),
    ('R1: after a load a marked action counts as never called', 'model/stored.cc',
     'branch.called = «branch.started == Started::kYes»;', 'false'),
    ('R2: a change is answered before it is durable', 'engine/requests.cc',
     'if («live.must_write») {\n    live.replies', 'false'),
    ('R3: results are not written by themselves', 'engine/writes.cc',
     'live.dirty && «(resting || closing_ || now >= live.dirty_since + kProgressDelay)»', 'closing_'),
    ('R4: a commit whose outcome is unknown is taken as refused', 'store/sqlite/writer.cc',
     'full_ = IsFull(code);\n  «return Outcome::kUnknown;»',
     'status = Status(StatusCode::kResourceExhausted, "refused"); return Outcome::kNotWritten;'),
    ('R4: what is in an unknown commit goes on', 'engine/writes.cc',
     'if (Live* live = Find(outstanding_[i].live)) live->frozen = «true»;', 'false'),
    ('R5: a decision is taken while a write is pending', 'engine/engine.cc',
     'if («live.write_pending») return Plan{};', 'false'),
    ('R5: a request is carried out while a write is pending', 'engine/requests.cc',
     '«live.write_pending» || live.t.id == 0', 'false'),
    ('R7: a compensation does not wait for its action', 'plan/saga.cc',
     'void PlanCompensation(size_t step) {\n    if («Action(step).in_flight != 0») return;', 'false'),
    ('R7: a cancel does not wait for its try', 'plan/phase_two.cc',
     'if («mate == t.branches.end()»)', 'true'),
    ('R8: a prepared message that is late fails unasked', 'plan/message.cc',
     '«PlanCall(t_, check_back, /*limited=*/false, now_, plan_);»', 'End(Decision::kRollback, TimeoutReason(t_, now_));'),
    ('R9: a message keeps its topics, and is sent to nobody', 'api/coordinator_impl.cc',
     'message.gid, «expanded.ok() ? *expanded : *definition»', '*definition'),
    ('R10: a tombstone goes at once', 'engine/loads.cc',
     'now - options_.retention, «now - options_.tombstone_retention»', 'now'),
    ('R11: 404 is a success', 'model/verdict.cc',
     '«http_status > 299»', 'http_status > 499'),
    ('R11: a failure is an ongoing', 'model/verdict.cc',
     'if (http_status == 409) return «Verdict::kFailure»;', 'Verdict::kOngoing'),
    ('R12: the retry limit is overrun', 'plan/rules.cc',
     'branch.unknowns > «static_cast<uint32_t>(policy.limit)»', 'static_cast<uint32_t>(policy.limit) + 3'),
    ('R13: a failure decides only when nothing is in flight', 'plan/saga.cc',
     'if («action.state == BranchState::kFailed»)',
     'action.state == BranchState::kFailed && std::none_of(t_.branches.begin(), t_.branches.end(), '
     '[](const Branch& b) { return b.in_flight != 0; })'),
    ('R14: a deadline rolls back what is submitted', 'plan/message.cc',
     '«t_.cancel_asked && !AnyStarted()»', '(t_.cancel_asked || (t_.deadline && *t_.deadline <= now_)) && !AnyStarted()'),
    ('R15: an abort overrules a commit', 'engine/acts.cc',
     't.phase == Phase::kEnded || «t.outcome == Decision::kCommit» || t.mode() == Mode::kSaga', 'false'),
    ('R15: a commit overrules an abort', 'engine/acts.cc',
     'if («t.phase != Phase::kPrepared») {\n    const Answer answer',
     't.phase != Phase::kPrepared && t.outcome != Decision::kRollback'),
    ('R16: another content is taken for the same', 'engine/acts.cc',
     'if («!same_content») {', 'false'),
    ('R19: a skip does not wait for the call in flight', 'engine/requests.cc',
     'if («t.branches[*branch].in_flight == 0») return finish', 'true'),
    ('R20: tcc goes through phase two all at once', 'plan/phase_two.cc',
     'if («!at_once») return;', 'false'),
    ('R23: after the clock went back, what is due by the old one is not loaded', 'engine/engine.cc',
     'if («store_was_ahead») loader_.ReadAllOnce();', 'false'),
    ('R23: after the clock went back, a retry waits for the old one', 'engine/results.cc',
     '«not_after(b.next, now + std::max(b.interval, t.PolicyOf(b).first));»', ''),
    ('R26: an adoption does not sync the application\'s log', 'outbox/file.cc',
     'if («!view->fresh.empty()») {', 'false'),
    ('R26: what can\'t be adopted now counts as adopted', 'outbox/adopter.cc',
     '«box.waiting.insert(rows[i].gid);»', 'box.done.insert(rows[i].gid);'),
    ('R26: nobody looks after a ticket is gone', 'outbox/submit.cc',
     '«outboxes->Expect(state_->box, std::move(state_->gid));»', ''),
    ('DoAndSubmit: a local transaction that failed is submitted', 'outbox/do_and_submit.cc',
     'case Verdict::kFailure:\n        return «Abort(result.text())»;', 'Submit()'),
    ('DoAndSubmit: the application\'s log is not synced', 'outbox/do_and_submit.cc',
     'if (Status synced = «SyncLog(db_)»; !synced.ok())', 'Status()'),
    ('R4: what a former process could not sync in the application\'s log is trusted', 'outbox/file.cc',
     '«DoubtLog(file->db_);»', ''),
    ('R4: after a failed sync the application\'s log is only synced again', 'outbox/sync_log.cc',
     '«failures == 0 ? session::SyncLog(db) : WriteAgain(db)»', 'session::SyncLog(db)'),
    ('DoAndSubmit: a COMMIT that failed is taken as rolled back', 'outbox/do_and_submit.cc',
     '«return AskTheRow(result.text(), begun);»',
     'if (committing) return Abort(result.text()); return AskTheRow(result.text(), begun);'),
    ('R27: a wait is answered before the end is durable', 'engine/requests.cc',
     'if («t.durable_phase == Phase::kEnded») {', 't.phase == Phase::kEnded'),
    ('R27: a wait does not tell that the end was forced', 'model/transaction.cc',
     'Outcome out;\n  out.gid = t.gid;\n  out.status = WireStatus(t);\n  out.reason = t.reason;\n'
     '  out.forced = «t.forced»;', 'false'),
    ('R30: a recorded commit or rollback fixes nothing', 'engine/workflow.cc',
     'if («said != Decision::kUndecided») {\n    t.outcome = said;', 'false'),
    ('R30: a second phase against the outcome is recorded', 'engine/workflow.cc',
     'if («ContradictsOutcome(t, said)») {\n    return', 'false'),
    ('R30: an end against the outcome is accepted', 'engine/workflow.cc',
     'if («ContradictsOutcome(t, SaidBy(finish))») return', 'false'),
    ('R30: another end than the one before is accepted', 'engine/workflow.cc',
     'same_end = «(status == TransactionStatus::kSucceed) == finish.succeeded»;', 'true'),
    ('R30: a step is recorded after the choice', 'engine/workflow.cc',
     'if («said == Decision::kUndecided && t.outcome != Decision::kUndecided») {', 'false'),
    ('R30: another result of a step is taken for the same', 'engine/workflow.cc',
     'if («*recorded == *progress») return {};', 'true'),
    ('R30: a recorded result is written over', 'engine/workflow.cc',
     '«return {RecordedAlready(t, *progress, " with another result")};»',
     'for (auto& each : t.progress) { if (each.get() == recorded) each = progress; } return {};'),
    ('R30: the work of a local XA transaction is given to two runs', 'engine/workflow.cc',
     'if («progress->op == kXaBusiness») return', 'false'),
    ('R30: an abort chooses for a workflow', 'engine/acts.cc',
     'if («t.mode() == Mode::kWorkflow») return {OnlyItself(t)};\n'
     '  if (t.outcome == Decision::kRollback) return {};', 'false'),
    ('a call-back that was answered is not repeated', 'engine/results.cc',
     'if («t.mode() == Mode::kWorkflow») return Unknown(t, b', 'false'),
    ('what a workflow records does not put its call-back off', 'engine/workflow.cc',
     'call_back.unknowns = 0;\n  «call_back.next = now + t.PolicyOf(call_back).first;»', ''),
    ('a workflow that is run anew is called back all the same', 'engine/workflow.cc',
     '«call_back.next = std::max(call_back.next, now + t.PolicyOf(call_back).first);»', ''),
    ('the law: compensations before the rollback is durable', 'plan/saga.cc',
     'if («t_.durable_outcome == Decision::kRollback») PlanCompensations', 'true'),
    ('the law: phase two before its outcome is durable', 'plan/phase_two.cc',
     'if («t.durable_outcome != t.outcome») return;', 'false'),
    ('what may have run is not compensated', 'plan/saga.cc',
     'return «Action(step).called» || Action(step).state', 'false'),
    ('a step that failed is not compensated', 'plan/saga.cc',
     'if («Compensated(i)») continue;\n        PlanCompensation(i);',
     'Compensated(i) || Action(i).state == BranchState::kFailed'),
    ('an action does not wait for the one before it', 'plan/actions.cc',
     'if (!Concurrent()) return «step <= turn_»;', 'true'),
    ('an action does not wait for those that orders name', 'plan/actions.cc',
     '[&](size_t i) { return «IsSettled(Action(i))»; }', 'true'),
    ('compensations go all at once', 'plan/saga.cc',
     '«PlanCompensation(i);\n        return;»', 'PlanCompensation(i); continue;'),
    ('compensations do not mind orders', 'plan/saga.cc',
     'blocked[before] = «true»;', 'false'),
    ('a delay is not kept', 'plan/message.cc',
     'if («t_.start > now_») {', 'false'),
    ('a check-back comes before its time', 'plan/message.cc',
     't_.cancel_asked || (t_.deadline && «*t_.deadline <= now_»)', 'true'),
    ('a session calls a branch whose registration is not durable', 'engine/session.cc',
     'if («DurableVersion(live) < wanted.version»)', 'false'),
    ('a branch is registered after the decision', 'engine/acts.cc',
     'if («t.phase != Phase::kPrepared || t.outcome != Decision::kUndecided») {\n    const bool failing', 'false'),
    ('a try is sent after the rollback', 'engine/session.cc',
     '«t.outcome != Decision::kUndecided || t.phase != Phase::kPrepared») {\n      request.reply', 'false'),
    ('a retry does not wait', 'engine/results.cc',
     'b.next = now + «Milliseconds{policy.jitter ? random.Between(0, wait) : wait}»;', 'Milliseconds{0}'),
    ('an act is not kept', 'engine/acts.cc',
     '«AddHistory(t, act, "retry now", now);»', ''),
    ('a decision has no reason', 'engine/engine.cc',
     'if («decision.reason.code != ReasonCode::kNone») t.reason', 'false'),
    ('what has left memory is not loaded again', 'engine/engine.cc',
     '«if (plan.wake) loader_.OnLeft(*plan.wake);»', ''),
    ('it wakes up with nothing to do', 'engine/purge.cc',
     '«purge_at_.reset();»\n    if (purged.pass.next)', 'purge_at_ = now + kPurgePassPause;'),
    ('a commit wakes nobody', 'engine/writes.cc',
     'purge_at_ = purge;\n  }\n  «Touch(live);»', 'if (submitted) Touch(live);'),
    ('a confirm is done without a call', 'plan/phase_two.cc',
     '«PlanCall(t, static_cast<uint16_t>(i), /*limited=*/false, now, plan);»',
     'plan.done.push_back(static_cast<uint16_t>(i));'),
]


def split(text):
    """What stands before the marked part, the part, and what stands after it."""
    before, rest = text.split('«')
    part, after = rest.split('»')
    return before, part, after


def mutated(source, entries):
    """The source with the entries (number, text, new) behind their switches; raises where one does not fit."""
    places = []
    for number, text, new in entries:
        before, part, after = split(text)
        whole = before + part + after
        if source.count(whole) != 1:
            raise ValueError(f'mutation {number}: its text is there {source.count(whole)} times: {whole!r}')
        form = STATEMENT if part.endswith(';') else EXPRESSION
        begin = source.index(whole) + len(before)
        places.append((begin, begin + len(part), form.format(n=number, new=new, old=part)))
    for begin, end, text in sorted(places, reverse=True):
        source = source[:begin] + text + source[end:]
    return source


def main():
    command = sys.argv[1]
    files = sorted({file for _, file, _, _ in MUTATIONS})
    if command == 'count':
        print(len(MUTATIONS))
    elif command == 'name':
        print(MUTATIONS[int(sys.argv[2]) - 1][0])
    elif command == 'files':
        print('\n'.join(files))
    elif command == 'write':
        library, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
        for file in files:
            entries = [(i, text, new) for i, (_, of, text, new) in enumerate(MUTATIONS, 1) if of == file]
            try:
                source = mutated((library / file).read_text(encoding='utf-8'), entries)
            except ValueError as error:
                sys.exit(f'{file}: {error}')
            (out / ('mutated_' + file.replace('/', '_'))).write_text('extern const int troth_mutation;\n' + source,
                                                                      encoding='utf-8')


if __name__ == '__main__':
    main()
