// Digest authentication of requests against the accounts (RFC 3261 section 22, RFC 8760).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "pbx/accounts.hpp"
#include "sip/digest.hpp"
#include "sip/user_agent.hpp"

namespace pbx {

struct AuthenticatorConfig {
  // In the order of the challenges. Clients that fail at any but MD5's get that one alone, all on WebSocket among them.
  std::vector<sip::DigestAlgorithm> algorithms{sip::DigestAlgorithm::kMd5, sip::DigestAlgorithm::kSha256, sip::DigestAlgorithm::kSha512_256};
  std::chrono::seconds nonce_lifetime{300};
};

// Thread: the shard's.
class Authenticator {
 public:
  Authenticator(std::string realm, AuthenticatorConfig config);

  // The account whose password the request proves, else what to answer: a challenge, or 400. The same for known and
  // unknown names, in content and in time (CVE-2011-2536).
  std::expected<const Account*, sip::Reply> authenticate(const sip::Message& request, const Accounts& accounts, base::TimePoint now);

 private:
  sip::Reply challenge(const sip::Message& request, base::TimePoint now, bool stale);

  const std::string realm_;
  const AuthenticatorConfig config_;
  sip::NonceSource nonces_;
};

}  // namespace pbx
