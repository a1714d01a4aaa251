// Digest authentication of requests that we send (RFC 3261 section 22, RFC 7616, RFC 8760). A challenge is answered for the
// peer and the realm that are configured, never otherwise (CVE-2021-41158). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/digest.hpp"
#include "sip/message.hpp"
#include "sip/network.hpp"

namespace sip {

struct PasswordCredentials {
  std::string username, password;
};

// Who knows the passwords.
class ClientCredentialsProvider {
 public:
  virtual ~ClientCredentialsProvider() = default;
  // `peer`: where the request was sent and the challenge came from. Empty: none for this peer and this realm.
  virtual std::optional<PasswordCredentials> find(const Target& peer, std::string_view realm) const = 0;
};

// Those of one provider: one realm, exactly, and its addresses (of any port).
class PeerCredentials final : public ClientCredentialsProvider {
 public:
  PeerCredentials(std::string realm, PasswordCredentials credentials, std::vector<base::SocketAddress> peers)
      : realm_(std::move(realm)), credentials_(std::move(credentials)), peers_(std::move(peers)) {}
  std::optional<PasswordCredentials> find(const Target& peer, std::string_view realm) const override;
  void set_peers(std::vector<base::SocketAddress> peers) { peers_ = std::move(peers); }   // resolved anew

 private:
  std::string realm_;
  PasswordCredentials credentials_;
  std::vector<base::SocketAddress> peers_;
};

// How often one request was sent again.
struct AuthAttempts {
  std::uint8_t origin = 0, proxy = 0;   // after 401, 407
};

// The challenges of one peer that were answered, so that later requests bring their credentials at once. Shared by
// a registration and its calls.
class ClientAuth {
 public:
  explicit ClientAuth(std::shared_ptr<const ClientCredentialsProvider> provider) : provider_(std::move(provider)) {}

  // Whole lines, Authorization and Proxy-Authorization, for what was challenged before by this peer; "" : none.
  std::string lines(const Target& target, std::string_view method, std::string_view uri);

  // A 401 or 407 to a request sent to `target`: true when it is to be sent again, with new lines(). Once for each of the
  // two, once more when the nonce alone was stale.
  bool take_challenge(const Message& response, const Source& from, const Target& target, AuthAttempts& attempts);

 private:
  struct Known {
    bool proxy = false;
    Target peer;
    DigestChallenge challenge;
    std::uint32_t count = 0;
  };
  void remember(bool proxy, const Target& target, DigestChallenge challenge);

  std::shared_ptr<const ClientCredentialsProvider> provider_;
  std::vector<Known> known_;   // at most kMaxKnown
};

}  // namespace sip
