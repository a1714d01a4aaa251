// SRTP and SRTCP (RFC 3711, 7714) over libsrtp2: one session per direction, for any number of SSRCs, in
// place.
//
// libsrtp2 2.5 keeps a session's streams in a linked list. Measured with AEAD_AES_128_GCM, 1,100 bytes, SSRCs
// in random order: 0.85 us a packet with 1 to 100 SSRCs, 0.94 with 200, 1.13 with 400, 1.46 with 800; 384
// bytes a stream, some 20 kB a session. So one session serves all SSRCs of a direction, and a stream is
// allocated once per SSRC. Thread: the leg's. Errors: a packet that fails is an empty or zero result; the
// session goes on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct srtp_ctx_t_;

namespace webrtc {

// The protection profiles' numbers in DTLS (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
enum class SrtpProfile : std::uint16_t {
  kAes128CmHmacSha1_80 = 0x0001,
  kAes128CmHmacSha1_32 = 0x0002,  // never by DTLS, but phones have it in SDP
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};
std::string_view srtp_profile_name(SrtpProfile profile);  // as IANA has it
std::size_t srtp_key_size(SrtpProfile profile);
std::size_t srtp_salt_size(SrtpProfile profile);

// Spare bytes that a buffer must have behind the packet to be protected: tag, and SRTCP's index.
constexpr std::size_t kSrtpOverhead = 24;

// Master key and salt of one direction, erased from memory with the object.
struct SrtpKey {
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  std::array<std::uint8_t, 46> bytes{};  // key, then salt
  ~SrtpKey();
};

enum class SrtpDirection { kInbound, kOutbound };

class SrtpSession {
 public:
  SrtpSession() = default;
  ~SrtpSession();
  SrtpSession(SrtpSession&& other) noexcept;
  SrtpSession& operator=(SrtpSession&& other) noexcept;

  base::Status open(const SrtpKey& key, SrtpDirection direction);
  void close();
  explicit operator bool() const { return session_ != nullptr; }

  // Outbound: the size of the protected packet, 0 when it cannot be sent. `buffer` has kSrtpOverhead bytes or
  // more behind `length`. The same sequence number may be sent again, byte for byte the same packet: under
  // GCM another content would give the key away, so what is changed in retransmission goes by RTX (RFC 4588)
  // with a number of its own.
  std::size_t protect_rtp(base::MutableByteView buffer, std::size_t length);
  std::size_t protect_rtcp(base::MutableByteView buffer, std::size_t length);
  // Outbound: frees the stream of an SSRC that will not be sent any more, ever, in this session.
  bool forget(std::uint32_t ssrc);

  // Inbound: the packet's size once decrypted; 0 when it is not one, not authentic, or seen before.
  std::size_t unprotect_rtp(base::MutableByteView packet);
  std::size_t unprotect_rtcp(base::MutableByteView packet);

  static constexpr std::size_t kReplayWindow = 1024;
  // An authenticated peer that uses more SSRCs inbound than this loses the least recently used one's stream.
  static constexpr std::size_t kMaxInboundSsrcs = 256;
  std::size_t inbound_ssrcs() const { return ssrcs_.size(); }

 private:
  void touch(std::uint32_t ssrc);

  srtp_ctx_t_* session_ = nullptr;
  std::vector<std::uint32_t> ssrcs_;      // inbound, authenticated
  std::vector<std::uint64_t> last_used_;  // in packets, beside ssrcs_
  std::uint64_t packets_ = 0;
};

}  // namespace webrtc
