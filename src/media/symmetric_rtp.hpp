// Whose packets a plain-RTP leg takes, and where it sends (symmetric RTP, RFC 4961) without "RTP bleed": the address that the
// SDP named wins at once and for good; another one is learnt only from several packets in sequence, within a short
// window, and can be displaced there by the signalled one; then the source is fixed until a new SDP names
// another address. One thread. One object for RTP; RTCP follows it (accept from the same IP address).
#pragma once

#include <cstdint>
#include <optional>

#include "base/address.hpp"
#include "base/time.hpp"

namespace media {

class SymmetricRtp {
 public:
  static constexpr base::Duration kWindow = std::chrono::seconds(5);
  static constexpr int kLearn = 4;  // packets in sequence that make a source

  // From an offer or answer. The same address again changes nothing; a new one opens the window anew.
  void set_signalled(const base::SocketAddress& address, base::TimePoint now);
  // Whether this packet is the peer's; to be asked for every packet before anything else looks at it.
  bool accept(const base::SocketAddress& from, std::uint32_t ssrc, std::uint16_t seq, base::TimePoint now);
  // Where to send: the learnt source, else the signalled address; empty when neither is an address (0.0.0.0, port 0).
  std::optional<base::SocketAddress> destination() const;

  bool fixed() const { return state_ == State::kFixed; }
  std::uint64_t rejected() const { return rejected_; }

 private:
  enum class State : std::uint8_t { kOpen, kLearnt, kFixed };
  enum class Rank : std::uint8_t { kOther, kSameHost, kSignalled };

  Rank rank(const base::SocketAddress& from) const;
  bool in_sequence(const base::SocketAddress& from, std::uint32_t ssrc, std::uint16_t seq);
  bool same_stream(std::uint32_t ssrc, std::uint16_t seq);
  void learn(const base::SocketAddress& from, std::uint32_t ssrc, State state, base::TimePoint now);
  bool refuse() { return ++rejected_, false; }

  State state_ = State::kOpen;
  base::SocketAddress signalled_;
  base::SocketAddress source_;
  base::SocketAddress candidate_;
  std::uint32_t ssrc_ = 0;
  std::uint32_t candidate_ssrc_ = 0;
  std::uint16_t candidate_seq_ = 0;
  int candidate_run_ = 0;
  base::TimePoint learnt_at_{};
  std::uint64_t rejected_ = 0;
};

}  // namespace media
