#include "sip/client_auth.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "sip/dialog.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxKnown = 4;
constexpr std::size_t kMaxChallenges = 16;        // of one response
constexpr std::size_t kMaxChallenge = 2048;       // bytes

// Another connection to the same address may be used later: the challenge is the server's, not the connection's.
bool same_peer(const Target& a, const Target& b) { return a.transport == b.transport && a.remote == b.remote; }

}  // namespace

std::optional<PasswordCredentials> PeerCredentials::find(const Target& peer, std::string_view realm) const {
  if (realm != realm_ || realm_.empty()) return std::nullopt;
  const bool known = std::ranges::any_of(peers_, [&](const base::SocketAddress& one) { return one.same_ip(peer.remote); });
  return known ? std::optional(credentials_) : std::nullopt;
}

std::string ClientAuth::lines(const Target& target, std::string_view method, std::string_view uri) {
  std::string out;
  for (Known& one : known_) {
    if (!same_peer(one.peer, target)) continue;
    const auto credentials = provider_->find(target, one.challenge.realm);
    if (!credentials) continue;
    out.append(one.proxy ? "Proxy-Authorization: " : "Authorization: ");
    out.append(one_line(answer_challenge(one.challenge, {credentials->username, credentials->password}, method, uri, ++one.count,
                                         base::random_token(16))));
    out.append("\r\n");
  }
  return out;
}

void ClientAuth::remember(bool proxy, const Target& target, DigestChallenge challenge) {
  const auto same = [&](const Known& one) {
    return one.proxy == proxy && one.challenge.realm == challenge.realm && same_peer(one.peer, target);
  };
  std::erase_if(known_, same);
  if (known_.size() == kMaxKnown) known_.erase(known_.begin());
  known_.push_back({proxy, target, std::move(challenge), 0});
}

bool ClientAuth::take_challenge(const Message& response, const Source& from, const Target& target, AuthAttempts& attempts) {
  const bool proxy = response.status() == 407;
  if (!provider_ || (!proxy && response.status() != 401)) return false;
  const bool from_peer = target.flow != 0 ? from.flow == target.flow : from.remote.same_ip(target.remote);
  if (!from_peer) return false;
  // RFC 8760 section 2.4: the topmost that we support, of each realm.
  std::vector<DigestChallenge> taken;
  std::size_t seen = 0;
  for (const Header& header : response.headers()) {
    if (header.id != (proxy ? HeaderId::kProxyAuthenticate : HeaderId::kWwwAuthenticate)) continue;
    if (++seen > kMaxChallenges) break;
    if (header.value.size() > kMaxChallenge) continue;
    auto challenge = parse_challenge(header.value);
    if (!challenge || !provider_->find(target, challenge->realm)) continue;
    const bool again = std::ranges::any_of(taken, [&](const DigestChallenge& one) { return one.realm == challenge->realm; });
    if (!again && taken.size() < kMaxKnown) taken.push_back(std::move(*challenge));
  }
  if (taken.empty()) return false;
  const bool stale = std::ranges::all_of(taken, &DigestChallenge::stale);
  std::uint8_t& count = proxy ? attempts.proxy : attempts.origin;
  if (count >= (stale ? 2 : 1)) {
    // Refused with fresh credentials: the next request begins without.
    std::erase_if(known_, [&](const Known& one) { return one.proxy == proxy && same_peer(one.peer, target); });
    return false;
  }
  ++count;
  for (DigestChallenge& challenge : taken) remember(proxy, target, std::move(challenge));
  return true;
}

}  // namespace sip
