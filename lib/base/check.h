// TROTH_CHECK: ends the process when something holds no longer that everything else relies on; on
// in release builds too. Never for bad input (Status), and never for one stored transaction that
// can't be true (it is set aside and reported).
#pragma once

#include <cstdio>
#include <cstdlib>

#define TROTH_CHECK(condition)                                                         \
  do {                                                                                 \
    if (!(condition)) [[unlikely]] {                                                   \
      std::fprintf(stderr, "%s:%d: troth: broken invariant: %s\n", __FILE__, __LINE__, \
                   #condition);                                                        \
      std::abort();                                                                    \
    }                                                                                  \
  } while (false)
