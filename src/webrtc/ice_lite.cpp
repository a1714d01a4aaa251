#include "webrtc/ice_lite.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/random.hpp"

namespace webrtc {
namespace {

// A nominated pair without a request for so long gives way to any other that is nominated.
constexpr base::Duration kNominatedSilence = std::chrono::seconds(5);

bool username_is(std::string_view username, std::string_view local, std::string_view remote) {
  if (local.empty() || username.size() <= local.size() || username[local.size()] != ':') return false;
  if (username.substr(0, local.size()) != local) return false;
  return remote.empty() || username.substr(local.size() + 1) == remote;
}

}  // namespace

IceCredentials make_ice_credentials() {
  return {base::random_token(8), base::random_token(24)};
}

void IceLite::restart(IceCredentials local) {
  const auto number = current_.number + 1;
  if (current_.used) previous_ = std::move(current_);
  current_ = Generation{.local = std::move(local), .remote_ufrag = {}, .number = number, .used = false};
}

const IceLite::Generation* IceLite::authenticate(const StunMessage& request) const {
  for (const auto* generation : {&current_, &previous_}) {
    if (username_is(*request.username, generation->local.ufrag, generation->remote_ufrag)) {
      return request.integrity_ok(generation->local.pwd) ? generation : nullptr;
    }
  }
  return nullptr;
}

// Short reasons: an answer to an unproven address should not be larger than what asked for it.
base::ByteView IceLite::refuse(const StunMessage& request, int code, const Generation* generation) {
  response_.start(StunClass::kError, kStunBinding, request.transaction());
  response_.add_error(code, "");
  if (code == kStunUnknownAttribute) {
    response_.add_unknown_attributes({request.unknown.data(), request.unknown_count});
  }
  // RFC 8489 section 9.1.3: 400 and 401 go without integrity, all others with it.
  if (generation != nullptr) response_.add_integrity(generation->local.pwd);
  response_.add_fingerprint();
  return response_.bytes();
}

IceLite::Outcome IceLite::on_stun(base::ByteView datagram, const base::SocketAddress& from,
                                  base::TimePoint now) {
  Outcome outcome;
  const auto request = parse_stun(datagram);
  if (!request || request->method != kStunBinding) {
    outcome.bad = true;
    return outcome;
  }
  if (request->message_class != StunClass::kRequest) {
    // An indication is a keep-alive (RFC 8445 section 11) and proves nothing; a response has no request of
    // ours.
    outcome.bad = request->message_class != StunClass::kIndication;
    return outcome;
  }
  if (!request->has_integrity || !request->username) {
    outcome.bad = true;
    outcome.response = refuse(*request, kStunBadRequest, nullptr);
    return outcome;
  }
  const auto* generation = authenticate(*request);
  if (generation == nullptr) {
    outcome.bad = true;
    outcome.response = refuse(*request, kStunUnauthenticated, nullptr);
    return outcome;
  }
  if (request->unknown_count > 0) {
    outcome.bad = true;
    outcome.response = refuse(*request, kStunUnknownAttribute, generation);
    return outcome;
  }
  if (request->ice_controlled) {
    // RFC 8445 section 7.3.1.1: a lite agent cannot become the controlling one, whatever the tie-breakers.
    outcome.response = refuse(*request, kIceRoleConflict, generation);
    return outcome;
  }

  const auto before = selected_;
  outcome.authenticated = true;
  outcome.validated_first = pairs_.empty();
  const auto password = generation->local.pwd;  // accept() may drop the old generation
  accept(*request, generation->number, from, now);
  outcome.selection_changed = selected_ != before;
  response_.start(StunClass::kSuccess, kStunBinding, request->transaction());
  response_.add_xor_mapped_address(from).add_integrity(password).add_fingerprint();
  outcome.response = response_.bytes();
  return outcome;
}

IceLite::Pair& IceLite::pair_for(const base::SocketAddress& address, bool& is_new) {
  const auto found = std::ranges::find(pairs_, address, &Pair::address);
  is_new = found == pairs_.end();
  if (!is_new) return *found;
  if (pairs_.size() >= kMaxPairs) {
    auto victim = pairs_.end();
    for (auto it = pairs_.begin(); it != pairs_.end(); ++it) {
      if (it->address == selected_) continue;
      if (victim == pairs_.end() || it->last_seen < victim->last_seen) victim = it;
    }
    pairs_.erase(victim);
  }
  return pairs_.emplace_back(Pair{.address = address});
}

// The last nomination wins. Under aggressive nomination (RFC 5245 section 8.1.1.2) every pair is nominated by
// its first request, and then the highest priority is what the peer takes: such a pair needs a higher
// priority than the one held.
bool IceLite::takes_over(const Pair& pair, bool first_request, bool edge, base::TimePoint now) const {
  const auto held = std::ranges::find(pairs_, nominated_, &Pair::address);
  if (held == pairs_.end() || held->address == pair.address || held->generation != pair.generation)
    return true;
  if (edge && !first_request) return true;
  return pair.priority >= held->priority || now - held->last_seen >= kNominatedSilence;
}

void IceLite::accept(const StunMessage& request, std::uint32_t generation, const base::SocketAddress& from,
                     base::TimePoint now) {
  last_consent_ = now;
  bool first_request = false;
  auto& pair = pair_for(from, first_request);
  if (generation != pair.generation || first_request) {
    // A late check with old credentials does not take a pair back to the old generation.
    if (!first_request && generation < pair.generation) {
      pair.last_seen = now;
      return;
    }
    first_request = true;
    pair.generation = generation;
    pair.nominated = pair.last_nominating = false;
  }
  pair.priority = request.priority.value_or(0);
  pair.last_seen = now;
  const bool edge = request.use_candidate && !pair.last_nominating;
  pair.last_nominating = request.use_candidate;
  if (generation == current_.number && !current_.used) current_.used = true;
  if (generation == current_.number) previous_ = {};
  if (request.use_candidate) {
    const auto held = std::ranges::find(pairs_, nominated_, &Pair::address);
    const bool newer_held = held != pairs_.end() && held->generation > generation;
    pair.nominated = true;
    if (!newer_held && takes_over(pair, first_request, edge, now)) {
      nominated_ = from;
      std::erase_if(pairs_, [&](const Pair& p) { return p.generation < generation; });
    }
  }
  select();
}

void IceLite::select() {
  if (nominated_.valid()) {
    selected_ = nominated_;
    return;
  }
  const auto best = std::ranges::max_element(pairs_, [](const Pair& a, const Pair& b) {
    return std::pair(a.generation, a.priority) < std::pair(b.generation, b.priority);
  });
  // Of equals the one in use stays.
  if (best != pairs_.end()) {
    const auto held = std::ranges::find(pairs_, selected_, &Pair::address);
    if (held == pairs_.end() || held->generation != best->generation || held->priority < best->priority) {
      selected_ = best->address;
    }
  }
}

bool IceLite::is_validated(const base::SocketAddress& address) const {
  return address.valid() &&
         (address == selected_ || std::ranges::find(pairs_, address, &Pair::address) != pairs_.end());
}

}  // namespace webrtc
