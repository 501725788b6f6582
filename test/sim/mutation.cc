// Which rule of the library is broken in sim_mutated; 0: none.
#include <cstdlib>

extern const int troth_mutation;
const int troth_mutation = [] {
  const char* chosen = std::getenv("TROTH_MUTATION");
  return chosen == nullptr ? 0 : std::atoi(chosen);
}();
