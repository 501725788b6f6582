// Stores that have been in use for long: with millions of rows, each a copy of what the library
// itself has written, but for gid and times.
#pragma once

#include <cstdint>
#include <string>

#include "troth/transaction.h"

namespace troth::bench {

// When the first of them was made; one is made and ends each millisecond from there.
Time HistoryBegins();

// Sagas of two steps that have ended; of 10,000 one has failed, and one is parked.
void MakeHistory(const std::string& store, int64_t rows);
// Messages that are to begin in a day.
void MakeWaiting(const std::string& store, int64_t rows);

}  // namespace troth::bench
