// Reads one UDP port: bans, limits, keep-alives, parsing. The shard reads while little comes, since waking an I/O thread for each
// datagram and then the shard would cost more than all the rest; when much comes, an I/O thread reads, parses and drops what is too
// much (a flood), and the shard thinks. Whoever reads holds the reader, and gives it away when the rate says so.
#pragma once

#include <optional>
#include <string>

#include "base/log.hpp"
#include "net/source_limiter.hpp"
#include "net/udp_socket.hpp"
#include "runtime/sip_endpoint_io.hpp"

namespace runtime {

// One thread at a time; goes from one to the other by their queues.
class SipUdpReader {
 public:
  SipUdpReader(SipIo& io, const base::SocketAddress& local, std::uint32_t listener);
  std::uint32_t listener() const { return listener_; }

  // Takes what waits, 128 datagrams at the most. on_message(MessagePtr, Source) for each, or on_answer(string, Source) with what is to be
  // sent back for a malformed one.
  template <typename OnMessage, typename OnAnswer>
  void read(int fd, base::TimePoint now, OnMessage&& on_message, OnAnswer&& on_answer) {
    constexpr int kAtOnce = 4;   // then others get their turn
    for (int i = 0; i < kAtOnce; ++i) {
      const auto received = in_.receive(fd);
      count_datagrams(received, now);
      for (std::size_t k = 0; k < received; ++k) {
        if (!admits(k, now)) continue;
        const sip::Source source{sip::Transport::kUdp, in_.from(k), local_, 0, listener_};
        std::optional<std::string> answer;
        if (auto message = intake_.take(std::string(base::as_text(in_.data(k))), source, answer)) {
          on_message(std::move(message), source);
        } else if (answer) {
          on_answer(std::move(*answer), source);
        }
      }
      if (received < in_.capacity()) break;
    }
  }
  // Of the rate, after a read: more than the shard should read itself? So little that it should again? Never both.
  bool busy() const { return count_ >= busy_; }
  bool calm() const { return calm_; }
  void start_anew(base::TimePoint now);   // by who has just got it

 private:
  bool admits(std::size_t index, base::TimePoint now);
  void count_datagrams(std::size_t count, base::TimePoint now);

  SipIo& io_;
  const base::SocketAddress local_;
  const std::uint32_t listener_;
  const std::size_t busy_;             // datagrams in a window
  net::ReceiveBatch in_{32, 65536};
  net::SourceLimiter limiter_;
  SipIntake intake_;
  base::TimePoint window_{};           // when it began
  std::size_t count_ = 0;              // since then
  bool calm_ = false;                  // the last one was
};

}  // namespace runtime
