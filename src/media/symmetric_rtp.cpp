#include "media/symmetric_rtp.hpp"

namespace media {

void SymmetricRtp::set_signalled(const base::SocketAddress& address, base::TimePoint /*now*/) {
  if (address == signalled_) return;
  signalled_ = address;
  candidate_run_ = 0;
  // A peer behind NAT names one private address and is heard from another: if what it names now is where its
  // packets come from already, they stay accepted; else it must be learnt again.
  state_ = source_.valid() && address == source_ ? State::kFixed : State::kOpen;
  if (state_ == State::kOpen) source_ = {};
}

SymmetricRtp::Rank SymmetricRtp::rank(const base::SocketAddress& from) const {
  if (from == signalled_) return Rank::kSignalled;
  return from.same_ip(signalled_) ? Rank::kSameHost : Rank::kOther;
}

// Counts a run of packets of one source and stream with sequence numbers that go up by little.
bool SymmetricRtp::in_sequence(const base::SocketAddress& from, std::uint32_t ssrc, std::uint16_t seq) {
  const auto step = static_cast<std::uint16_t>(seq - candidate_seq_);
  const bool goes_on = candidate_run_ > 0 && from == candidate_ && ssrc == candidate_ssrc_ && step >= 1 && step <= 5;
  // A better-ranked candidate is not pushed out by packets of a worse one sent between its own.
  if (!goes_on && candidate_run_ > 0 && rank(candidate_) > rank(from)) return false;
  candidate_run_ = goes_on ? candidate_run_ + 1 : 1;
  candidate_ = from;
  candidate_ssrc_ = ssrc;
  candidate_seq_ = seq;
  return candidate_run_ >= kLearn;
}

// From the accepted source: a change of SSRC counts once the new stream has gone on for some packets (RFC 3550 8.2).
bool SymmetricRtp::same_stream(std::uint32_t ssrc, std::uint16_t seq) {
  if (ssrc == ssrc_) return true;
  if (!in_sequence(source_, ssrc, seq)) return refuse();
  ssrc_ = ssrc;
  candidate_run_ = 0;
  return true;
}

void SymmetricRtp::learn(const base::SocketAddress& from, std::uint32_t ssrc, State state, base::TimePoint now) {
  source_ = from;
  ssrc_ = ssrc;
  state_ = state;
  learnt_at_ = now;
  candidate_run_ = 0;
}

bool SymmetricRtp::accept(const base::SocketAddress& from, std::uint32_t ssrc, std::uint16_t seq, base::TimePoint now) {
  if (state_ == State::kLearnt && now - learnt_at_ >= kWindow) state_ = State::kFixed;
  if (state_ == State::kFixed) return from == source_ ? same_stream(ssrc, seq) : refuse();

  const Rank rank_of_this = rank(from);
  if (rank_of_this == Rank::kSignalled) {
    learn(from, ssrc, State::kFixed, now);
    return true;
  }
  if (state_ == State::kLearnt) {
    if (from == source_) return same_stream(ssrc, seq);
    if (rank_of_this <= rank(source_)) return refuse();
  }
  if (!in_sequence(from, ssrc, seq)) return refuse();
  learn(from, ssrc, State::kLearnt, now);
  return true;
}

std::optional<base::SocketAddress> SymmetricRtp::destination() const {
  if (source_.valid()) return source_;
  if (signalled_.valid() && !signalled_.is_any() && signalled_.port() != 0) return signalled_;
  return std::nullopt;
}

}  // namespace media
