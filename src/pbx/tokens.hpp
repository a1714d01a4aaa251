// Access tokens of webphones: JSON Web Tokens (RFC 7519), signed HS256 with a secret that we share or EdDSA (Ed25519,
// RFC 8037) with somebody's private key. Which of the two a token may be is said by the keys that are there, never by the token.
// Debian's JWT libraries know no EdDSA, so this is OpenSSL alone.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pbx {

// What a client may do.
struct Privileges {
  bool message = true, internal = true, external = false, history = false, supervise = false;
  static constexpr Privileges none() { return {.message = false, .internal = false}; }
  friend bool operator==(const Privileges&, const Privileges&) = default;
};
std::vector<std::string> names(const Privileges& privileges);        // "message", "internal", ...
// Adds what `name` stands for ("message", "call_internal" or "internal", ...); false: there is no such.
bool add_privilege(std::string_view name, Privileges& to);

struct TokenClaims {
  std::string line;
  std::string display_name;              // "" : as the page says
  std::string room;                      // "" : any; else the one room that may be called
  Privileges may;                        // without the claim: message and internal calls
  base::WallTime expires;
};

// Immutable: any thread.
class TokenKeys {
 public:
  static constexpr std::size_t kMinSecret = 32;    // bytes: RFC 7518 section 3.2
  static constexpr std::size_t kMaxToken = 4096;

  TokenKeys() = default;                           // every token is refused
  // `secret` "" : no HS256; `public_key`: PEM, "" : no EdDSA. kMalformed: a secret that is too short, a key that is no Ed25519 key.
  static base::Result<TokenKeys> make(std::string secret, std::string_view public_key);

  // kDenied, with what is wrong for a developer. `nbf` may lie a minute ahead, for clocks that differ.
  base::Result<TokenClaims> verify(std::string_view token, base::WallTime now) const;
  // With the secret. kUnavailable without one.
  base::Result<std::string> sign(const TokenClaims& claims, base::WallTime now) const;

 private:
  bool signature_holds(std::string_view algorithm, std::string_view text, std::string_view signature) const;

  std::string secret_;
  std::shared_ptr<const void> public_key_;         // EVP_PKEY
};

// Has it the form of a token, three parts of base64url?
bool looks_like_token(std::string_view text);

}  // namespace pbx
