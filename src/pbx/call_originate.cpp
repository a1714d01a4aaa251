// A call that somebody else has asked for: the caller is rung before the callee.
#include "base/random.hpp"
#include "pbx/call.hpp"

namespace pbx {

void Call::begin_info(const bridge::Party& caller, const bridge::Party& callee) {
  const auto side = [](const bridge::Party& party) { return CallInfo::Side{party.number, party.display_name, party.account}; };
  info_ = {.id = base::random_token(16), .state = CallInfo::State::kRinging, .from = side(caller), .to = side(callee), .started = environment_.timeline.wall(),
           .answered = std::nullopt};
}

CallInfo Call::info() const {
  auto info = info_;
  using State = CallInfo::State;
  info.state = over_ ? State::kEnded : info_.answered ? State::kAnswered : candidates_.empty() ? State::kRinging : State::kDialing;
  if (over_) info.status = info.answered ? 200 : best_failure_;
  return info;
}

bool Call::originate(Plan plan) {
  plan_ = std::move(plan);
  begin_info(plan_.caller, plan_.callee);
  for (const auto& contact : plan_.contacts) {
    // The one who is rung sees who it is going to speak to.
    if (auto leg = dial(contact, plan_.caller, plan_.caller_uri, plan_.callee, plan_.callee_uri, false)) candidates_.push_back(std::move(leg));
  }
  if (candidates_.empty()) {
    over_ = true;
    host_.on_call_over(*this);
    return false;
  }
  restart_ring_timer();
  host_.on_call_changed(*this);
  return true;
}

void Call::on_candidate_established(bridge::Leg& leg) {
  if (caller_ || over_) return leg.end("SIP;cause=200;text=\"Call completed elsewhere\"");
  const auto own = std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; });
  caller_ = std::move(*own);
  candidates_.erase(own);
  std::vector<bridge::Leg*> losers;
  for (auto& other : candidates_) losers.push_back(other.get());
  for (auto* loser : losers) loser->end("SIP;cause=200;text=\"Call completed elsewhere\"");
  for (const auto& contact : plan_.callee_contacts()) ring(contact, plan_.callee, plan_.callee_uri, false);
  if (callees_.empty()) return refuse_caller();
  restart_ring_timer();
  host_.on_call_changed(*this);
}

// True when `leg` was one of those that ring for the caller's place.
bool Call::on_candidate_ended(const bridge::Leg& leg) {
  const auto own = std::find_if(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; });
  if (own == candidates_.end()) return false;
  gone_.push_back(std::move(*own));
  candidates_.erase(own);
  sweep();
  check_over();
  return true;
}

// Nobody answers: a caller that we have rung ourselves is hung up.
void Call::refuse_caller() {
  if (!caller_ || caller_->ended()) return;
  if (caller_->session().established()) return caller_->end(fmt::format("SIP;cause={}", best_failure_));
  caller_->session().reject({.status = best_failure_});
}

}  // namespace pbx
