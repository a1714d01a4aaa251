#include "sip/digest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/digest_hash.hpp"
#include "sip/scan.hpp"
#include "sip/uri.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxText = 8192;
constexpr std::size_t kMaxParams = 32;

std::string unquoted(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return std::string(value);
  value = value.substr(1, value.size() - 2);
  std::string result;
  result.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) ++i;
    result += value[i];
  }
  return result;
}

// "Digest" LWS name=value *(COMMA name=value): calls f(name, unquoted value); f says whether to go on.
template <typename F>
base::Status for_each_param(std::string_view text, F&& f) {
  if (text.size() > kMaxText) return base::fail(base::ErrorCode::kTooLarge, "credentials too long");
  text = scan::trim(text);
  std::size_t at = scan::skip(text, 0, scan::kToken);
  if (!base::equals_ignoring_case(text.substr(0, at), "Digest")) {
    return base::fail(base::ErrorCode::kUnsupported, "not Digest");
  }
  for (std::size_t count = 0; at < text.size(); ++count) {
    if (count == kMaxParams) return base::fail(base::ErrorCode::kTooLarge, "too many parameters");
    if (count == 0 ? !scan::is_space(text[at]) : text[at++] != ',') return base::malformed("wrong separator");
    at = scan::skip_space(text, at);
    const std::size_t name = at;
    at = scan::skip(text, at, scan::kToken);
    const std::string_view name_text = text.substr(name, at - name);
    at = scan::skip_space(text, at);
    if (name_text.empty() || at >= text.size() || text[at] != '=') return base::malformed("no parameter");
    at = scan::skip_space(text, at + 1);
    const std::size_t value = at;
    at = at < text.size() && text[at] == '"' ? scan::skip_quoted(text, at)
                                             : scan::skip(text, at, scan::kValue);
    if (at == std::string_view::npos || at == value) return base::malformed("wrong parameter value");
    if (!f(name_text, unquoted(text.substr(value, at - value)))) return base::malformed("wrong parameter");
    at = scan::skip_space(text, at);
  }
  return {};
}

// Twice the same parameter: two readers could take different ones.
bool set_once(std::string& out, std::string value) {
  if (!out.empty()) return false;
  out = std::move(value);
  return true;
}

bool valid_count(std::string_view text) {
  return text.size() == 8 && std::ranges::all_of(text, scan::is_hex);
}

// What is verified against when there is no account or no hash: as long as the real one, and nobody's.
const std::string& fake_ha1(DigestAlgorithm algorithm) {
  static const std::array<std::string, kDigestAlgorithms> kFakes = [] {
    std::array<std::string, kDigestAlgorithms> fakes;
    for (std::size_t i = 0; i < fakes.size(); ++i) {
      std::uint8_t bytes[32];
      base::random_bytes(bytes);
      fakes[i] = base::to_hex({bytes, digest_hex_size(static_cast<DigestAlgorithm>(i)) / 2});
    }
    return fakes;
  }();
  return kFakes[static_cast<std::size_t>(algorithm)];
}

// RFC 7616 section 3.4: the same resource; written otherwise on the way it may be (port, parameters). A client that
// names its server alone, as sipp does for every request, vouches for less of its request, which is its own affair.
bool same_resource(std::string_view digest_uri, std::string_view request_uri) {
  if (request_uri.empty() || digest_uri == request_uri) return true;
  const auto a = Uri::parse(digest_uri);
  const auto b = Uri::parse(request_uri);
  return a && b && a->is_sip() && b->is_sip() && (a->user.empty() || unescape(a->user) == unescape(b->user)) &&
         base::equals_ignoring_case(a->host, b->host);
}

}  // namespace

std::string_view to_string(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kMd5:
      return "MD5";
    case DigestAlgorithm::kSha256:
      return "SHA-256";
    case DigestAlgorithm::kSha512_256:
      return "SHA-512-256";
  }
  return {};
}

std::optional<DigestAlgorithm> digest_algorithm_from(std::string_view text) {
  for (const DigestAlgorithm algorithm : kDefaultAlgorithms) {
    if (base::equals_ignoring_case(text, to_string(algorithm))) return algorithm;
  }
  return std::nullopt;
}

std::string hash_ha1(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                     std::string_view password) {
  return digest_hex(algorithm, {user, realm, password});
}

StoredHashes StoredHashes::make(std::string_view user, std::string_view realm, std::string_view password) {
  StoredHashes hashes;
  for (const DigestAlgorithm algorithm : kDefaultAlgorithms) {
    hashes.ha1[static_cast<std::size_t>(algorithm)] = hash_ha1(algorithm, user, realm, password);
  }
  return hashes;
}

base::Result<DigestCredentials> parse_authorization(std::string_view text) {
  DigestCredentials result;
  std::string algorithm;
  const auto status = for_each_param(text, [&](std::string_view name, std::string value) {
    const std::pair<std::string_view, std::string*> known[] = {
        {"username", &result.username}, {"realm", &result.realm},       {"nonce", &result.nonce},
        {"uri", &result.uri},           {"response", &result.response}, {"cnonce", &result.cnonce},
        {"opaque", &result.opaque},     {"qop", &result.qop},           {"nc", &result.count_text},
        {"algorithm", &algorithm},
    };
    for (const auto& [known_name, out] : known) {
      if (base::equals_ignoring_case(name, known_name)) return set_once(*out, std::move(value));
    }
    return true;
  });
  if (!status) return std::unexpected(status.error());
  if (result.username.empty() || result.realm.empty() || result.nonce.empty() || result.uri.empty() ||
      result.response.empty()) {
    return base::malformed("a parameter is missing");
  }
  result.algorithm = digest_algorithm_from(algorithm.empty() ? "MD5" : algorithm);
  if (!result.count_text.empty()) {
    if (!valid_count(result.count_text)) return base::malformed("wrong nc");
    for (const char c : result.count_text) {
      const int digit = scan::is_digit(c) ? c - '0' : base::to_lower(c) - 'a' + 10;
      result.count = result.count << 4 | static_cast<std::uint32_t>(digit);
    }
  }
  return result;
}

AuthResult verify(NonceSource& nonces, const DigestCredentials& credentials, const AuthRequest& request,
                  const StoredHashes* account, base::TimePoint now) {
  const auto nonce = nonces.check(credentials.nonce, request.realm, now);
  const DigestAlgorithm algorithm = credentials.algorithm.value_or(DigestAlgorithm::kSha256);
  const std::string& fake = fake_ha1(algorithm);
  const std::string& stored = account ? account->ha1[static_cast<std::size_t>(algorithm)] : fake;
  const bool real = account && stored.size() == digest_hex_size(algorithm);
  // The hashing is done whatever else is wrong, so that time tells nothing.
  const std::string expected = digest_response(algorithm, {.ha1 = real ? stored : fake,
                                                           .method = request.method,
                                                           .uri = credentials.uri,
                                                           .nonce = credentials.nonce,
                                                           .count = credentials.count_text,
                                                           .cnonce = credentials.cnonce,
                                                           .qop = "auth"});
  std::string given = base::to_lower(credentials.response);
  given.resize(expected.size());
  const bool match = equal_in_constant_time(expected, given);
  if (!match || !real || credentials.response.size() != expected.size()) return AuthResult::kDenied;
  // Without qop there is no count, so a copied header would pass again; it is always offered.
  if (!credentials.algorithm || credentials.qop != "auth" || credentials.count_text.empty() ||
      credentials.cnonce.empty() || credentials.realm != request.realm) {
    return AuthResult::kDenied;
  }
  if (!same_resource(credentials.uri, request.request_uri)) return AuthResult::kDenied;
  if (nonce == NonceSource::Check::kForged) return AuthResult::kDenied;
  if (nonce == NonceSource::Check::kStale || !nonces.use(credentials.nonce, credentials.count, now)) {
    return AuthResult::kStale;
  }
  return AuthResult::kOk;
}

std::vector<std::string> make_challenges(std::string_view realm, std::string_view nonce, bool stale,
                                         std::span<const DigestAlgorithm> algorithms) {
  std::vector<std::string> result;
  result.reserve(algorithms.size());
  for (const DigestAlgorithm algorithm : algorithms) {
    result.push_back(fmt::format("Digest realm={}, nonce=\"{}\", algorithm={}, qop=\"auth\"{}", quote(realm),
                                 nonce, to_string(algorithm), stale ? ", stale=true" : ""));
  }
  return result;
}

base::Result<DigestChallenge> parse_challenge(std::string_view text) {
  DigestChallenge result;
  std::string algorithm, qop, stale;
  const auto status = for_each_param(text, [&](std::string_view name, std::string value) {
    const std::pair<std::string_view, std::string*> known[] = {
        {"realm", &result.realm},
        {"nonce", &result.nonce},
        {"opaque", &result.opaque},
        {"algorithm", &algorithm},
        {"qop", &qop},
        {"stale", &stale},
    };
    for (const auto& [known_name, out] : known) {
      if (base::equals_ignoring_case(name, known_name)) return set_once(*out, std::move(value));
    }
    return true;
  });
  if (!status) return std::unexpected(status.error());
  if (result.realm.empty() || result.nonce.empty()) return base::malformed("a parameter is missing");
  const auto known = digest_algorithm_from(algorithm.empty() ? "MD5" : algorithm);
  if (!known) return base::fail(base::ErrorCode::kUnsupported, "unknown algorithm");
  result.algorithm = *known;
  result.stale = base::equals_ignoring_case(stale, "true");
  std::string_view rest = qop;
  std::string_view element;
  while (scan::next_element(rest, element)) {
    if (base::equals_ignoring_case(element, "auth")) result.qop_auth = true;
  }
  if (!qop.empty() && !result.qop_auth) return base::fail(base::ErrorCode::kUnsupported, "unknown qop");
  return result;
}

std::string answer_challenge(const DigestChallenge& challenge, const ClientCredentials& credentials,
                             std::string_view method, std::string_view uri, std::uint32_t count,
                             std::string_view cnonce) {
  const std::string ha1 =
      hash_ha1(challenge.algorithm, credentials.username, challenge.realm, credentials.password);
  const std::string nc = fmt::format("{:08x}", count);
  const std::string response =
      digest_response(challenge.algorithm, {.ha1 = ha1,
                                            .method = method,
                                            .uri = uri,
                                            .nonce = challenge.nonce,
                                            .count = nc,
                                            .cnonce = cnonce,
                                            .qop = challenge.qop_auth ? "auth" : ""});
  std::string text =
      fmt::format("Digest username={}, realm={}, nonce={}, uri={}, response=\"{}\", algorithm={}",
                  quote(credentials.username), quote(challenge.realm), quote(challenge.nonce), quote(uri),
                  response, to_string(challenge.algorithm));
  if (challenge.qop_auth) text += fmt::format(", cnonce={}, qop=auth, nc={}", quote(cnonce), nc);
  if (!challenge.opaque.empty()) text += fmt::format(", opaque={}", quote(challenge.opaque));
  return text;
}

}  // namespace sip
