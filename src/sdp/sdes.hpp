// SRTP keys in SDP: a=crypto (RFC 4568, and RFC 7714 section 14 for AES-GCM), as values.
//
// Who reads the SDP has the keys: they protect a call as far as the signalling is protected, so by TLS and as far as one
// trusts whoever is in between. Any thread. Keys are erased from memory with their objects; the text that they were read
// from, or are written to, is not. No error carries a part of a line.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace sdp {

enum class SrtpSuite : std::uint8_t {
  kAeadAes128Gcm,
  kAeadAes256Gcm,
  kAesCm128HmacSha1_80,
  kAesCm128HmacSha1_32,   // a tag of 32 bits for RTP; 80 for RTCP
};
std::string_view to_string(SrtpSuite suite);         // as a=crypto has it
std::size_t key_and_salt_size(SrtpSuite suite);      // bytes

// Master key, then salt, of one direction.
struct SrtpKey {
  SrtpSuite suite = SrtpSuite::kAeadAes128Gcm;
  std::array<std::uint8_t, 46> bytes{};
  SrtpKey() = default;
  SrtpKey(const SrtpKey&) = default;
  SrtpKey& operator=(const SrtpKey&) = default;
  ~SrtpKey() { base::wipe(bytes); }
  bool operator==(const SrtpKey&) const = default;
};

// One a=crypto line.
struct Crypto {
  std::string tag;         // 1 to 9 digits, as they were written
  SrtpKey key;
};

// What an exchange has agreed on.
struct Sdes {
  std::string tag;
  SrtpKey local;           // we send under it
  SrtpKey remote;
  bool operator==(const Sdes&) const = default;
};

// The value of one line. Empty where it is malformed or asks for what isn't done here, and so must not be taken (RFC 4568
// section 6.3): another suite or key method, several keys, an MKI, a session parameter that changes what is sent. A lifetime is read and not kept: no
// call lasts 2^48 packets, and a peer that set a shorter one renews its key itself.
std::optional<Crypto> parse_crypto(std::string_view value);
std::string write_crypto(const Crypto& crypto);

// Which of an offer's lines is taken: AES-GCM before the 80-bit tag before the 32-bit one, else the first. The first 64 lines are looked at.
std::optional<Crypto> choose_crypto(const std::vector<std::string>& lines);

SrtpKey fresh_srtp_key(SrtpSuite suite);
std::vector<Crypto> fresh_cryptos();   // what we offer: each with a key of its own

}  // namespace sdp
