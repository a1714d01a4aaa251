// Calls by trunks: out, with a number that the provider knows, and in, from nobody who could prove to be somebody here.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {
namespace {

// "+4930123" out of a SIP or tel URI; "" : there is none.
std::string number_in(const sip::Uri& uri) {
  if (uri.is_sip()) return base::clean_display_name(sip::unescape(uri.user));
  if (!base::equals_ignoring_case(uri.scheme, "tel")) return {};
  return base::clean_display_name(sip::unescape(uri.opaque.substr(0, uri.opaque.find(';'))));
}

bool wants_privacy(const sip::Message& invite) {
  const auto privacy = base::to_lower(invite.value("Privacy"));
  return privacy.find("id") != std::string::npos || privacy.find("user") != std::string::npos;
}

}  // namespace

// One call more for it, until the last party that has this is gone.
std::shared_ptr<void> Pbx::use_trunk(const std::string& name) {
  trunks_.note_call(name, 1);
  return {static_cast<void*>(this), [this, name](void*) { trunks_.note_call(name, -1); }};
}

// By `by`'s own number, where neither the rule nor the trunk says another.
CallTarget Pbx::target_trunk(const bridge::Party& by, const Destination& where) {
  const auto* trunk = trunks_.find(where.name);
  auto call = trunks_.prepare(where.name, where.number, by, where.caller_number);
  if (!trunk || !call) return CallTarget::refused(trunk && call.error().code == base::ErrorCode::kMalformed ? 484 : 503);
  auto party = new_party();
  party.number = party.display_name = base::clean_display_name(where.number);
  party.trunk = trunk->name;
  party.trunk_use = use_trunk(trunk->name);
  CallBranch branch{.party = party, .contact = {}, .uri = call->to_uri, .from = CallBranch::From{call->from_uri, call->from_display},
                    .headers = std::move(call->headers), .auth = std::move(call->auth)};
  branch.contact.contact = std::move(call->request_uri);
  branch.contact.target = call->target;
  branch.others = std::move(call->others);
  branch.contact.path = std::move(call->route);
  const bool srtp = trunk->srtp && call->target.transport == sip::Transport::kTls;
  branch.sdes = srtp ? sdp::SdesPolicy::kOffer : sdp::SdesPolicy::kAccept;
  return {.kind = CallTarget::Kind::kBranches, .status = 200, .party = std::move(party), .uri = uri_of(where.number), .branches = {std::move(branch)}};
}

// RFC 3325: its P-Asserted-Identity is believed as far as the trunk is; what the caller wants hidden is. No account is ever meant.
bridge::Party Pbx::party_from_trunk(const sip::Message& invite, const TrunkConfig& trunk) {
  auto party = new_party();
  const auto take = [&](const sip::NameAddr& address) {
    party.number = number_in(address.uri);
    party.display_name = base::clean_display_name(address.display());
  };
  const auto asserted = sip::NameAddr::parse(invite.value("P-Asserted-Identity"));
  if (asserted && !wants_privacy(invite)) take(*asserted);
  if (party.number.empty()) take(invite.from());
  if (party.number.empty()) party.number = "anonymous";
  if (accounts_.find(party.number)) party.number += "@" + trunk.name;
  if (party.display_name.empty()) party.display_name = party.number;
  party.trunk = trunk.name;
  return party;
}

sip::SessionHandler* Pbx::route_from_trunk(sip::Session& session, const sip::Message& invite, const TrunkConfig& trunk) {
  const auto refuse = [&](int status) {
    session.reject({.status = status});
    return nullptr;
  };
  if (!invite.request_uri().is_sip()) return refuse(416);
  for (const auto& status : trunks_.status()) {
    if (status.name == trunk.name && trunk.max_calls != 0 && status.calls >= trunk.max_calls) return refuse(503);
  }
  auto party = party_from_trunk(invite, trunk);
  const auto who = dial_caller(party);
  auto target = resolve(who, party, trunks_.number_called(trunk.name, invite));
  if (!target.ok() && target.status == 404 && !trunk.number.empty()) target = resolve(who, party, trunk.number);
  party.trunk_use = use_trunk(trunk.name);
  return connect(session, invite, std::move(party), std::move(target));
}

}  // namespace pbx
