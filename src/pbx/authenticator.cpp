#include "pbx/authenticator.hpp"

namespace pbx {

Authenticator::Authenticator(std::string realm, AuthenticatorConfig config)
    : realm_(std::move(realm)), config_(std::move(config)), nonces_(sip::NonceSource::Options{.lifetime = config_.nonce_lifetime}) {}

sip::Reply Authenticator::challenge(base::TimePoint now, bool stale) {
  sip::Reply reply{.status = 401};
  for (auto& value : sip::make_challenges(realm_, nonces_.make(realm_, now), stale, config_.algorithms)) {
    reply.headers.emplace_back("WWW-Authenticate", std::move(value));
  }
  return reply;
}

std::expected<const Account*, sip::Reply> Authenticator::authenticate(const sip::Message& request, const Accounts& accounts, base::TimePoint now) {
  // A client may carry credentials for other realms too (RFC 3261 section 22.3): ours are looked for.
  for (const auto& header : request.headers()) {
    if (header.id != sip::HeaderId::kAuthorization) continue;
    const auto credentials = sip::parse_authorization(header.value);
    if (!credentials) {
      if (credentials.error().code == base::ErrorCode::kUnsupported) continue;
      return std::unexpected(sip::Reply{.status = 400, .reason = "Bad Authorization"});
    }
    if (credentials->realm != realm_) continue;
    const auto* account = accounts.find(credentials->username);
    const auto result = sip::verify(nonces_, *credentials, {.method = request.method_text(), .request_uri = request.request_uri_text(), .realm = realm_},
                                    account ? &account->hashes : nullptr, now);
    if (result == sip::AuthResult::kOk && account) return account;
    return std::unexpected(challenge(now, result == sip::AuthResult::kStale));
  }
  return std::unexpected(challenge(now, false));
}

}  // namespace pbx
