#include "transport/http/sent_bytes.h"

#include <sys/socket.h>

#ifdef __linux__
// The kernel's own header: the C library's tcp_info ends before the counters.
#include <linux/tcp.h>
#include <netinet/in.h>
#endif

#include <cstddef>

namespace troth::internal {

std::optional<SentBytes> ReadSentBytes(int socket) {
#ifdef __linux__
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (socket < 0 || getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  if (size < offsetof(tcp_info, tcpi_bytes_sent) + sizeof(info.tcpi_bytes_sent)) return {};
  return SentBytes{info.tcpi_bytes_sent, info.tcpi_notsent_bytes, info.tcpi_bytes_received};
#else
  (void)socket;
  return {};
#endif
}

bool CertainlyNothingSent(const std::optional<SentBytes>& before,
                          const std::optional<SentBytes>& after) {
  return before && after && before->sent > 0 && before->sent == after->sent &&
         before->waiting == 0 && after->waiting == 0;
}

}  // namespace troth::internal
