// One DTLS 1.2 association (RFC 6347) that agrees on SRTP keys (RFC 5763, 5764), over OpenSSL: datagrams in,
// datagrams out, time as a parameter.
//
// Trust: the peer must show a certificate, in both roles, and keys are given out only after it has matched a
// fingerprint from signalling (RFC 8827 section 6.5). While no fingerprint is known, a finished handshake
// waits for one.
//
// An alert in clear is never read, and after the handshake nothing but the peer's own, encrypted alert ends
// anything.
//
// Timer: OpenSSL reads the real clock for retransmission. Here its timer is kept from ever expiring, and let
// expire when our deadline is reached in the caller's time; see the note in dtls.cpp.
//
// Memory: an association holds no SSL object before its first datagram; record buffers (34 kB) are given back
// after the handshake. The SSL object stays, for the peer's repeated last flight and for close_notify.
// Thread: the leg's; DtlsContext may be shared by all threads.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "webrtc/certificate.hpp"
#include "webrtc/srtp.hpp"

struct timeval;

namespace webrtc {

enum class DtlsRole : std::uint8_t { kServer, kClient };

constexpr std::size_t kDtlsMtu = 1200;  // bytes of UDP payload

// What all associations under one certificate share.
class DtlsContext {
 public:
  // SRTP profiles in our order: AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES128_CM_HMAC_SHA1_80. As server the
  // first that the client has too is taken, whatever its order.
  static base::Result<std::shared_ptr<const DtlsContext>> make(
      std::shared_ptr<const Certificate> certificate);
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  DtlsContext& operator=(const DtlsContext&) = delete;

  const Certificate& certificate() const { return *certificate_; }
  SSL_CTX* get() const { return context_; }

 private:
  DtlsContext(std::shared_ptr<const Certificate> certificate, SSL_CTX* context)
      : certificate_(std::move(certificate)), context_(context) {}
  std::shared_ptr<const Certificate> certificate_;
  SSL_CTX* context_;
};

class DtlsSender {
 public:
  virtual ~DtlsSender() = default;
  // Called from within the association, which must not be called back from here.
  virtual void send_dtls(base::ByteView datagram) = 0;
};

class Dtls {
 public:
  enum class State : std::uint8_t {
    kNew,
    kHandshaking,
    kUnverified,  // the handshake is done, the peer's fingerprint not known yet
    kConnected,   // keys() are there
    kClosed,      // by close(), or by the peer's close_notify
    kFailed,      // failure() says why
  };

  Dtls(std::shared_ptr<const DtlsContext> context, DtlsRole role, DtlsSender& sender);
  ~Dtls();
  Dtls(const Dtls&) = delete;
  Dtls& operator=(const Dtls&) = delete;

  State state() const { return state_; }
  DtlsRole role() const { return role_; }
  std::string_view failure() const { return failure_; }

  void set_role(DtlsRole role);  // before the first datagram; later without effect
  void set_fingerprints(std::vector<Fingerprint> fingerprints);  // may settle kUnverified
  // Whether the peer's certificate has been seen and is none of these: then a new association is wanted.
  bool contradicts(std::span<const Fingerprint> fingerprints) const;

  void start(base::TimePoint now);  // the client's first flight; nothing for a server
  void receive(base::ByteView datagram, base::TimePoint now);
  void close(base::TimePoint now);  // close_notify, if there is somebody to read it

  base::TimePoint deadline() const { return deadline_; }
  void on_timer(base::TimePoint now);

  // Once, in kConnected: what we send with and what we receive with.
  struct Keys {
    SrtpKey outbound;
    SrtpKey inbound;
  };
  std::optional<Keys> take_keys();

 private:
  friend struct DtlsBio;

  bool open();
  void step();
  void finish_handshake();
  void settle();
  void drain();
  void fail(std::string reason);
  void release();
  bool export_keys(Keys& keys) const;
  static int verify(X509_STORE_CTX* store, void* unused);
  static unsigned timer_duration(SSL* ssl, unsigned previous_us);

  std::shared_ptr<const DtlsContext> context_;
  DtlsSender& sender_;
  SSL* ssl_ = nullptr;
  std::vector<Fingerprint> fingerprints_;
  std::string failure_;
  base::ByteView inbox_;  // the datagram in hand
  base::TimePoint now_{};
  base::TimePoint deadline_ = base::kNever;
  timeval* library_timer_ = nullptr;
  unsigned duration_us_ = 0;
  DtlsRole role_;
  State state_ = State::kNew;
  bool keys_taken_ = false;
  bool broken_ = false;  // connected, but the SSL object is not usable any more

  friend class DtlsContext;
};

}  // namespace webrtc
