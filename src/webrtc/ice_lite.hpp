// The ICE-lite agent of one leg (RFC 8445 sections 2.5, 7.3 and 8.2): it answers connectivity checks, learns
// from the authenticated ones where the peer is, and follows the peer's nomination. It never sends a check of
// its own. Thread: the leg's. Errors: every answer to a bad request is a STUN error response, or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/time.hpp"
#include "webrtc/stun.hpp"

namespace webrtc {

struct IceCredentials {
  std::string ufrag;
  std::string pwd;
};

// RFC 8445 section 5.3: at least 24 bits of ufrag and 128 of password. These have 47 and 142.
IceCredentials make_ice_credentials();

// The peer's password is never needed: a lite agent signs nothing with it.
class IceLite {
 public:
  explicit IceLite(IceCredentials local) { current_.local = std::move(local); }

  // The ufrag that the peer's USERNAMEs must end with; while empty, any is taken.
  void set_remote_ufrag(std::string ufrag) { current_.remote_ufrag = std::move(ufrag); }
  const std::string& remote_ufrag() const { return current_.remote_ufrag; }
  const IceCredentials& local() const { return current_.local; }

  // ICE restart (RFC 8445 section 9): the old credentials and the selected address stay good until the peer
  // uses the new credentials, and nominates with them.
  void restart(IceCredentials local);

  struct Outcome {
    base::ByteView
        response;  // to be sent to where the request came from; empty: nothing. Lives in this object.
    bool authenticated = false;      // the request was a valid one of our peer
    bool validated_first = false;    // and the first of all
    bool selection_changed = false;  // selected() is another than before
    bool bad = false;                // malformed, unauthenticated, or nothing that a lite agent expects
  };
  Outcome on_stun(base::ByteView datagram, const base::SocketAddress& from, base::TimePoint now);

  // Whether the peer has proved to be at `address`.
  bool is_validated(const base::SocketAddress& address) const;
  // Where to send: the nominated pair, before nomination the validated one of highest priority; invalid while
  // none.
  const base::SocketAddress& selected() const { return selected_; }
  // The time of the last authenticated request; TimePoint{} before the first.
  base::TimePoint last_consent() const { return last_consent_; }

  static constexpr std::size_t kMaxPairs = 16;

 private:
  struct Generation {
    IceCredentials local;
    std::string remote_ufrag;
    std::uint32_t number = 0;
    bool used = false;
  };
  struct Pair {
    base::SocketAddress address;
    std::uint32_t priority = 0;
    std::uint32_t generation = 0;
    bool nominated = false;        // ever, in this generation
    bool last_nominating = false;  // its latest request carried USE-CANDIDATE
    base::TimePoint last_seen{};
  };

  const Generation* authenticate(const StunMessage& request) const;
  base::ByteView refuse(const StunMessage& request, int code, const Generation* generation);
  void accept(const StunMessage& request, std::uint32_t generation, const base::SocketAddress& from,
              base::TimePoint now);
  Pair& pair_for(const base::SocketAddress& address, bool& is_new);
  bool takes_over(const Pair& pair, bool first_request, bool edge, base::TimePoint now) const;
  void select();

  Generation current_;
  Generation previous_;  // ufrag empty: none
  std::vector<Pair> pairs_;
  base::SocketAddress nominated_;  // invalid: none yet
  base::SocketAddress selected_;
  base::TimePoint last_consent_{};
  StunBuilder response_;
};

}  // namespace webrtc
