// Every check, by the file that holds it; what each looks at is in invariants.md. Those that look
// at one transaction come with its trail.
#pragma once

#include "checker_index.h"

namespace troth::sim {

// checker_store.cc
void CheckAcknowledged(const Index& index, const Trail& trail, Findings& findings);        // I1
void CheckImages(const Index& index, Findings& findings);                                  // I1
void CheckStatusEdges(const Index& index, const Trail& trail, Findings& findings);         // I3
void CheckOutcomesStay(const Index& index, const Trail& trail, Findings& findings);        // I4
void CheckOneTransaction(const Index& index, const Trail& trail, Findings& findings);      // I18
void CheckRepeatedAfterDoubt(const Index& index, const Trail& trail, Findings& findings);  // I28
void CheckRefusals(const Index& index, const Trail& trail, Findings& findings);            // I28
void CheckActsWait(const Index& index, const Trail& trail, Findings& findings);            // I36
void CheckActsAreKept(const Index& index, const Trail& trail, Findings& findings);         // I36

// checker_answers.cc
void CheckWaits(const Index& index, const Trail& trail, Findings& findings);    // I26
void CheckTold(const Index& index, Findings& findings);                         // I26
void CheckQueries(const Index& index, const Trail& trail, Findings& findings);  // I27
void CheckLists(const Index& index, Findings& findings);                        // I27

// checker_calls.cc
void CheckCallsAreAllowed(const Index& index, const Trail& trail, Findings& findings);       // I2
void CheckPhaseTwo(const Index& index, const Trail& trail, Findings& findings);              // I8
void CheckNoActionLate(const Index& index, const Trail& trail, Findings& findings);          // I9
void CheckNoActionAfterFailure(const Index& index, const Trail& trail, Findings& findings);  // I9
void CheckOneCallInFlight(const Index& index, const Trail& trail, Findings& findings);       // I10
void CheckUndoingWaits(const Index& index, const Trail& trail, Findings& findings);          // I11
void CheckCheckBacks(const Index& index, const Trail& trail, Findings& findings);            // I16
void CheckDelays(const Index& index, const Trail& trail, Findings& findings);                // I17
void CheckRegistered(const Index& index, const Trail& trail, Findings& findings);            // I19
void CheckBytes(const Index& index, const Trail& trail, Findings& findings);                 // I20

// checker_order.cc
void CheckOrder(const Index& index, const Trail& trail, Findings& findings);  // I12

// checker_ends.cc
void CheckActionsSucceeded(const Index& index, const Trail& trail, Findings& findings);    // I5
void CheckConfirmed(const Index& index, const Trail& trail, Findings& findings);           // I6
void CheckUndone(const Index& index, const Trail& trail, Findings& findings);              // I7
void CheckOnlyCalledIsUndone(const Index& index, const Trail& trail, Findings& findings);  // I13
void CheckReasons(const Index& index, const Trail& trail, Findings& findings);             // I14
void CheckMessages(const Index& index, const Trail& trail, Findings& findings);            // I15
void CheckSubscribers(const Index& index, const Trail& trail, Findings& findings);         // I15
void CheckBalances(const Index& index, const Trail& trail, Findings& findings);            // I32

// checker_orders.cc
void CheckOrders(const Index& index, const Trail& trail, Findings& findings);  // I29
void CheckOutbox(const Index& index, Findings& findings);                      // I29

// checker_owners.cc
void CheckOwners(const Index& index, Findings& findings);    // I30
void CheckRestored(const Index& index, Findings& findings);  // I30

// checker_time.cc
void CheckGaps(const Index& index, const Trail& trail, Findings& findings);            // I21
void CheckLimits(const Index& index, const Trail& trail, Findings& findings);          // I22
void CheckCallBackGaps(const Index& index, const Trail& trail, Findings& findings);    // I21
void CheckCallBackLimits(const Index& index, const Trail& trail, Findings& findings);  // I22
void CheckWaiting(const Index& index, const Trail& trail, Findings& findings);         // I23
void CheckEndsInTime(const Index& index, const Trail& trail, Findings& findings);      // I24
void CheckHostsApart(const Index& index, const Trail& trail, Findings& findings);      // I25
void CheckClock(const Index& index, Findings& findings);                               // I31
void CheckIdle(const Index& index, Findings& findings);                                // I34

// checker_workflows.cc
void CheckRecords(const Index& index, const Trail& trail, Findings& findings);          // I4
void CheckWorkflowAnswers(const Index& index, const Trail& trail, Findings& findings);  // I4
void CheckWorkflowEnds(const Index& index, const Trail& trail, Findings& findings);     // I7
void CheckChoices(const Index& index, const Trail& trail, Findings& findings);          // I8
void CheckCallBacks(const Index& index, const Trail& trail, Findings& findings);        // I16
void CheckWorkflowBooks(const Index& index, const Trail& trail, Findings& findings);    // I32

}  // namespace troth::sim
