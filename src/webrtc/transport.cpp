#include "webrtc/transport.hpp"

#include <utility>

namespace webrtc {
namespace {

enum class Kind { kStun, kDtls, kMedia, kUnknown };

// RFC 7983 section 7.
Kind kind_of(std::uint8_t first) {
  if (first <= 3) return Kind::kStun;
  if (first >= 20 && first <= 63) return Kind::kDtls;
  if (first >= 128 && first <= 191) return Kind::kMedia;
  return Kind::kUnknown;
}

// RFC 5761 section 4: RTCP's types, as RTP's payload types 64 to 95, which nobody may use.
bool is_rtcp(base::ByteView packet) {
  return packet[1] >= 192 && packet[1] <= 223;
}

}  // namespace

Transport::Transport(TransportConfig config, TransportSink& sink)
    : sink_(sink),
      context_(std::move(config.dtls)),
      ice_(std::move(config.local)),
      fingerprints_(std::move(config.remote.fingerprints)),
      role_(config.remote.our_role.value_or(DtlsRole::kServer)) {
  ice_.set_remote_ufrag(std::move(config.remote.ufrag));
}

Transport::~Transport() = default;

void Transport::make_dtls() {
  if (dtls_) return;
  DtlsSender& sender = *this;  // a private base
  dtls_ = std::make_unique<Dtls>(context_, role_, sender);
  dtls_->set_fingerprints(fingerprints_);
}

void Transport::on_datagram(base::MutableByteView datagram, const base::SocketAddress& from,
                            base::TimePoint now) {
  if (state_ == State::kClosed) return;
  switch (datagram.empty() ? Kind::kUnknown : kind_of(datagram[0])) {
    case Kind::kStun:
      on_stun(datagram, from, now);
      break;
    case Kind::kDtls:
      on_dtls(datagram, from, now);
      break;
    case Kind::kMedia:
      if (ice_.is_validated(from)) {
        on_media(datagram, now);
      } else {
        ++counters_.media_from_stranger;
      }
      break;
    case Kind::kUnknown:
      ++counters_.unknown;
      break;
  }
}

void Transport::on_stun(base::ByteView datagram, const base::SocketAddress& from, base::TimePoint now) {
  const auto outcome = ice_.on_stun(datagram, from, now);
  if (outcome.bad) ++counters_.bad_stun;
  if (outcome.authenticated) ++counters_.stun_requests;
  if (!outcome.response.empty()) sink_.send(from, outcome.response);
  if (outcome.selection_changed) sink_.on_selected(ice_.selected());
  if (outcome.authenticated) start_dtls_client(now);
}

void Transport::start_dtls_client(base::TimePoint now) {
  if (state_ != State::kConnecting || role_ != DtlsRole::kClient || !ice_.selected().valid()) return;
  make_dtls();
  if (dtls_->state() != Dtls::State::kNew) return;
  dtls_peer_ = {};
  dtls_->start(now);
  after_dtls();
}

void Transport::on_dtls(base::ByteView datagram, const base::SocketAddress& from, base::TimePoint now) {
  if (!ice_.is_validated(from)) {
    ++counters_.dtls_from_stranger;
    return;
  }
  if (state_ == State::kFailed) return;
  make_dtls();
  dtls_peer_ = from;
  dtls_->receive(datagram, now);
  after_dtls();
}

// An answer goes where the question came from, a repetition to the address in use.
void Transport::send_dtls(base::ByteView datagram) {
  const auto& to = dtls_peer_.valid() ? dtls_peer_ : ice_.selected();
  if (to.valid()) sink_.send(to, datagram);
}

void Transport::after_dtls() {
  if (!dtls_ || state_ == State::kClosed || state_ == State::kFailed) return;
  if (dtls_->state() == Dtls::State::kClosed) {
    close(base::TimePoint{});
    sink_.on_closed();
    return;
  }
  if (const auto keys = dtls_->take_keys()) {
    if (!inbound_.open(keys->inbound, SrtpDirection::kInbound) ||
        !outbound_.open(keys->outbound, SrtpDirection::kOutbound)) {
      fail("SRTP sessions cannot be made");
      return;
    }
    profile_ = keys->outbound.profile;
    state_ = State::kConnected;
    sink_.on_connected(srtp_profile_name(profile_));
    return;
  }
  if (dtls_->state() == Dtls::State::kFailed) fail(dtls_->failure());
}

void Transport::fail(std::string_view reason) {
  state_ = State::kFailed;
  inbound_.close();
  outbound_.close();
  sink_.on_failed(reason);
}

void Transport::on_media(base::MutableByteView datagram, base::TimePoint now) {
  if (state_ != State::kConnected) {
    ++counters_.early_media;
    return;
  }
  if (datagram.size() >= 2 && is_rtcp(datagram)) {
    const auto size = inbound_.unprotect_rtcp(datagram);
    if (size == 0) {
      ++counters_.bad_srtcp;
      return;
    }
    ++counters_.rtcp_in;
    last_media_ = now;
    sink_.on_rtcp(datagram.first(size), now);
    return;
  }
  const auto size = inbound_.unprotect_rtp(datagram);
  if (size == 0) {
    ++counters_.bad_srtp;
    return;
  }
  ++counters_.rtp_in;
  last_media_ = now;
  sink_.on_rtp(datagram.first(size), now);
}

void Transport::on_timer(base::TimePoint now) {
  if (!dtls_ || now < dtls_->deadline()) return;
  dtls_peer_ = {};
  dtls_->on_timer(now);
  after_dtls();
}

void Transport::set_remote(RemoteParameters remote, base::TimePoint now) {
  if (state_ == State::kClosed) return;
  if (!remote.ufrag.empty()) ice_.set_remote_ufrag(std::move(remote.ufrag));
  if (remote.our_role) {
    role_ = *remote.our_role;
    if (dtls_) dtls_->set_role(role_);
  }
  if (!remote.fingerprints.empty()) {
    const bool changed = fingerprints_ != remote.fingerprints;
    fingerprints_ = std::move(remote.fingerprints);
    if ((state_ == State::kFailed && changed) ||
        (state_ == State::kConnected && dtls_->contradicts(fingerprints_))) {
      dtls_.reset();
      inbound_.close();
      outbound_.close();
      state_ = State::kConnecting;
    }
    if (dtls_) {
      dtls_->set_fingerprints(fingerprints_);
      after_dtls();
    }
  }
  start_dtls_client(now);
}

void Transport::restart_ice(IceCredentials local, std::string remote_ufrag) {
  ice_.restart(std::move(local));
  ice_.set_remote_ufrag(std::move(remote_ufrag));
}

std::size_t Transport::protect_rtp(base::MutableByteView buffer, std::size_t length) {
  const auto size = state_ == State::kConnected ? outbound_.protect_rtp(buffer, length) : 0;
  ++(size != 0 ? counters_.rtp_out : counters_.not_sendable);
  return size;
}

std::size_t Transport::protect_rtcp(base::MutableByteView buffer, std::size_t length) {
  const auto size = state_ == State::kConnected ? outbound_.protect_rtcp(buffer, length) : 0;
  ++(size != 0 ? counters_.rtcp_out : counters_.not_sendable);
  return size;
}

void Transport::close(base::TimePoint now) {
  if (state_ == State::kClosed) return;
  dtls_peer_ = {};
  if (dtls_) dtls_->close(now);
  inbound_.close();
  outbound_.close();
  state_ = State::kClosed;
}

}  // namespace webrtc
