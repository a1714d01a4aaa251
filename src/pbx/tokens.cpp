#include "pbx/tokens.hpp"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace pbx {
namespace {

using Json = nlohmann::json;

constexpr double kMaxTime = 253402300799.0;        // the year 9999
constexpr double kClockSkew = 60;                  // seconds, of nbf
constexpr std::size_t kMaxClaim = 256;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string to_base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    for (count += 8; count >= 6; count -= 6) out += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += kAlphabet[bits << (6 - count) & 63];
  return out;
}

// RFC 4648 section 5, unpadded; bits beyond the last byte must be 0, so that each value has one form.
std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto value = kAlphabet.find(c);
    if (value == kAlphabet.npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 255);
  }
  if (count >= 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
           &length) == nullptr) {
    return {};
  }
  return {reinterpret_cast<const char*>(out.data()), length};
}

base::Result<TokenClaims> denied(std::string detail) { return base::fail(base::ErrorCode::kDenied, std::move(detail)); }

// RFC 7519 section 2: NumericDate.
std::optional<double> numeric_date(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end() || !found->is_number()) return std::nullopt;
  const auto value = found->get<double>();
  if (!(value >= 0 && value <= kMaxTime)) return std::nullopt;
  return value;
}

// False: it is there and no string, or too long.
bool take_text(const Json& claims, const char* name, std::string& to) {
  const auto found = claims.find(name);
  if (found == claims.end()) return true;
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kMaxClaim) return false;
  to = found->get<std::string>();
  return true;
}

bool take_privileges(const Json& claims, Privileges& to) {
  const auto found = claims.find("may");
  if (found == claims.end()) return true;
  if (!found->is_array()) return false;
  to = Privileges::none();
  for (const auto& one : *found) {
    if (!one.is_string()) return false;
    add_privilege(one.get_ref<const std::string&>(), to);   // one of a later version gives nothing
  }
  return true;
}

base::Result<TokenClaims> read_claims(const Json& json, base::WallTime now) {
  if (!json.is_object()) return denied("the token's claims are no object");
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  const auto expires = numeric_date(json, "exp");
  if (!expires) return denied("the token does not say when it expires (exp)");
  if (*expires <= seconds) return denied("the token has expired");
  if (json.contains("nbf")) {
    const auto begins = numeric_date(json, "nbf");
    if (!begins || *begins > seconds + kClockSkew) return denied("the token does not hold yet (nbf)");
  }
  TokenClaims claims;
  claims.expires = base::WallTime(std::chrono::seconds(static_cast<std::int64_t>(std::floor(*expires))));
  if (!take_text(json, "line", claims.line) || claims.line.empty()) return denied("the token names no line");
  if (!take_text(json, "name", claims.display_name)) return denied("the token's name is no string");
  if (!take_text(json, "room", claims.room)) return denied("the token's room is no string");
  if (!take_privileges(json, claims.may)) return denied("the token's \"may\" is no list of strings");
  return claims;
}

struct NamedPrivilege {
  std::string_view name, claim;
  bool Privileges::* member;
};
constexpr std::array<NamedPrivilege, 5> kPrivileges = {{{"message", "message", &Privileges::message},
                                                        {"internal", "call_internal", &Privileges::internal},
                                                        {"external", "call_external", &Privileges::external},
                                                        {"history", "call_history", &Privileges::history},
                                                        {"supervise", "supervise", &Privileges::supervise}}};

}  // namespace

std::vector<std::string> names(const Privileges& privileges) {
  std::vector<std::string> result;
  for (const auto& p : kPrivileges) {
    if (privileges.*p.member) result.emplace_back(p.name);
  }
  return result;
}

bool add_privilege(std::string_view name, Privileges& to) {
  for (const auto& p : kPrivileges) {
    if (name != p.name && name != p.claim) continue;
    to.*p.member = true;
    return true;
  }
  return false;
}

bool looks_like_token(std::string_view text) {
  std::size_t dots = 0;
  for (const char c : text) {
    if (c == '.') ++dots;
    else if (kAlphabet.find(c) == kAlphabet.npos) return false;
  }
  return dots == 2 && text.starts_with("eyJ");   // base64url of {"
}

base::Result<TokenKeys> TokenKeys::make(std::string secret, std::string_view public_key) {
  TokenKeys keys;
  if (!secret.empty() && secret.size() < kMinSecret) return base::malformed("a token secret has at least 32 bytes");
  keys.secret_ = std::move(secret);
  if (public_key.empty()) return keys;
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(public_key.data(), static_cast<int>(public_key.size())), &BIO_free);
  EVP_PKEY* key = bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr;
  std::shared_ptr<EVP_PKEY> owned(key, [](EVP_PKEY* k) { EVP_PKEY_free(k); });
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) return base::malformed("that is no public key of Ed25519 in PEM");
  keys.public_key_ = std::move(owned);
  return keys;
}

bool TokenKeys::signature_holds(std::string_view algorithm, std::string_view text, std::string_view signature) const {
  if (algorithm == "HS256" && !secret_.empty()) {
    const auto expected = hmac_sha256(secret_, text);
    return !expected.empty() && expected.size() == signature.size() && CRYPTO_memcmp(expected.data(), signature.data(), expected.size()) == 0;
  }
  if (algorithm == "EdDSA" && public_key_) {
    auto* key = static_cast<EVP_PKEY*>(const_cast<void*>(public_key_.get()));
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  }
  return false;
}

base::Result<TokenClaims> TokenKeys::verify(std::string_view token, base::WallTime now) const {
  if (token.size() > kMaxToken || !looks_like_token(token)) return denied("that is no token");
  const auto first = token.find('.'), last = token.rfind('.');
  const auto head = from_base64url(token.substr(0, first));
  const auto body = from_base64url(token.substr(first + 1, last - first - 1));
  const auto signature = from_base64url(token.substr(last + 1));
  if (!head || !body || !signature) return denied("that is no token");
  const auto header = Json::parse(*head, nullptr, false);
  std::string algorithm;
  if (!header.is_object() || !take_text(header, "alg", algorithm)) return denied("that is no token");
  if (header.contains("crit")) return denied("the token asks for what is not understood (crit)");   // RFC 7515 section 4.1.11
  if (algorithm != "HS256" && algorithm != "EdDSA") return denied("tokens are signed by HS256 or EdDSA");
  if (!signature_holds(algorithm, token.substr(0, last), *signature)) return denied("the token's signature is wrong");
  return read_claims(Json::parse(*body, nullptr, false), now);
}

base::Result<std::string> TokenKeys::sign(const TokenClaims& claims, base::WallTime now) const {
  if (secret_.empty()) return base::fail(base::ErrorCode::kUnavailable, "there is no secret to sign with");
  const auto seconds = [](base::WallTime time) { return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count(); };
  Json json{{"line", claims.line}, {"iat", seconds(now)}, {"exp", seconds(claims.expires)}};
  if (!claims.display_name.empty()) json["name"] = claims.display_name;
  if (!claims.room.empty()) json["room"] = claims.room;
  auto& may = json["may"] = Json::array();
  for (const auto& p : kPrivileges) {
    if (claims.may.*p.member) may.push_back(p.claim);
  }
  const auto text = to_base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + to_base64url(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  return text + "." + to_base64url(hmac_sha256(secret_, text));
}

}  // namespace pbx
