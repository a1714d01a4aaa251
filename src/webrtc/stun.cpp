#include "webrtc/stun.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

namespace webrtc {
namespace {

constexpr std::size_t kIntegritySize = 20;
constexpr std::size_t kMaxUsername = 508;  // RFC 8489 section 14.3: fewer than 509 bytes
constexpr std::uint32_t kFingerprintXor = 0x5354554e;

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0u);
    table[i] = c;
  }
  return table;
}();

std::uint32_t crc32(base::ByteView bytes) {
  std::uint32_t c = 0xffffffff;
  for (const auto b : bytes) c = kCrcTable[(c ^ b) & 0xff] ^ (c >> 8);
  return ~c;
}

// The HMAC covers a header whose length ends with MESSAGE-INTEGRITY, whatever follows (RFC 8489
// section 14.5).
bool hmac_up_to(base::ByteView message, std::size_t offset, base::ByteView key,
                std::uint8_t out[kIntegritySize]) {
  if (offset > kMaxStunMessage || offset < kStunHeaderSize) return false;
  std::array<std::uint8_t, kMaxStunMessage> copy;
  std::memcpy(copy.data(), message.data(), offset);
  base::store_be16(copy.data() + 2,
                   static_cast<std::uint16_t>(offset + 4 + kIntegritySize - kStunHeaderSize));
  unsigned size = 0;
  static constexpr std::uint8_t kNoKey = 0;
  return HMAC(EVP_sha1(), key.empty() ? &kNoKey : key.data(), static_cast<int>(key.size()), copy.data(),
              offset, out, &size) != nullptr &&
         size == kIntegritySize;
}

void xor_address(std::uint8_t* ip, std::size_t length, const std::uint8_t* header) {
  for (std::size_t i = 0; i < length; ++i) ip[i] ^= header[4 + i];  // cookie, then transaction id
}

std::optional<base::SocketAddress> read_xor_address(base::ByteView value, const std::uint8_t* header) {
  if (value.size() < 4) return std::nullopt;
  const auto port = static_cast<std::uint16_t>(base::load_be16(value.data() + 2) ^ (kStunMagicCookie >> 16));
  if (value[1] == 1 && value.size() == 8) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, value.data() + 4, 4);
    xor_address(reinterpret_cast<std::uint8_t*>(&in.sin_addr), 4, header);
    in.sin_port = htons(port);
    return base::SocketAddress::from(reinterpret_cast<const sockaddr*>(&in));
  }
  if (value[1] == 2 && value.size() == 20) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    std::memcpy(&in6.sin6_addr, value.data() + 4, 16);
    xor_address(reinterpret_cast<std::uint8_t*>(&in6.sin6_addr), 16, header);
    in6.sin6_port = htons(port);
    return base::SocketAddress::from(reinterpret_cast<const sockaddr*>(&in6));
  }
  return std::nullopt;
}

// False when the value is not what its type says.
bool take_attribute(StunMessage& m, std::uint16_t type, base::ByteView value) {
  switch (static_cast<StunAttribute>(type)) {
    case StunAttribute::kUsername:
      if (value.size() > kMaxUsername) return false;
      if (!m.username) m.username = base::as_text(value);
      return true;
    case StunAttribute::kPriority:
      if (value.size() != 4) return false;
      if (!m.priority) m.priority = base::load_be32(value.data());
      return true;
    case StunAttribute::kIceControlled:
      if (value.size() != 8) return false;
      if (!m.ice_controlled) m.ice_controlled = base::load_be64(value.data());
      return true;
    case StunAttribute::kIceControlling:
      if (value.size() != 8) return false;
      if (!m.ice_controlling) m.ice_controlling = base::load_be64(value.data());
      return true;
    case StunAttribute::kUseCandidate:
      m.use_candidate = true;
      return value.empty();
    case StunAttribute::kXorMappedAddress: {
      const auto address = read_xor_address(value, m.bytes.data());
      if (!address) return false;
      if (!m.mapped_address) m.mapped_address = *address;
      return true;
    }
    case StunAttribute::kErrorCode:
      if (value.size() < 4 || (value[2] & 7) < 3 || (value[2] & 7) > 6 || value[3] > 99) return false;
      if (!m.error_code) {
        m.error_code = (value[2] & 7) * 100 + value[3];
        m.error_reason = base::as_text(value.subspan(4));
      }
      return true;
    case StunAttribute::kUnknownAttributes:
      if (value.size() % 2 != 0) return false;
      if (m.unknown_attributes.empty()) m.unknown_attributes = value;
      return true;
    case StunAttribute::kMappedAddress:
    case StunAttribute::kRealm:
    case StunAttribute::kNonce:
    case StunAttribute::kMessageIntegritySha256:
    case StunAttribute::kPasswordAlgorithm:
    case StunAttribute::kUserhash:
      return true;  // known, of no use to ICE
    default:
      if (type < 0x8000 && m.unknown_count < m.unknown.size()) m.unknown[m.unknown_count++] = type;
      return true;
  }
}

}  // namespace

bool StunMessage::integrity_ok(base::ByteView key) const {
  std::uint8_t expected[kIntegritySize];
  return has_integrity && hmac_up_to(bytes, integrity_offset, key, expected) &&
         CRYPTO_memcmp(expected, bytes.data() + integrity_offset + 4, kIntegritySize) == 0;
}

base::Result<StunMessage> parse_stun(base::ByteView datagram) {
  const auto* p = datagram.data();
  // RFC 8489 section 6.3: two zero bits, the cookie, a length that is the datagram's and a multiple of four.
  if (datagram.size() < kStunHeaderSize || datagram.size() > kMaxStunMessage) return base::malformed("size");
  if (p[0] > 0x3f || base::load_be32(p + 4) != kStunMagicCookie) return base::malformed("not STUN");
  if (base::load_be16(p + 2) != datagram.size() - kStunHeaderSize || datagram.size() % 4 != 0) {
    return base::malformed("length");
  }
  StunMessage m;
  m.bytes = datagram;
  const unsigned type = base::load_be16(p);
  m.message_class = static_cast<StunClass>((type >> 4 & 1) | (type >> 7 & 2));
  m.method = static_cast<std::uint16_t>((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));

  for (std::size_t at = kStunHeaderSize; at < datagram.size();) {
    if (m.has_fingerprint) return base::malformed("after CRC");  // FINGERPRINT is the last (section 14.7)
    if (datagram.size() - at < 4) return base::malformed("attribute");
    const auto attribute = base::load_be16(p + at);
    const std::size_t length = base::load_be16(p + at + 2);
    const std::size_t padded = (length + 3) & ~std::size_t{3};
    if (datagram.size() - at - 4 < padded) return base::malformed("attr length");
    const auto value = datagram.subspan(at + 4, length);
    if (attribute == static_cast<std::uint16_t>(StunAttribute::kFingerprint)) {
      if (length != 4 || base::load_be32(value.data()) != (crc32(datagram.first(at)) ^ kFingerprintXor)) {
        return base::malformed("fingerprint");
      }
      m.has_fingerprint = true;
    } else if (!m.has_integrity) {
      if (attribute == static_cast<std::uint16_t>(StunAttribute::kMessageIntegrity)) {
        if (length != kIntegritySize) return base::malformed("integrity");
        m.has_integrity = true;
        m.integrity_offset = at;
      } else if (!take_attribute(m, attribute, value)) {
        return base::malformed("attr value");
      }
    }
    at += 4 + padded;
  }
  return m;
}

std::optional<std::string_view> stun_local_ufrag(base::ByteView datagram) {
  if (!looks_like_stun(datagram)) return std::nullopt;
  const auto message = parse_stun(datagram);
  if (!message || message->message_class != StunClass::kRequest || message->method != kStunBinding ||
      !message->username) {
    return std::nullopt;
  }
  const auto colon = message->username->find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  return message->username->substr(0, colon);
}

void StunBuilder::start(StunClass message_class, std::uint16_t method, base::ByteView transaction) {
  const auto c = static_cast<unsigned>(message_class);
  const unsigned type =
      (method & 0xfu) | (method & 0x70u) << 1 | (method & 0xf80u) << 2 | (c & 1) << 4 | (c & 2) << 7;
  base::store_be16(buffer_.data(), static_cast<std::uint16_t>(type));
  base::store_be16(buffer_.data() + 2, 0);
  base::store_be32(buffer_.data() + 4, kStunMagicCookie);
  ok_ = transaction.size() == 12;
  if (ok_) std::memcpy(buffer_.data() + 8, transaction.data(), 12);
  size_ = kStunHeaderSize;
}

std::uint8_t* StunBuilder::reserve(StunAttribute type, std::size_t length) {
  const std::size_t padded = (length + 3) & ~std::size_t{3};
  if (!ok_ || length > buffer_.size() || buffer_.size() - size_ < 4 + padded) {
    ok_ = false;
    return nullptr;
  }
  auto* p = buffer_.data() + size_;
  base::store_be16(p, static_cast<std::uint16_t>(type));
  base::store_be16(p + 2, static_cast<std::uint16_t>(length));
  std::memset(p + 4 + length, 0, padded - length);
  size_ += 4 + padded;
  base::store_be16(buffer_.data() + 2, static_cast<std::uint16_t>(size_ - kStunHeaderSize));
  return p + 4;
}

StunBuilder& StunBuilder::add(StunAttribute type, base::ByteView value) {
  if (auto* p = reserve(type, value.size()); p != nullptr) std::copy(value.begin(), value.end(), p);
  return *this;
}

StunBuilder& StunBuilder::add_u32(StunAttribute type, std::uint32_t value) {
  if (auto* p = reserve(type, 4); p != nullptr) base::store_be32(p, value);
  return *this;
}

StunBuilder& StunBuilder::add_u64(StunAttribute type, std::uint64_t value) {
  if (auto* p = reserve(type, 8); p != nullptr) base::store_be64(p, value);
  return *this;
}

StunBuilder& StunBuilder::add_xor_mapped_address(const base::SocketAddress& address) {
  sockaddr_storage storage{};
  address.to(storage);
  const std::size_t ip_size = address.is_v4() ? 4 : 16;
  auto* p = address.valid() ? reserve(StunAttribute::kXorMappedAddress, 4 + ip_size) : nullptr;
  if (p == nullptr) {
    ok_ = false;
    return *this;
  }
  p[0] = 0;
  p[1] = address.is_v4() ? 1 : 2;
  base::store_be16(p + 2, static_cast<std::uint16_t>(address.port() ^ (kStunMagicCookie >> 16)));
  if (address.is_v4()) {
    std::memcpy(p + 4, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
  } else {
    std::memcpy(p + 4, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, 16);
  }
  xor_address(p + 4, ip_size, buffer_.data());
  return *this;
}

StunBuilder& StunBuilder::add_error(int code, std::string_view reason) {
  if (auto* p = reserve(StunAttribute::kErrorCode, 4 + reason.size()); p != nullptr) {
    base::store_be16(p, 0);
    p[2] = static_cast<std::uint8_t>(code / 100);
    p[3] = static_cast<std::uint8_t>(code % 100);
    std::copy(reason.begin(), reason.end(), p + 4);
  }
  return *this;
}

StunBuilder& StunBuilder::add_unknown_attributes(std::span<const std::uint16_t> types) {
  if (auto* p = reserve(StunAttribute::kUnknownAttributes, types.size() * 2); p != nullptr) {
    for (const auto type : types) {
      base::store_be16(p, type);
      p += 2;
    }
  }
  return *this;
}

StunBuilder& StunBuilder::add_integrity(std::string_view password) {
  const auto offset = size_;
  auto* p = reserve(StunAttribute::kMessageIntegrity, kIntegritySize);
  if (p == nullptr) return *this;
  ok_ = hmac_up_to({buffer_.data(), size_}, offset, base::as_bytes(password), p);
  return *this;
}

StunBuilder& StunBuilder::add_fingerprint() {
  const auto offset = size_;
  if (auto* p = reserve(StunAttribute::kFingerprint, 4); p != nullptr) {
    base::store_be32(p, crc32({buffer_.data(), offset}) ^ kFingerprintXor);  // the length counts it already
  }
  return *this;
}

}  // namespace webrtc
