#include "pbx/authenticator.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::array kMd5Alone{sip::DigestAlgorithm::kMd5};

// Clients that give up at a challenge other than MD5's, wherever that one stands. What speaks SIP over WebSocket is JsSIP or
// SIP.js, by whatever name an application gives it: both know MD5 alone, and look at the last header only. baresip's libre
// fails at the first algorithm that it doesn't know. docs/decisions/0004-md5-on-websocket.md
// JsSIP's via_transport writes another transport into Via (old demos do); its made-up host tells the page all the same.
bool knows_md5_alone(const sip::Message& request) {
  const auto& via = request.top_via();
  if (via.transport == sip::Transport::kWs || via.transport == sip::Transport::kWss || via.host.ends_with(".invalid")) return true;
  return base::to_lower(request.value(sip::HeaderId::kUserAgent)).find("baresip") != std::string::npos;
}

}  // namespace

Authenticator::Authenticator(std::string realm, AuthenticatorConfig config)
    : realm_(std::move(realm)), config_(std::move(config)), nonces_(sip::NonceSource::Options{.lifetime = config_.nonce_lifetime}) {}

sip::Reply Authenticator::challenge(const sip::Message& request, base::TimePoint now, bool stale) {
  sip::Reply reply{.status = 401};
  std::span<const sip::DigestAlgorithm> algorithms = config_.algorithms;
  if (std::ranges::find(algorithms, sip::DigestAlgorithm::kMd5) != algorithms.end() && knows_md5_alone(request)) algorithms = kMd5Alone;
  for (auto& value : sip::make_challenges(realm_, nonces_.make(realm_, now), stale, algorithms)) {
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
    return std::unexpected(challenge(request, now, result == sip::AuthResult::kStale));
  }
  return std::unexpected(challenge(request, now, false));
}

}  // namespace pbx
