// A VFS under SQLite that fails on demand: at the n-th write, sync or truncation of any file.
//
// It passes everything else on to the default one. It never really syncs: the tests end processes,
// not machines, and so run fast.
#pragma once

namespace troth::internal {

enum class Fault {
  kWriteError,  // half of the bytes are written
  kDiskFull,
  kSyncError,  // the bytes may be there
};

struct FaultPlan {
  Fault fault = Fault::kWriteError;
  int at = 0;          // which operation of its kind, from 1; 0: none
  bool stays = false;  // all later ones fail too
};

// The name to open files with; registers the VFS once.
const char* FaultVfsName();
// Counts from here.
void Arm(FaultPlan plan);
// From here nothing fails. True: something had.
bool Disarm();

}  // namespace troth::internal
