// Digest authentication for SIP: RFC 3261 section 22, RFC 7616, RFC 8760 (MD5, SHA-256, SHA-512-256; qop
// "auth" alone). Nothing here is a password: accounts hold one HA1 hash per algorithm. The hashes' hex is
// lower case.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace sip {

enum class DigestAlgorithm : std::uint8_t { kMd5, kSha256, kSha512_256 };
constexpr std::size_t kDigestAlgorithms = 3;
std::string_view to_string(DigestAlgorithm algorithm);  // as on the wire: "SHA-256"
std::optional<DigestAlgorithm> digest_algorithm_from(
    std::string_view text);  // any case; empty for others, "-sess" too

// H(user ":" realm ":" password), hex: what is stored.
std::string hash_ha1(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                     std::string_view password);

// An account's hashes; "" where there is none for that algorithm.
struct StoredHashes {
  std::array<std::string, kDigestAlgorithms> ha1;  // by DigestAlgorithm
  static StoredHashes make(std::string_view user, std::string_view realm, std::string_view password);
};

// Makes and checks nonces. A nonce is stateless until it has been used with the right password: its time and
// a random number under an HMAC that covers the realm, so strangers cost no memory. One thread.
class NonceSource {
 public:
  struct Options {
    base::Duration lifetime = std::chrono::minutes(5);
    std::size_t max_used = 16384;  // nonces whose counts are kept; the oldest beyond that become stale
  };
  NonceSource();  // a secret of its own
  explicit NonceSource(Options options);
  NonceSource(std::string_view secret, Options options);
  ~NonceSource();
  NonceSource(const NonceSource&) = delete;
  NonceSource& operator=(const NonceSource&) = delete;

  std::string make(std::string_view realm, base::TimePoint now);

  enum class Check { kValid, kStale /* ours, but expired or forgotten */, kForged };
  Check check(std::string_view nonce, std::string_view realm, base::TimePoint now);
  // Counts one use of a nonce that check() found valid: false when that count has been used, or lies too far
  // back.
  bool use(std::string_view nonce, std::uint32_t count, base::TimePoint now);

  std::size_t used() const { return used_.size(); }

 private:
  struct Used {
    std::uint32_t highest = 0;
    std::uint64_t window = 0;  // bit i: highest - i was used
    base::TimePoint made;
  };
  struct Parts {
    base::TimePoint made;
    std::uint64_t id = 0;
  };
  std::string seal(std::string_view head, std::string_view realm);
  void forget_old(base::TimePoint now);
  static std::optional<Parts> parts(std::string_view nonce);

  struct Mac;
  std::unique_ptr<Mac> mac_;
  Options options_;
  std::unordered_map<std::uint64_t, Used> used_;
  std::deque<std::uint64_t> order_;                     // by first use
  base::TimePoint forgotten_ = base::TimePoint::min();  // made at or before it, and not in used_: stale
};

// A request's (Proxy-)Authorization.
struct DigestCredentials {
  std::string username, realm, nonce, uri, response, cnonce, opaque, qop;
  std::string count_text;  // nc as written, eight hex digits
  std::uint32_t count = 0;
  std::optional<DigestAlgorithm> algorithm;  // empty: one that we don't have
};
// kUnsupported: another scheme than Digest; kMalformed; kTooLarge.
base::Result<DigestCredentials> parse_authorization(std::string_view text);

enum class AuthResult {
  kOk,
  kStale,   // right, but the nonce has expired or its count was used: challenge with stale=true
  kDenied,  // wrong, for whatever reason: challenge anew
};
struct AuthRequest {
  std::string_view method;
  std::string_view request_uri;  // "": not compared with the credentials' uri
  std::string_view realm;        // ours
};
// `account` null: nobody of that name. The work done and the answer are the same for those as for a wrong
// password.
AuthResult verify(NonceSource& nonces, const DigestCredentials& credentials, const AuthRequest& request,
                  const StoredHashes* account, base::TimePoint now);

// MD5 first, since JsSIP reads the first header alone; RFC 8760 would have it last.
inline constexpr std::array<DigestAlgorithm, 3> kDefaultAlgorithms = {
    DigestAlgorithm::kMd5, DigestAlgorithm::kSha256, DigestAlgorithm::kSha512_256};
// One WWW-Authenticate (or Proxy-Authenticate) value per algorithm, in that order.
std::vector<std::string> make_challenges(std::string_view realm, std::string_view nonce, bool stale,
                                         std::span<const DigestAlgorithm> algorithms = kDefaultAlgorithms);

// The client's side.
struct DigestChallenge {
  std::string realm, nonce, opaque;
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
  bool stale = false;
  bool qop_auth = false;  // false: no qop offered (RFC 2069)
};
// kUnsupported: another scheme, algorithm or qop.
base::Result<DigestChallenge> parse_challenge(std::string_view text);

struct ClientCredentials {
  std::string_view username, password;
};
// The Authorization value. The caller has made sure that realm and peer are those of the configuration.
std::string answer_challenge(const DigestChallenge& challenge, const ClientCredentials& credentials,
                             std::string_view method, std::string_view uri, std::uint32_t count,
                             std::string_view cnonce);

}  // namespace sip
