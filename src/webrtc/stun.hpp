// STUN messages (RFC 8489) with the attributes that ICE uses (RFC 8445 section 16.1): parsing without copies,
// checks of MESSAGE-INTEGRITY and FINGERPRINT, and a builder with a buffer of its own. Thread: values.
// Errors: base::Result with a short detail; nothing here allocates on well-formed input.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace webrtc {

constexpr std::uint32_t kStunMagicCookie = 0x2112a442;
constexpr std::size_t kStunHeaderSize = 20;
constexpr std::size_t kMaxStunMessage = 1500;  // longer ones are refused: nobody sends checks in fragments
constexpr std::uint16_t kStunBinding = 0x001;

enum class StunClass : std::uint8_t { kRequest = 0, kIndication = 1, kSuccess = 2, kError = 3 };

enum class StunAttribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kMessageIntegritySha256 = 0x001c,
  kPasswordAlgorithm = 0x001d,
  kUserhash = 0x001e,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

constexpr int kStunBadRequest = 400;
constexpr int kStunUnauthenticated = 401;
constexpr int kStunUnknownAttribute = 420;
constexpr int kIceRoleConflict = 487;

// True for a datagram whose first byte is in STUN's range (RFC 7983 section 7).
constexpr bool looks_like_stun(base::ByteView datagram) {
  return !datagram.empty() && datagram[0] <= 3;
}

// Views into the bytes that were parsed, which must outlive it. Of a repeated attribute the first counts (RFC
// 8489 section 14); those after MESSAGE-INTEGRITY are left out, FINGERPRINT excepted (section 14.5).
struct StunMessage {
  base::ByteView bytes;
  StunClass message_class = StunClass::kRequest;
  std::uint16_t method = 0;

  std::optional<std::string_view> username;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> ice_controlling;
  std::optional<std::uint64_t> ice_controlled;
  std::optional<base::SocketAddress> mapped_address;  // of XOR-MAPPED-ADDRESS
  std::optional<int> error_code;
  std::string_view error_reason;
  base::ByteView unknown_attributes;  // the value of UNKNOWN-ATTRIBUTES: 16-bit types
  bool use_candidate = false;
  bool has_integrity = false;
  bool has_fingerprint = false;    // present, and right: a wrong one is an error of parse_stun()
  std::uint8_t unknown_count = 0;  // comprehension-required attributes that we don't know, the first of them:
  std::array<std::uint16_t, 8> unknown{};
  std::size_t integrity_offset = 0;

  base::ByteView transaction() const { return bytes.subspan(8, 12); }
  // RFC 8489 section 14.5: HMAC-SHA1 over all before the attribute, compared in constant time. False without
  // one.
  bool integrity_ok(base::ByteView key) const;
  bool integrity_ok(std::string_view password) const { return integrity_ok(base::as_bytes(password)); }
};

base::Result<StunMessage> parse_stun(base::ByteView datagram);

// The local ufrag of a Binding Request's USERNAME "local:remote" (RFC 8445 section 7.2.2), unverified: it
// only finds the leg that will verify it. Empty for anything else.
std::optional<std::string_view> stun_local_ufrag(base::ByteView datagram);

// Writes one message; what does not fit makes it empty. Order: attributes, integrity, fingerprint.
class StunBuilder {
 public:
  StunBuilder() = default;
  StunBuilder(StunClass message_class, std::uint16_t method, base::ByteView transaction) {
    start(message_class, method, transaction);
  }
  void start(StunClass message_class, std::uint16_t method, base::ByteView transaction);

  StunBuilder& add(StunAttribute type, base::ByteView value);
  StunBuilder& add(StunAttribute type, std::string_view value) { return add(type, base::as_bytes(value)); }
  StunBuilder& add_u32(StunAttribute type, std::uint32_t value);
  StunBuilder& add_u64(StunAttribute type, std::uint64_t value);
  StunBuilder& add_flag(StunAttribute type) { return add(type, base::ByteView{}); }
  StunBuilder& add_xor_mapped_address(const base::SocketAddress& address);
  StunBuilder& add_error(int code, std::string_view reason);
  StunBuilder& add_unknown_attributes(std::span<const std::uint16_t> types);
  StunBuilder& add_integrity(std::string_view password);
  StunBuilder& add_fingerprint();

  base::ByteView bytes() const { return ok_ ? base::ByteView(buffer_.data(), size_) : base::ByteView{}; }

 private:
  // Room for an attribute's header and value; null when there is none.
  std::uint8_t* reserve(StunAttribute type, std::size_t length);

  std::array<std::uint8_t, 768> buffer_;
  std::size_t size_ = 0;
  bool ok_ = false;
};

}  // namespace webrtc
