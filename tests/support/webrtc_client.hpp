// The browser's end of a WebRTC leg, for tests: a full ICE agent reduced to sending checks, a DTLS client
// that uses OpenSSL by itself (not webrtc::Dtls), SRTP. In memory; what it would send is collected. One
// thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/random.hpp"
#include "webrtc/certificate.hpp"
#include "webrtc/ice_lite.hpp"
#include "webrtc/srtp.hpp"
#include "webrtc/stun.hpp"

namespace support {

struct CheckOptions {
  bool use_candidate = false;
  std::uint32_t priority = 1845494271;
  bool controlled = false;
  std::uint16_t extra_attribute = 0;  // 0: none
  std::string password;               // empty: the right one
};

// A Binding Request as libwebrtc lays it out.
inline base::Bytes binding_request(const webrtc::IceCredentials& server, std::string_view client_ufrag,
                                   const CheckOptions& options = {}) {
  std::array<std::uint8_t, 12> transaction;
  base::random_bytes(transaction);
  webrtc::StunBuilder b(webrtc::StunClass::kRequest, webrtc::kStunBinding, transaction);
  b.add(webrtc::StunAttribute::kUsername, server.ufrag + ":" + std::string(client_ufrag));
  b.add_u64(
      options.controlled ? webrtc::StunAttribute::kIceControlled : webrtc::StunAttribute::kIceControlling,
      77);
  if (options.use_candidate) b.add_flag(webrtc::StunAttribute::kUseCandidate);
  b.add_u32(webrtc::StunAttribute::kPriority, options.priority);
  if (options.extra_attribute != 0) {
    b.add(static_cast<webrtc::StunAttribute>(options.extra_attribute), "abc");
  }
  b.add_integrity(options.password.empty() ? server.pwd : options.password).add_fingerprint();
  return {b.bytes().begin(), b.bytes().end()};
}

// A packet with a 12-byte header and `size` bytes of payload; with room for SRTP's tag behind it.
inline base::Bytes rtp_packet(std::uint32_t ssrc, std::uint16_t sequence, std::size_t size = 100) {
  base::Bytes p(12 + size + webrtc::kSrtpOverhead);
  p[0] = 0x80;
  p[1] = 96;
  base::store_be16(p.data() + 2, sequence);
  base::store_be32(p.data() + 4, sequence * 960u);
  base::store_be32(p.data() + 8, ssrc);
  for (std::size_t i = 0; i < size; ++i) p[12 + i] = static_cast<std::uint8_t>(i);
  return p;
}
inline base::Bytes receiver_report(std::uint32_t ssrc) {
  base::Bytes p(8 + webrtc::kSrtpOverhead);
  p[0] = 0x80;
  p[1] = 201;
  base::store_be16(p.data() + 2, 1);
  base::store_be32(p.data() + 4, ssrc);
  return p;
}

class DtlsClient {
 public:
  explicit DtlsClient(const char* srtp_profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
                      bool with_certificate = true) {
    certificate_ = *webrtc::Certificate::make(base::WallTime::clock::now());
    context_ = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context_, [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
    if (srtp_profiles != nullptr) SSL_CTX_set_tlsext_use_srtp(context_, srtp_profiles);
    if (with_certificate) {
      SSL_CTX_use_certificate(context_, certificate_->x509());
      SSL_CTX_use_PrivateKey(context_, certificate_->key());
    }
    SSL_CTX_set_options(context_, SSL_OP_NO_QUERY_MTU);
    ssl_ = SSL_new(context_);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl_, in_, out_);
    SSL_set_mtu(ssl_, 1200);
    SSL_set_connect_state(ssl_);
  }
  ~DtlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  DtlsClient(const DtlsClient&) = delete;
  DtlsClient& operator=(const DtlsClient&) = delete;

  webrtc::Fingerprint fingerprint(std::string_view hash = "sha-256") const {
    return webrtc::fingerprint_of(certificate_->x509(), hash);
  }
  webrtc::Fingerprint server_fingerprint() const {
    return webrtc::fingerprint_of(SSL_get0_peer_certificate(ssl_), "sha-256");
  }
  // Goes on as far as it can; returns the datagrams to be sent.
  std::vector<base::Bytes> step() {
    ERR_clear_error();
    if (!connected()) {
      SSL_do_handshake(ssl_);
    } else {
      std::array<char, 512> unused;
      while (SSL_read(ssl_, unused.data(), unused.size()) > 0) {
      }
    }
    ERR_clear_error();
    return drain();
  }
  std::vector<base::Bytes> receive(base::ByteView datagram) {
    BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
    return step();
  }
  std::vector<base::Bytes> close() {
    SSL_shutdown(ssl_);
    return drain();
  }
  bool connected() const { return SSL_is_init_finished(ssl_) == 1; }
  bool closed_by_peer() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string profile() const {
    const auto* p = SSL_get_selected_srtp_profile(ssl_);
    return p == nullptr ? "" : p->name;
  }
  // Outbound and inbound sessions of this client (RFC 5764 section 4.2).
  std::pair<webrtc::SrtpSession, webrtc::SrtpSession> sessions() const {
    const auto profile = static_cast<webrtc::SrtpProfile>(SSL_get_selected_srtp_profile(ssl_)->id);
    const auto k = webrtc::srtp_key_size(profile);
    const auto s = webrtc::srtp_salt_size(profile);
    std::array<std::uint8_t, 92> m{};
    SSL_export_keying_material(ssl_, m.data(), 2 * (k + s), "EXTRACTOR-dtls_srtp", 19, nullptr, 0, 0);
    webrtc::SrtpKey client, server;
    client.profile = server.profile = profile;
    std::memcpy(client.bytes.data(), m.data(), k);
    std::memcpy(client.bytes.data() + k, m.data() + 2 * k, s);
    std::memcpy(server.bytes.data(), m.data() + k, k);
    std::memcpy(server.bytes.data() + k, m.data() + 2 * k + s, s);
    std::pair<webrtc::SrtpSession, webrtc::SrtpSession> result;
    (void)result.first.open(client, webrtc::SrtpDirection::kOutbound);
    (void)result.second.open(server, webrtc::SrtpDirection::kInbound);
    return result;
  }

 private:
  // A memory BIO runs datagrams together: cut between records.
  std::vector<base::Bytes> drain() {
    char* data = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out_, &data));
    const auto* p = reinterpret_cast<const std::uint8_t*>(data);
    std::vector<base::Bytes> result;
    for (std::size_t at = 0; at + 13 <= size;) {
      const std::size_t record = 13 + base::load_be16(p + at + 11);
      result.emplace_back(p + at, p + at + record);
      at += record;
    }
    (void)BIO_reset(out_);
    return result;
  }

  std::shared_ptr<const webrtc::Certificate> certificate_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

}  // namespace support
