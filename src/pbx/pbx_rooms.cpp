// Whom the participants of a room have it call (RFC 4579): by their own rights, as if they had dialled.
#include "base/text.hpp"
#include "pbx/pbx.hpp"

namespace pbx {

void Pbx::call_into(conference::Room& room, bridge::Leg& by, const sip::ReferRequest& wanted, std::function<void(int status)> told) {
  if (wanted.replaces) return told(bring_into(room, by, *wanted.replaces));
  const auto uri = sip::Uri::parse(wanted.target);
  const auto number = uri && uri->is_sip() ? sip::unescape(uri->user) : std::string();
  const int status = number.empty() ? 404 : dial_into(room, by.party(), number, told);
  if (status != 202) told(status);
}

// RFC 4579 section 5.6: whom `by` talks to in another call of its own comes in. The dialog must be its own, as for other transfers.
int Pbx::bring_into(conference::Room& room, bridge::Leg& by, const sip::Replaces& replaces) {
  const auto* session = agent_->find(replaces.call_id, replaces.to_tag, replaces.from_tag);
  bridge::Leg* own = nullptr;
  for (const auto& [id, leg] : environment_.legs) {
    if (session && leg->is_of(*session)) own = leg;
  }
  auto* call = own && own != &by ? dynamic_cast<Call*>(&own->owner()) : nullptr;
  if (!call || own->ended()) return 481;
  if (!same_holder(by, *own)) return 403;
  if (replaces.early_only && own->session().established()) return 486;
  if (!room.has_place()) return 486;
  return call->hand_over(*own, [&](std::unique_ptr<bridge::Leg> leg) {
    leg->present({room.name(), room.name(), uri_of(room.name())});
    room.adopt(std::move(leg));
  });
}

// 202: it rings there, or the call has told already. Survival item 24: find_target() holds it against what `by` may dial.
int Pbx::dial_into(conference::Room& room, const bridge::Party& by, std::string_view number, std::function<void(int status)> told) {
  auto target = find_target(by, number);
  if (!target.ok()) return target.status;
  if (target.kind != CallTarget::Kind::kBranches) return 403;   // a room, a queue, a service: nobody who could come in
  if (!room.has_place()) return 486;
  if (calls_.size() >= config_.max_calls) return 503;
  auto callee = new_party();
  callee.number = callee.display_name = room.name();
  const auto find_room = [this, name = room.name(), id = room.id()] {
    const auto* there = rooms_.find(name);
    if (!there || there->id() != id || there->empty()) return CallTarget::refused(480);
    if (!there->has_place()) return CallTarget::refused(486);
    return CallTarget{.kind = CallTarget::Kind::kRoom, .status = 200, .uri = uri_of(name), .name = name};
  };
  auto& call = add_call();
  into_rooms_.emplace(&call, room.id());
  const bool rings = call.originate({.caller = std::move(target), .callee = std::move(callee), .callee_uri = uri_of(room.name()),
                                     .find_callee = find_room, .told = std::move(told)});
  return rings ? 202 : 488;
}

// Whoever still rings for it has nobody to come to.
void Pbx::on_room_closed(const conference::Room& room) {
  std::vector<const Call*> calls;
  for (const auto& [call, id] : into_rooms_) {
    if (id == room.id()) calls.push_back(call);
  }
  for (const auto* call : calls) {
    if (const auto found = calls_.find(call); found != calls_.end()) found->second->end_all("SIP;cause=480;text=\"The Room Is Closed\"");
  }
}

}  // namespace pbx
