// Says whether this thread runs a local branch function, so that calls which would wait for
// themselves there can be refused. It never blocks, and it has no destructor to run at thread end.
#pragma once

namespace troth::internal {

// Exported: the test kit's library sets the mark that the coordinator's library reads.
inline thread_local bool inside_local_function __attribute__((visibility("default"))) = false;

inline bool InsideLocalFunction() { return inside_local_function; }

class LocalFunctionScope {
 public:
  LocalFunctionScope() : before_(inside_local_function) { inside_local_function = true; }
  ~LocalFunctionScope() { inside_local_function = before_; }
  LocalFunctionScope(const LocalFunctionScope&) = delete;
  LocalFunctionScope& operator=(const LocalFunctionScope&) = delete;

 private:
  bool before_;
};

}  // namespace troth::internal
