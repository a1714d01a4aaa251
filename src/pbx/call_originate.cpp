// A call that somebody else has asked for: the caller is rung before the callee.
#include "base/random.hpp"
#include "pbx/call.hpp"

namespace pbx {

void Call::begin_info(const bridge::Party& caller, const bridge::Party& callee) {
  const auto side = [](const bridge::Party& party) { return CallInfo::Side{party.number, party.display_name, party.account}; };
  info_ = {.id = base::random_token(16), .state = CallInfo::State::kRinging, .from = side(caller), .to = side(callee), .dialled = callee.number, .started = environment_.timeline.wall(),
           .answered = std::nullopt};
}

CallInfo Call::info() const {
  auto info = info_;
  using State = CallInfo::State;
  info.state = over_ ? State::kEnded : queued_ ? State::kWaiting : info_.answered ? State::kAnswered : candidates_.empty() ? State::kRinging : State::kDialing;
  if (over_) info.status = info.answered ? 200 : best_failure_;
  if (over_) info.legs = legs_;
  info.held = held_from_outside_ || !holding_.empty();
  return info;
}

void Call::note_answer(const bridge::Party& by) {
  info_.answered = environment_.timeline.wall();
  info_.to = {by.number, by.display_name, by.account};
}

// Who speaks in it now, against who did: for its record, which names all that were in it.
void Call::note_legs() {
  present_parties();
  if (!info_.answered) return;
  std::vector<const bridge::Leg*> here;
  if (caller_ && !caller_->ended()) here.push_back(caller_.get());
  for (const auto& leg : callees_) {   // answered_ may be of one that is gone
    if (leg.get() == answered_ && !leg->ended()) here.push_back(answered_);
  }
  const auto now = environment_.timeline.wall();
  for (auto& leg : legs_) {
    const bool stays = std::any_of(here.begin(), here.end(), [&](const auto* each) { return each->party().participant == leg.participant; });
    if (!stays && !leg.left) leg.left = now;
  }
  for (const auto* each : here) {
    const auto& party = each->party();
    const bool known = std::any_of(legs_.begin(), legs_.end(), [&](const auto& leg) { return !leg.left && leg.participant == party.participant; });
    if (known || legs_.size() >= CallInfo::kMaxLegs) continue;
    legs_.push_back({.side = {party.number, party.display_name, party.account}, .participant = party.participant, .answered = now, .left = std::nullopt});
  }
}

bool Call::originate(Plan plan) {
  plan_ = std::move(plan);
  begin_info(plan_.caller.party, plan_.callee);
  candidates_waiting_ = stages_of(std::move(plan_.caller.branches));
  if (ring_candidates()) {
    host_.on_call_changed(*this);
    return true;
  }
  over_ = true;
  host_.on_call_over(*this);
  return false;
}

// The one who is rung sees who it is going to speak to.
bool Call::ring_candidates() {
  if (caller_ || over_) return false;
  const auto time = ring_stage(candidates_waiting_, plan_.callee, plan_.callee_uri, false, candidates_);
  if (time.count() == 0) return false;
  restart_ring_timer(time);
  return true;
}

void Call::on_candidate_established(bridge::Leg& leg) {
  if (caller_ || over_) return leg.end("SIP;cause=200;text=\"Call completed elsewhere\"");
  const auto own = std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; });
  caller_ = std::move(*own);
  candidates_.erase(own);
  candidates_waiting_.clear();
  best_failure_ = 480;
  info_.from = {leg.party().number, leg.party().display_name, leg.party().account};
  std::vector<bridge::Leg*> losers;
  for (auto& other : candidates_) losers.push_back(other.get());
  for (auto* loser : losers) loser->end("SIP;cause=200;text=\"Call completed elsewhere\"");
  auto target = plan_.find_callee();
  if (target.ok() && target.kind != CallTarget::Kind::kBranches) {
    led_to_ = std::move(target);
    return go_to_led();
  }
  if (!target.ok()) best_failure_ = target.status;
  waiting_ = stages_of(std::move(target.branches));
  if (!ring_callees()) return refuse_caller();
  host_.on_call_changed(*this);
}

// True when `leg` was one of those that ring for the caller's place.
bool Call::on_candidate_ended(const bridge::Leg& leg, const sip::SessionEnd& end) {
  const auto own = std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; });
  if (own == candidates_.end()) return false;
  gone_.push_back(std::move(*own));
  candidates_.erase(own);
  best_failure_ = better_failure(best_failure_, end.cause == sip::EndCause::kRejected && end.status >= 400 ? end.status : 480);
  sweep();
  if (candidates_.empty() && ring_candidates()) return true;
  check_over();
  return true;
}

// Who asked for it hears of its end once.
void Call::tell_plan(int status) {
  if (!plan_.told) return;
  const auto told = status >= 200 ? std::exchange(plan_.told, nullptr) : plan_.told;
  told(status);
}

// Nobody answers: a caller that we have rung ourselves is hung up.
void Call::refuse_caller() {
  if (!caller_ || caller_->ended()) return;
  if (caller_->session().established()) return caller_->end(fmt::format("SIP;cause={}", best_failure_));
  caller_->session().reject({.status = best_failure_});
}

}  // namespace pbx
