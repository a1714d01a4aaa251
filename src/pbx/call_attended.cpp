// Legs that change calls: attended transfers by REFER with Replaces (RFC 5589 section 7), INVITEs with Replaces (RFC 3891), and
// callers who go on to a room or a service.
#include "base/text.hpp"
#include "conference/room.hpp"
#include "pbx/call.hpp"

namespace pbx {
bool same_holder(bridge::Leg& a, bridge::Leg& b) {
  if (!a.party().account.empty() || !b.party().account.empty()) return a.party().account == b.party().account;
  const auto &at = a.session().source(), &bt = b.session().source();
  if (at.transport != bt.transport) return false;
  return sip::is_reliable(at.transport) ? at.flow != 0 && at.flow == bt.flow : at.remote == bt.remote;
}

int CallHost::place(const CallTarget&, const std::function<std::unique_ptr<bridge::Leg>()>&) { return 480; }

// Out of this call, which has to end with it or go on to somebody else.
std::unique_ptr<bridge::Leg> Call::detach(bridge::Leg& leg) {
  drop_successors_of(leg);
  end_listeners();
  release(leg);
  forget_told(leg);
  for (auto* other : parties()) {
    if (other != &leg) release(*other);   // whom that one held, it holds no more
  }
  hush(leg);
  if (held_from_outside_) tell_held(leg, false);   // where it goes it is not
  bridge_.remove(leg);
  std::unique_ptr<bridge::Leg> own;
  if (&leg == caller_.get()) {
    own = std::move(caller_);
  } else {
    const auto place = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
    own = std::move(*place);
    callees_.erase(place);
    if (answered_ == &leg) answered_ = nullptr;
  }
  environment_.timeline.cancel(ring_timer_);
  note_legs();
  host_.on_call_changed(*this);
  return own;
}

// `old` ends; the other party speaks with `leg` now.
void Call::put_in_place(bridge::Leg& old, std::unique_ptr<bridge::Leg> own) {
  auto& leg = *own;
  drop_successors_of(old);
  release(old);
  bridge_.remove(old);
  const bool of_caller = &old == caller_.get();
  (of_caller ? info_.from : info_.to) = {leg.party().number, leg.party().display_name, leg.party().account};
  leg.move_to(*this, bridge_.id(), leg.video_mode());
  if (of_caller) {
    gone_.push_back(std::exchange(caller_, std::move(own)));
  } else {
    const auto place = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &old; });
    gone_.push_back(std::exchange(*place, std::move(own)));
    answered_ = &leg;
  }
  if (!queued_) join(leg);
  sounds_.erase(old.id());
  old.end("SIP;cause=200;text=\"Transferred\"");
  if (service_) {
    begin_service();
  } else if (queued_) {
    queue_notices_ = leg.party().webphone;
    play_waiting_music();
    tell_waiting();
  } else {
    if (held_from_outside_) hold_from_outside(leg);
    tell_hold(leg);
    update_music();
  }
  note_legs();
  host_.on_call_changed(*this);
}

// RFC 5589 section 7.1: `leg` asks that who it talks to here be joined with whom it talks to in another dialog of its own.
void Call::refer_attended(bridge::Leg& leg, const sip::Replaces& replaces, std::shared_ptr<sip::ReferNotifier> notifier) {
  const auto* session = agent_.find(replaces.call_id, replaces.to_tag, replaces.from_tag);
  bridge::Leg* own = nullptr;
  for (const auto& [id, each] : environment_.legs) {
    if (session && each->is_of(*session)) own = each;
  }
  auto& stays = &leg == caller_.get() ? *answered_ : *caller_;
  // Dialog ids are secrets of their ends, and still not enough: it must be the sender's own (RFC 3891 section 6).
  if (!own || own->ended() || own == &leg || own == &stays) return notifier->finish(481);
  if (!same_holder(leg, *own)) return notifier->finish(403);
  if (replaces.early_only && own->session().established()) return notifier->finish(486);
  if (stays.ended()) return notifier->finish(480);
  const int status = join_replaced(leg, stays, *own, notifier);
  if (status != 202) notifier->finish(status);
}

int Call::join_replaced(bridge::Leg& leg, bridge::Leg& stays, bridge::Leg& own, std::shared_ptr<sip::ReferNotifier>& notifier) {
  const auto finish = [&] {
    notifier->finish(200);
    let_go(leg, true);
    return 202;
  };
  if (auto* room = dynamic_cast<conference::Room*>(&own.owner())) {
    if (!own.joined()) return 481;
    own.end("SIP;cause=200;text=\"Transferred\"");
    stays.present(identity_of(room->name(), room->name()));
    room->adopt(detach(stays));
    return finish();
  }
  auto* other = dynamic_cast<Call*>(&own.owner());
  if (!other || other == this || other->is_retired(own)) return 481;
  if (other->transfer_ || (other->queued_ && other->queued_->taker)) return 491;   // an agent is just taking it
  if (!other->answered_ && &own == other->caller_.get() && !other->callees_.empty()) return join_ringing(leg, stays, *other, notifier);
  // A service or a queue has one leg.
  const bool served = (other->service_ || other->queued_) && &own == other->caller_.get();
  const bool talks = other->answered_ && other->caller_ && (&own == other->answered_ || &own == other->caller_.get());
  if (!(served || (talks && own.joined()))) return 481;
  other->put_in_place(own, detach(stays));
  return finish();
}

int Call::hand_over(bridge::Leg& own, const std::function<void(std::unique_ptr<bridge::Leg>)>& to) {
  if (transfer_) return 491;
  const bool party = answered_ && caller_ && (&own == answered_ || &own == caller_.get());
  if (!party || is_retired(own) || !own.joined()) return 481;
  auto& stays = &own == caller_.get() ? *answered_ : *caller_;
  if (stays.ended()) return 480;
  to(detach(stays));
  own.end("SIP;cause=200;text=\"Transferred\"");
  return 200;
}

// Whom it called has not answered yet: that one rings on, for who is left here. Its caller's INVITE is over.
int Call::join_ringing(bridge::Leg& leg, bridge::Leg& stays, Call& ringing, std::shared_ptr<sip::ReferNotifier>& notifier) {
  static_cast<void>(stays);
  open_transfer(leg, ringing.callees_.front()->party(), notifier);
  if (ringing.ringing_told_) notifier->progress(180);
  for (auto& callee : std::exchange(ringing.callees_, {})) {
    ringing.bridge_.remove(*callee);
    callee->move_to(*this, bridge_.id(), callee->video_mode());
    transfer_->targets.push_back(std::move(callee));
  }
  transfer_->waiting = std::exchange(ringing.waiting_, {});
  environment_.timeline.cancel(ringing.ring_timer_);
  await_targets(config_.ring_timeout);
  ringing.best_failure_ = 487;
  ringing.refuse_caller();
  return 202;
}

sip::SessionHandler* Call::replace(sip::Session& session, const sip::Message& invite, bridge::Party party, bridge::Leg& old) {
  const auto refuse = [&](sip::Reply reply) {
    session.reject(reply);
    return nullptr;
  };
  if (is_retired(old) || over_ || !caller_ || caller_->ended()) return refuse({.status = 481});
  if (transfer_) return refuse({.status = 491});
  // One that rings is picked up; else one who talks is replaced.
  const bool rings = !answered_ && std::any_of(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &old; });
  const bool talks = answered_ && (&old == answered_ || &old == caller_.get());
  if (!rings && !talks) return refuse({.status = 481});
  auto leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, std::move(party));
  leg->attach(session);
  const auto answer = leg->prepare_answer(invite);
  if (!answer) return refuse({.status = 488, .headers = {{"Warning", "399 parley " + sip::quote(answer.error().detail)}}});
  auto& stays = &old == caller_.get() ? *answered_ : *caller_;
  leg->present(identity_of(stays));
  auto* handler = leg.get();
  if (rings) {
    callees_.push_back(std::move(leg));
  } else {
    successors_.push_back({std::move(leg), &old});
  }
  session.accept(*answer, identity_headers(handler->party()));
  return handler;
}

// The caller goes to a room, a queue or a service instead of who was rung: answered first, where it still waits for that.
bool Call::lead_caller(const CallTarget& target) {
  if (!caller_ || caller_->ended() || answered_ || led_to_) return false;
  waiting_.clear();
  environment_.timeline.cancel(ring_timer_);
  led_to_ = target;
  end_ringing("SIP;cause=302;text=\"Forwarded\"");
  const bool service = target.kind == CallTarget::Kind::kService;
  caller_->present(service ? identity_of(target.party.number, target.party.display_name) : identity_of(target.name, target.name));
  if (caller_->session().established()) {
    go_to_led();
  } else {
    caller_->session().accept(caller_answer_, caller_headers_);
  }
  return true;
}

void Call::go_to_led() {
  const auto target = *std::exchange(led_to_, std::nullopt);
  if (target.kind == CallTarget::Kind::kService) return serve(target);
  info_.answered = environment_.timeline.wall();
  info_.to = {target.name, target.name, {}};
  note_legs();
  if (const int status = host_.place(target, [this] { return detach(*caller_); }); status != 200) {
    best_failure_ = status;
    return caller_->end("SIP;cause=480");
  }
  tell_plan(200);
  check_over();
}

// With a leg out of another call, whose caller it is from now on.
void Call::adopt(std::unique_ptr<bridge::Leg> leg, const CallTarget& target) {
  begin_info(leg->party(), target.party);
  caller_ = std::move(leg);
  caller_->move_to(*this, bridge_.id(), caller_->video_mode());
  if (target.kind == CallTarget::Kind::kService) serve(target);
}

void Call::end_ringing(std::string_view reason) {
  std::vector<bridge::Leg*> legs;
  for (auto& leg : callees_) legs.push_back(leg.get());
  for (auto* leg : legs) {
    if (!leg->ended()) leg->end(reason);
  }
}

}  // namespace pbx
