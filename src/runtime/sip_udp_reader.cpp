#include "runtime/sip_udp_reader.hpp"

#include <algorithm>

namespace runtime {

namespace {

constexpr auto kWindow = std::chrono::milliseconds(100);
constexpr std::size_t kWindowsPerSecond = 10;

// RFC 5626 section 3.5.1 and what phones send to keep a NAT open: a few line ends or zeros, or STUN.
bool is_keep_alive(base::ByteView datagram) {
  if (datagram.empty() || datagram[0] < 2) return true;
  if (datagram.size() > 4) return false;
  return std::all_of(datagram.begin(), datagram.end(), [](std::uint8_t c) { return c == '\r' || c == '\n' || c == 0; });
}

}  // namespace

SipUdpReader::SipUdpReader(SipIo& io, const base::SocketAddress& local, std::uint32_t listener)
    : io_(io), local_(local), listener_(listener), busy_(io.config.udp_busy / kWindowsPerSecond), limiter_(io.config.messages), intake_(io.counters) {}

bool SipUdpReader::admits(std::size_t index, base::TimePoint now) {
  const auto from = in_.from(index);
  auto& counters = io_.counters;
  if (io_.bans.is_banned(from, now)) return count(counters.banned), false;
  if (!limiter_.allow(from, now)) return count(counters.rate_limited), false;
  if (is_keep_alive(in_.data(index))) return count(counters.keep_alives), false;
  return true;
}

void SipUdpReader::count_datagrams(std::size_t received, base::TimePoint now) {
  const auto passed = now - window_;
  if (passed >= kWindow) {
    // Over all that has passed, which is long when nothing came. Half of what is busy, so that it doesn't go to and fro.
    calm_ = static_cast<double>(count_ * 2) * (kWindow / std::chrono::duration<double, base::Duration::period>(passed)) < static_cast<double>(busy_);
    window_ = now;
    count_ = 0;
  }
  count_ += received;
}

void SipUdpReader::start_anew(base::TimePoint now) {
  window_ = now;
  count_ = 0;
  calm_ = false;
}

}  // namespace runtime
