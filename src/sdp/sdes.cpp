#include "sdp/sdes.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"
#include "sdp/tokens.hpp"

namespace sdp {
namespace {

constexpr std::size_t kMaxLinesRead = 64;
constexpr std::uint64_t kMaxLifetime = std::uint64_t{1} << 48;   // packets (RFC 3711 section 9.2)

constexpr SrtpSuite kSuites[] = {SrtpSuite::kAeadAes128Gcm, SrtpSuite::kAeadAes256Gcm, SrtpSuite::kAesCm128HmacSha1_80,
                                 SrtpSuite::kAesCm128HmacSha1_32};

std::optional<SrtpSuite> suite_of(std::string_view name) {
  for (const auto suite : kSuites) {
    if (base::equals_ignoring_case(name, to_string(suite))) return suite;
  }
  return std::nullopt;
}

int rank(SrtpSuite suite) {
  if (suite == SrtpSuite::kAesCm128HmacSha1_80) return 1;
  return suite == SrtpSuite::kAesCm128HmacSha1_32 ? 2 : 0;
}

bool digits(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "2^20" or "1048576".
bool lifetime(std::string_view text) {
  const bool power = text.starts_with("2^");
  if (power) text.remove_prefix(2);
  if (!digits(text, 15)) return false;
  const auto value = base::parse_decimal(text);
  return value && (power ? *value <= 48 : *value != 0 && *value <= kMaxLifetime);
}

// "inline:" key and salt, and a lifetime. An MKI follows the second bar, and more keys a semicolon: neither is taken.
bool key_params(std::string_view text, SrtpKey& out) {
  constexpr std::string_view kMethod = "inline:";
  if (!base::starts_with_ignoring_case(text, kMethod)) return false;
  text.remove_prefix(kMethod.size());
  const auto bar = text.find('|');
  if (bar != text.npos && !lifetime(text.substr(bar + 1))) return false;
  const auto encoded = text.substr(0, bar);
  const auto size = key_and_salt_size(out.suite);
  if (encoded.size() != (size + 2) / 3 * 4) return false;
  auto bytes = base::from_base64(encoded);
  if (!bytes) return false;
  const bool fits = bytes->size() == size;
  if (fits) std::ranges::copy(*bytes, out.bytes.begin());
  base::wipe(*bytes);
  return fits;
}

// RFC 4568 section 6.3: one that isn't known, or isn't done here, rules the line out, unless a "-" says that it may be passed over.
// WSH is a hint at our own replay window, which is larger than any that phones name.
bool harmless_parameter(std::string_view text) {
  if (text.starts_with('-') && text.size() > 1) return true;
  return text.starts_with("WSH=") && digits(text.substr(4), 4);
}

}  // namespace

std::string_view to_string(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAeadAes128Gcm: return "AEAD_AES_128_GCM";
    case SrtpSuite::kAeadAes256Gcm: return "AEAD_AES_256_GCM";
    case SrtpSuite::kAesCm128HmacSha1_80: return "AES_CM_128_HMAC_SHA1_80";
    case SrtpSuite::kAesCm128HmacSha1_32: return "AES_CM_128_HMAC_SHA1_32";
  }
  return "";
}

std::size_t key_and_salt_size(SrtpSuite suite) {
  switch (suite) {
    case SrtpSuite::kAeadAes128Gcm: return 16 + 12;
    case SrtpSuite::kAeadAes256Gcm: return 32 + 12;
    case SrtpSuite::kAesCm128HmacSha1_80:
    case SrtpSuite::kAesCm128HmacSha1_32: break;
  }
  return 16 + 14;
}

std::optional<Crypto> parse_crypto(std::string_view value) {
  Tokens words(value);
  const auto tag = words.next();
  const auto suite = suite_of(words.next());
  if (!digits(tag, 9) || !suite) return std::nullopt;
  Crypto crypto{std::string(tag), {}};
  crypto.key.suite = *suite;
  if (!key_params(words.next(), crypto.key)) return std::nullopt;
  while (!words.done()) {
    if (!harmless_parameter(words.next())) return std::nullopt;
  }
  return crypto;
}

std::string write_crypto(const Crypto& crypto) {
  std::string text = crypto.tag;
  ((text += ' ') += to_string(crypto.key.suite)) += " inline:";
  return text += base::to_base64(base::ByteView(crypto.key.bytes).first(key_and_salt_size(crypto.key.suite)));
}

std::optional<Crypto> choose_crypto(const std::vector<std::string>& lines) {
  std::optional<Crypto> best;
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxLinesRead); ++i) {
    auto crypto = parse_crypto(lines[i]);
    if (crypto && (!best || rank(crypto->key.suite) < rank(best->key.suite))) best = std::move(crypto);
  }
  return best;
}

SrtpKey fresh_srtp_key(SrtpSuite suite) {
  SrtpKey key;
  key.suite = suite;
  base::random_bytes(base::MutableByteView(key.bytes).first(key_and_salt_size(suite)));
  return key;
}

std::vector<Crypto> fresh_cryptos() {
  std::vector<Crypto> result;
  for (const auto suite : {SrtpSuite::kAeadAes128Gcm, SrtpSuite::kAeadAes256Gcm, SrtpSuite::kAesCm128HmacSha1_80}) {
    result.push_back({std::to_string(result.size() + 1), fresh_srtp_key(suite)});
  }
  return result;
}

}  // namespace sdp
