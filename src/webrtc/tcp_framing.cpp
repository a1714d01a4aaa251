#include "webrtc/tcp_framing.hpp"

#include <algorithm>

namespace webrtc {

// Appends what is missing of the length, or of the packet; returns how much it took.
std::size_t TcpDeframer::take(base::ByteView bytes) {
  const auto n = std::min(bytes.size(), wanted() - held_.size());
  held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  if (held_.size() == 2) {
    const auto length = wanted() - 2;
    if (length > kMaxPacket) broken_ = true;
    if (length == 0) held_.clear();
  }
  return n;
}

}  // namespace webrtc
