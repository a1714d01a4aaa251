// The BUNDLE transport of one leg (RFC 8843): ICE-lite, DTLS and SRTP behind one address, told apart by the
// first byte (RFC 7983) and RTCP by its packet type (RFC 5761).
//
// Datagrams come in by on_datagram(), go out through the sink; the caller supplies the time and calls
// on_timer() when deadline() has come. A worker that has many legs on one port finds the leg by the sender's
// address, once is_validated(); before that by stun_local_ufrag(). An address is the peer's as it is on the
// wire, of UDP or of an ICE-TCP connection (whose datagrams the worker frames, see tcp_framing.hpp); send()
// goes back the same way.
//
// Trust: only an authenticated Binding Request makes an address ours; DTLS and SRTP from any other are
// dropped unread. No RTP goes out or comes in before the peer's certificate has matched, and nothing ever
// goes in clear. Cost: no allocation per RTP packet (libsrtp2 makes one per new SSRC). A leg is some 80 kB
// once connected. Thread: the leg's. The sink may call back, send() excepted, but not destroy the transport.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "webrtc/dtls.hpp"
#include "webrtc/ice_lite.hpp"
#include "webrtc/srtp.hpp"

namespace webrtc {

class TransportSink {
 public:
  virtual ~TransportSink() = default;
  // Bytes are valid during the call. Must not call the transport back.
  virtual void send(const base::SocketAddress& to, base::ByteView datagram) = 0;
  // Decrypted in place, authentic, not seen before.
  virtual void on_rtp(base::MutableByteView packet, base::TimePoint now) = 0;
  virtual void on_rtcp(base::MutableByteView compound, base::TimePoint now) = 0;
  // Keys are there; again after the peer has begun a new DTLS association. The profile's name as IANA has it.
  virtual void on_connected(std::string_view srtp_profile) = 0;
  // The leg has no media any more, unless signalling brings another fingerprint: in plain words why, for a
  // log.
  virtual void on_failed(std::string_view reason) = 0;
  // The peer said close_notify: its page closed the connection.
  virtual void on_closed() {}
  // Where datagrams go has changed, by nomination or as the first check came.
  virtual void on_selected(const base::SocketAddress& /*address*/) {}
};

// What signalling says of the peer. Empty members: not known, leave what is.
struct RemoteParameters {
  std::string ufrag;
  std::vector<Fingerprint> fingerprints;
  std::optional<DtlsRole> our_role;  // by a=setup: we are client where the peer is passive
};

struct TransportConfig {
  IceCredentials local;
  RemoteParameters remote;
  std::shared_ptr<const DtlsContext> dtls;
};

class Transport final : private DtlsSender {
 public:
  struct Counters {
    std::uint64_t stun_requests = 0;  // authenticated
    std::uint64_t bad_stun = 0;       // malformed, unauthenticated, unexpected
    std::uint64_t dtls_from_stranger = 0;
    std::uint64_t media_from_stranger = 0;
    std::uint64_t early_media = 0;  // before there were keys
    std::uint64_t bad_srtp = 0;     // not authentic, replayed, or no RTP at all
    std::uint64_t bad_srtcp = 0;
    std::uint64_t unknown = 0;  // none of STUN, DTLS, RTP
    std::uint64_t rtp_in = 0, rtcp_in = 0, rtp_out = 0, rtcp_out = 0;
    std::uint64_t not_sendable = 0;  // protect_*() that returned 0
  };

  Transport(TransportConfig config, TransportSink& sink);
  ~Transport() override;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  void on_datagram(base::MutableByteView datagram, const base::SocketAddress& from, base::TimePoint now);
  base::TimePoint deadline() const { return dtls_ ? dtls_->deadline() : base::kNever; }
  void on_timer(base::TimePoint now);

  // What was learnt later, or again by a re-INVITE. The same fingerprint keeps DTLS as it is; one that the
  // peer's certificate does not have means a new association (RFC 8842 section 5.1): the keys are forgotten,
  // and on_connected() comes anew.
  void set_remote(RemoteParameters remote, base::TimePoint now);
  // New credentials of ours, for an ICE restart in either direction; DTLS and SRTP go on. The peer's new
  // ufrag, if known. Checks with the old ones are answered until the new are used, so a table of ufrags keeps
  // both.
  void restart_ice(IceCredentials local, std::string remote_ufrag = {});

  // In place, `buffer` with kSrtpOverhead bytes to spare behind `length`: the size to be sent, 0 when it is
  // not sendable (no keys, no address). See SrtpSession::protect_rtp() about sending a packet again.
  std::size_t protect_rtp(base::MutableByteView buffer, std::size_t length);
  std::size_t protect_rtcp(base::MutableByteView buffer, std::size_t length);
  // An outbound SSRC that is gone for good.
  void forget_ssrc(std::uint32_t ssrc) { outbound_.forget(ssrc); }

  bool connected() const { return state_ == State::kConnected; }
  bool failed() const { return state_ == State::kFailed; }
  std::string_view srtp_profile() const {
    return connected() ? srtp_profile_name(profile_) : std::string_view{};
  }
  const base::SocketAddress& selected_address() const { return ice_.selected(); }
  bool is_validated(const base::SocketAddress& address) const { return ice_.is_validated(address); }
  const IceCredentials& local_ice() const { return ice_.local(); }
  const std::string& remote_ufrag() const { return ice_.remote_ufrag(); }
  DtlsRole dtls_role() const { return dtls_ ? dtls_->role() : role_; }
  // The time of the last authenticated Binding Request or authentic SRTP or SRTCP packet; TimePoint{}: none
  // yet.
  base::TimePoint last_authenticated() const { return std::max(ice_.last_consent(), last_media_); }
  const Counters& counters() const { return counters_; }

  // close_notify to the peer; nothing goes in or out afterwards.
  void close(base::TimePoint now);

 private:
  enum class State : std::uint8_t { kConnecting, kConnected, kClosed, kFailed };

  void on_stun(base::ByteView datagram, const base::SocketAddress& from, base::TimePoint now);
  void on_dtls(base::ByteView datagram, const base::SocketAddress& from, base::TimePoint now);
  void on_media(base::MutableByteView datagram, base::TimePoint now);
  void send_dtls(base::ByteView datagram) override;
  void start_dtls_client(base::TimePoint now);
  void make_dtls();
  void after_dtls();
  void fail(std::string_view reason);

  TransportSink& sink_;
  std::shared_ptr<const DtlsContext> context_;
  IceLite ice_;
  std::unique_ptr<Dtls> dtls_;
  std::vector<Fingerprint> fingerprints_;
  SrtpSession inbound_;
  SrtpSession outbound_;
  base::SocketAddress dtls_peer_;  // where DTLS came from last, for answers before a nomination
  base::TimePoint last_media_{};
  Counters counters_;
  SrtpProfile profile_ = SrtpProfile::kAeadAes128Gcm;
  DtlsRole role_ = DtlsRole::kServer;
  State state_ = State::kConnecting;
};

}  // namespace webrtc
