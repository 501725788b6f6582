// What several groups of cases run: sagas of two steps whose branches are functions of this process
// that do nothing.
#pragma once

#include "group_commit.h"
#include "load.h"
#include "troth/coordinator.h"
#include "troth/saga.h"

namespace troth::bench {

// With the function behind "local:nothing".
Coordinator OpenLocal(CoordinatorOptions options);
Saga LocalSaga();
// Durable accepted and durable ended, waited for.
void RunSaga(Coordinator& coordinator, const Saga& saga);
// What such a saga writes.
Shape LocalSagaShape();
// By so many clients, on a store of its own; and by SQLite alone, of that shape.
double SagasPerSecond(const Load& load);
double RawSagasPerSecond(const Load& load, const Shape& shape);

}  // namespace troth::bench
