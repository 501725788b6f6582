// What the kernel knows of the bytes that a TCP socket has sent. It never guesses.
#pragma once

#include <cstdint>
#include <optional>

namespace troth::internal {

struct SentBytes {
  uint64_t sent = 0;     // handed to the network since the connection began, repeats included
  uint64_t waiting = 0;  // written, and not sent yet: may still go out after a close
  uint64_t received = 0;
};

// Nothing where the kernel does not tell (not Linux, or older than 4.19).
std::optional<SentBytes> ReadSentBytes(int socket);

// Whether it is certain that nothing was written to the connection between the two looks. Only a
// connection that had counted something before is believed: a counter at zero may be one that does
// not count.
bool CertainlyNothingSent(const std::optional<SentBytes>& before,
                          const std::optional<SentBytes>& after);

}  // namespace troth::internal
