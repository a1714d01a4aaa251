#include "webrtc/srtp.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace webrtc {
namespace {

constexpr std::size_t kRtpHeader = 12;
constexpr std::size_t kRtcpHeader = 8;
constexpr std::size_t kSrtcpIndex = 4;

bool library_ready() {
  static const bool ready = srtp_init() == srtp_err_status_ok;
  return ready;
}

srtp_profile_t library_profile(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmHmacSha1_80:
      return srtp_profile_aes128_cm_sha1_80;
    case SrtpProfile::kAes128CmHmacSha1_32:
      return srtp_profile_aes128_cm_sha1_32;
    case SrtpProfile::kAeadAes128Gcm:
      return srtp_profile_aead_aes_128_gcm;
    case SrtpProfile::kAeadAes256Gcm:
      return srtp_profile_aead_aes_256_gcm;
  }
  return srtp_profile_reserved;
}

// Whether header, CSRCs and extension lie within the packet; what follows is opaque.
bool plausible_rtp(base::ByteView packet) {
  if (packet.size() < kRtpHeader || packet.size() > 65535 || packet[0] >> 6 != 2) return false;
  std::size_t header = kRtpHeader + 4 * (packet[0] & 0x0fu);
  if ((packet[0] & 0x10) != 0) {
    if (packet.size() < header + 4) return false;
    header += 4 + 4 * std::size_t{base::load_be16(packet.data() + header + 2)};
  }
  return packet.size() >= header;
}

bool plausible_rtcp(base::ByteView packet) {
  return packet.size() >= kRtcpHeader && packet.size() <= 65535 && packet[0] >> 6 == 2;
}

}  // namespace

std::string_view srtp_profile_name(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAes128CmHmacSha1_80:
      return "SRTP_AES128_CM_HMAC_SHA1_80";
    case SrtpProfile::kAes128CmHmacSha1_32:
      return "SRTP_AES128_CM_HMAC_SHA1_32";
    case SrtpProfile::kAeadAes128Gcm:
      return "SRTP_AEAD_AES_128_GCM";
    case SrtpProfile::kAeadAes256Gcm:
      return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

std::size_t srtp_key_size(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes256Gcm ? 32 : 16;
}
std::size_t srtp_salt_size(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes128Gcm || profile == SrtpProfile::kAeadAes256Gcm ? 12 : 14;
}

SrtpKey::~SrtpKey() {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

SrtpSession::~SrtpSession() {
  close();
}

SrtpSession::SrtpSession(SrtpSession&& other) noexcept {
  *this = std::move(other);
}

SrtpSession& SrtpSession::operator=(SrtpSession&& other) noexcept {
  if (this != &other) {
    close();
    session_ = std::exchange(other.session_, nullptr);
    ssrcs_ = std::move(other.ssrcs_);
    last_used_ = std::move(other.last_used_);
    packets_ = other.packets_;
  }
  return *this;
}

void SrtpSession::close() {
  if (session_ != nullptr) srtp_dealloc(session_);
  session_ = nullptr;
  ssrcs_.clear();
  last_used_.clear();
}

base::Status SrtpSession::open(const SrtpKey& key, SrtpDirection direction) {
  close();
  if (!library_ready()) return base::fail(base::ErrorCode::kInternal, "srtp_init failed");
  srtp_policy_t policy;
  std::memset(&policy, 0, sizeof policy);
  const auto profile = library_profile(key.profile);
  if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) != srtp_err_status_ok ||
      srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile) != srtp_err_status_ok) {
    return base::fail(base::ErrorCode::kUnsupported, "SRTP profile");
  }
  auto bytes = key.bytes;
  policy.key = bytes.data();
  policy.ssrc.type = direction == SrtpDirection::kInbound ? ssrc_any_inbound : ssrc_any_outbound;
  policy.window_size = kReplayWindow;
  policy.allow_repeat_tx = direction == SrtpDirection::kOutbound ? 1 : 0;
  const auto status = srtp_create(&session_, &policy);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (status != srtp_err_status_ok) {
    session_ = nullptr;
    return base::fail(base::ErrorCode::kInternal, "srtp_create failed");
  }
  if (direction == SrtpDirection::kInbound) {
    ssrcs_.reserve(8);
    last_used_.reserve(8);
  }
  return {};
}

std::size_t SrtpSession::protect_rtp(base::MutableByteView buffer, std::size_t length) {
  if (session_ == nullptr || length > buffer.size() || buffer.size() - length < kSrtpOverhead ||
      !plausible_rtp(buffer.first(length))) {
    return 0;
  }
  int size = static_cast<int>(length);
  return srtp_protect(session_, buffer.data(), &size) == srtp_err_status_ok ? static_cast<std::size_t>(size)
                                                                            : 0;
}

std::size_t SrtpSession::protect_rtcp(base::MutableByteView buffer, std::size_t length) {
  if (session_ == nullptr || length > buffer.size() || buffer.size() - length < kSrtpOverhead ||
      !plausible_rtcp(buffer.first(length))) {
    return 0;
  }
  int size = static_cast<int>(length);
  return srtp_protect_rtcp(session_, buffer.data(), &size) == srtp_err_status_ok
             ? static_cast<std::size_t>(size)
             : 0;
}

bool SrtpSession::forget(std::uint32_t ssrc) {
  return session_ != nullptr && srtp_remove_stream(session_, htonl(ssrc)) == srtp_err_status_ok;
}

std::size_t SrtpSession::unprotect_rtp(base::MutableByteView packet) {
  if (session_ == nullptr || !plausible_rtp(packet)) return 0;
  const auto ssrc = base::load_be32(packet.data() + 8);
  int size = static_cast<int>(packet.size());
  if (srtp_unprotect(session_, packet.data(), &size) != srtp_err_status_ok ||
      size < static_cast<int>(kRtpHeader)) {
    return 0;
  }
  touch(ssrc);
  return static_cast<std::size_t>(size);
}

std::size_t SrtpSession::unprotect_rtcp(base::MutableByteView packet) {
  if (session_ == nullptr || !plausible_rtcp(packet) || packet.size() < kRtcpHeader + kSrtcpIndex + 10)
    return 0;
  const auto ssrc = base::load_be32(packet.data() + 4);
  int size = static_cast<int>(packet.size());
  if (srtp_unprotect_rtcp(session_, packet.data(), &size) != srtp_err_status_ok ||
      size < static_cast<int>(kRtcpHeader)) {
    return 0;
  }
  touch(ssrc);
  return static_cast<std::size_t>(size);
}

// Called for authentic packets alone: nothing is learnt from others.
void SrtpSession::touch(std::uint32_t ssrc) {
  ++packets_;
  const auto found = std::find(ssrcs_.begin(), ssrcs_.end(), ssrc);
  if (found != ssrcs_.end()) {
    last_used_[static_cast<std::size_t>(found - ssrcs_.begin())] = packets_;
    return;
  }
  if (ssrcs_.size() < kMaxInboundSsrcs) {
    ssrcs_.push_back(ssrc);
    last_used_.push_back(packets_);
    return;
  }
  const auto oldest = static_cast<std::size_t>(std::ranges::min_element(last_used_) - last_used_.begin());
  srtp_remove_stream(session_, htonl(ssrcs_[oldest]));
  ssrcs_[oldest] = ssrc;
  last_used_[oldest] = packets_;
}

}  // namespace webrtc
