#include "webrtc/dtls.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace webrtc {

namespace {

constexpr const char* kSrtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA";
constexpr long kMaxCertificateBytes = 16 * 1024;

// RFC 6347 section 4.2.4.1 asks for 1 s and lets real-time media take less; doubled each time, up to 3 s.
// OpenSSL gives up after twelve.
constexpr unsigned kFirstTimeoutUs = 200'000;
constexpr unsigned kMaxTimeoutUs = 3'000'000;
constexpr base::Duration kRetry = std::chrono::milliseconds(10);

// OpenSSL 3.0 hands its BIO, by BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT, a pointer to the very field that it compares
// with the real clock. We keep that field in the far future, and put it into the past when our own deadline
// has come. From 3.1 on the pointer may be to a copy; there the deadline is ours and OpenSSL's clock decides
// too, so that we ask again until both agree. Checked at run time, since the shared library may be newer than
// the headers.
bool timer_is_ours() {
  return OpenSSL_version_num() < 0x30100000UL;
}
constexpr time_t kFarFuture = time_t{1} << 40;

// An alert that is not encrypted proves nothing about who sent it, so it ends nothing. A peer that really
// gives up in mid-handshake is noticed by its silence.
bool is_plain_alert(base::ByteView datagram) {
  constexpr std::uint8_t kAlert = 21;
  return datagram.size() >= 13 && datagram[0] == kAlert && base::load_be16(datagram.data() + 3) == 0;
}

}  // namespace

// The BIO that stands where a socket would: one datagram per read and per write.
struct DtlsBio {
  static Dtls* self(BIO* bio) { return static_cast<Dtls*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    if (size > 0) {
      self(bio)->sender_.send_dtls(
          {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
    }
    return size;
  }
  static int read(BIO* bio, char* out, int size) {
    auto& inbox = self(bio)->inbox_;
    BIO_clear_retry_flags(bio);
    if (inbox.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto n = std::min(inbox.size(), static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(out, inbox.data(), n);
    inbox = {};  // as recv() does: what does not fit is gone
    return static_cast<int>(n);
  }
  static long control(BIO* bio, int command, long, void* pointer) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_DGRAM_QUERY_MTU:
      case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return static_cast<long>(kDtlsMtu);
      case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
        next_timeout(*self(bio), static_cast<timeval*>(pointer));
        return 1;
      default:
        return 0;
    }
  }
  static void next_timeout(Dtls& dtls, timeval* timer) {
    dtls.library_timer_ = nullptr;
    dtls.deadline_ = base::kNever;
    if (timer == nullptr || (timer->tv_sec == 0 && timer->tv_usec == 0)) return;  // stopped
    dtls.deadline_ = dtls.now_ + std::chrono::microseconds(dtls.duration_us_);
    if (!timer_is_ours()) return;
    dtls.library_timer_ = timer;
    timer->tv_sec = kFarFuture;
  }
  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const instance = [] {
      auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, control);
      BIO_meth_set_create(m, create);
      return m;
    }();
    return instance;
  }
};

base::Result<std::shared_ptr<const DtlsContext>> DtlsContext::make(
    std::shared_ptr<const Certificate> certificate) {
  SSL_CTX* c = SSL_CTX_new(DTLS_method());
  if (c == nullptr) return base::fail(base::ErrorCode::kInternal, "SSL_CTX_new failed");
  std::shared_ptr<const DtlsContext> context(new DtlsContext(std::move(certificate), c));
  SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
                             SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(c, 1);
  SSL_CTX_set_max_cert_list(c, kMaxCertificateBytes);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(c, Dtls::verify, nullptr);
  const auto& own = context->certificate();
  // SSL_CTX_set_tlsext_use_srtp() returns 0 for success.
  if (SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(c, kCiphers) != 1 ||
      SSL_CTX_set1_groups_list(c, "X25519:P-256:P-384") != 1 ||
      SSL_CTX_set_tlsext_use_srtp(c, kSrtpProfiles) != 0 || SSL_CTX_use_certificate(c, own.x509()) != 1 ||
      SSL_CTX_use_PrivateKey(c, own.key()) != 1) {
    ERR_clear_error();
    return base::fail(base::ErrorCode::kInternal, "OpenSSL lacks what DTLS-SRTP needs");
  }
  return context;
}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(context_);
}

Dtls::Dtls(std::shared_ptr<const DtlsContext> context, DtlsRole role, DtlsSender& sender)
    : context_(std::move(context)), sender_(sender), role_(role) {}

Dtls::~Dtls() {
  release();
}

void Dtls::release() {
  library_timer_ = nullptr;
  deadline_ = base::kNever;
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
}

bool Dtls::open() {
  ssl_ = SSL_new(context_->get());
  BIO* bio = ssl_ == nullptr ? nullptr : BIO_new(DtlsBio::method());
  if (bio == nullptr) {
    fail("no memory for DTLS");
    return false;
  }
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_mtu(ssl_, static_cast<long>(kDtlsMtu));
  DTLS_set_timer_cb(ssl_, timer_duration);
  if (role_ == DtlsRole::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
  state_ = State::kHandshaking;
  return true;
}

unsigned Dtls::timer_duration(SSL* ssl, unsigned previous_us) {
  auto* self = static_cast<Dtls*>(SSL_get_app_data(ssl));
  self->duration_us_ = previous_us == 0 ? kFirstTimeoutUs : std::min(previous_us * 2, kMaxTimeoutUs);
  return self->duration_us_;
}

// In place of a chain of trust: the fingerprint, if it is known by now; settle() asks again in any case.
int Dtls::verify(X509_STORE_CTX* store, void*) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* self = ssl == nullptr ? nullptr : static_cast<const Dtls*>(SSL_get_app_data(ssl));
  if (self == nullptr) return 0;
  if (self->fingerprints_.empty()) return 1;
  if (fingerprint_matches(X509_STORE_CTX_get0_cert(store), self->fingerprints_)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

void Dtls::set_role(DtlsRole role) {
  if (state_ == State::kNew) role_ = role;
}

void Dtls::set_fingerprints(std::vector<Fingerprint> fingerprints) {
  fingerprints_ = std::move(fingerprints);
  if (state_ == State::kUnverified) settle();
}

bool Dtls::contradicts(std::span<const Fingerprint> fingerprints) const {
  const X509* peer = ssl_ == nullptr ? nullptr : SSL_get0_peer_certificate(ssl_);
  return peer != nullptr && !fingerprint_matches(peer, fingerprints);
}

void Dtls::start(base::TimePoint now) {
  if (state_ != State::kNew || role_ != DtlsRole::kClient) return;
  now_ = now;
  if (open()) step();
}

void Dtls::receive(base::ByteView datagram, base::TimePoint now) {
  if (state_ == State::kClosed || state_ == State::kFailed || broken_) return;
  if (is_plain_alert(datagram)) return;
  now_ = now;
  if (state_ == State::kNew && !open()) return;
  inbox_ = datagram;
  if (state_ == State::kHandshaking) {
    step();
  } else {
    drain();
  }
  inbox_ = {};
}

void Dtls::step() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    finish_handshake();
    return;
  }
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (SSL_get_verify_result(ssl_) == X509_V_ERR_CERT_REJECTED) {
    fail("certificate does not match the fingerprint");
    return;
  }
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  fail(std::string("DTLS handshake: ") + (reason != nullptr ? reason : "failed"));
}

void Dtls::finish_handshake() {
  const auto* profile = SSL_get_selected_srtp_profile(ssl_);
  if (profile == nullptr) {
    fail("no SRTP profile in common");
    return;
  }
  state_ = State::kUnverified;
  if (!fingerprints_.empty()) settle();
  if (state_ != State::kFailed) drain();
}

void Dtls::settle() {
  const X509* peer = SSL_get0_peer_certificate(ssl_);
  if (peer != nullptr && fingerprint_matches(peer, fingerprints_)) {
    state_ = State::kConnected;
    return;
  }
  SSL_alloc_buffers(ssl_);
  SSL_shutdown(ssl_);
  fail("certificate does not match the fingerprint");
}

// What comes after the handshake: a repeated last flight, an alert, data that nobody asked for.
void Dtls::drain() {
  ERR_clear_error();
  SSL_alloc_buffers(ssl_);
  std::array<std::uint8_t, 2048> unused;
  int result = 0;
  while ((result = SSL_read(ssl_, unused.data(), unused.size())) > 0) {
  }
  const int error = SSL_get_error(ssl_, result);
  if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0) {
    state_ = State::kClosed;
    release();
    return;
  }
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    SSL_free_buffers(ssl_);
    return;
  }
  // Nothing that arrives now takes away keys that were agreed on.
  ERR_clear_error();
  broken_ = true;
  deadline_ = base::kNever;
}

void Dtls::fail(std::string reason) {
  ERR_clear_error();
  failure_ = std::move(reason);
  state_ = State::kFailed;
  release();
}

void Dtls::close(base::TimePoint now) {
  now_ = now;
  if (ssl_ != nullptr && !broken_ && (state_ == State::kConnected || state_ == State::kUnverified)) {
    ERR_clear_error();
    SSL_alloc_buffers(ssl_);
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  release();
  if (state_ != State::kFailed) state_ = State::kClosed;
}

void Dtls::on_timer(base::TimePoint now) {
  if (ssl_ == nullptr || now < deadline_) return;
  now_ = now;
  deadline_ = base::kNever;
  if (library_timer_ != nullptr) {
    library_timer_->tv_sec = 1;
    library_timer_->tv_usec = 0;
  }
  ERR_clear_error();
  SSL_alloc_buffers(ssl_);
  const long result = DTLSv1_handle_timeout(ssl_);
  if (result < 0 && state_ == State::kHandshaking) {
    fail("DTLS handshake: no answer");
  } else if (result == 0 && !timer_is_ours()) {
    deadline_ = now + kRetry;
  }
}

std::optional<Dtls::Keys> Dtls::take_keys() {
  if (state_ != State::kConnected || keys_taken_) return std::nullopt;
  keys_taken_ = true;
  std::optional<Keys> keys(std::in_place);
  if (!export_keys(*keys)) {
    fail("key export");
    return std::nullopt;
  }
  return keys;
}

// RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt.
bool Dtls::export_keys(Keys& keys) const {
  const auto profile = static_cast<SrtpProfile>(SSL_get_selected_srtp_profile(ssl_)->id);
  const auto key = srtp_key_size(profile);
  const auto salt = srtp_salt_size(profile);
  std::array<std::uint8_t, 92> material{};
  static constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl_, material.data(), 2 * (key + salt), kLabel.data(), kLabel.size(),
                                 nullptr, 0, 0) != 1) {
    return false;
  }
  auto& client = role_ == DtlsRole::kClient ? keys.outbound : keys.inbound;
  auto& server = role_ == DtlsRole::kClient ? keys.inbound : keys.outbound;
  client.profile = server.profile = profile;
  std::memcpy(client.bytes.data(), material.data(), key);
  std::memcpy(server.bytes.data(), material.data() + key, key);
  std::memcpy(client.bytes.data() + key, material.data() + 2 * key, salt);
  std::memcpy(server.bytes.data() + key, material.data() + 2 * key + salt, salt);
  OPENSSL_cleanse(material.data(), material.size());
  return true;
}

}  // namespace webrtc
