// The benchmark: every figure beside a ceiling or a rival that is measured in the same run.
#include "groups.h"

int main(int count, char** words) {
  using namespace troth::bench;
  return Main({LocalCases(), ModeCases(), HttpCases(), SqlBranchCases(), InFlightCases(),
               SteadyCases(), SagaSizeCases(), ManyRowsCases(), BoundsCases(), ProgramSizeCases(),
               SoakCases(), GatewayCases()},
              count, words);
}
