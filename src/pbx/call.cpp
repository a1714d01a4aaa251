#include "pbx/call.hpp"

#include <openssl/crypto.h>

#include "base/text.hpp"

namespace pbx {
namespace {

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string identity_headers(const bridge::Party& party) {
  auto headers = fmt::format("Parley-Participant: {}\r\n", party.participant);
  if (party.webphone) headers += fmt::format("Parley-Resume: {}\r\n", party.resume_token);
  return headers;
}

Call::Call(bridge::LegEnvironment& environment, sip::UserAgent& agent, CallConfig config, CallHost& host)
    : environment_(environment), agent_(agent), config_(std::move(config)), host_(host), bridge_(environment, {.mix = config_.mix}) {}

Call::~Call() {
  environment_.timeline.cancel(ring_timer_);
  environment_.timeline.cancel(progress_timer_);
  environment_.timeline.cancel(sweep_timer_);
  if (transfer_) environment_.timeline.cancel(transfer_->timer);
  if (queued_) environment_.timeline.cancel(queued_->timer);
  for (auto& leg : listeners_) bridge_.remove(*leg);
  if (caller_) bridge_.remove(*caller_);
  for (auto& leg : callees_) bridge_.remove(*leg);
}

sip::SessionHandler* Call::reject(sip::Session& session, const sip::Reply& reply) {
  best_failure_ = reply.status;
  session.reject(reply);
  over_ = true;
  host_.on_call_over(*this);
  return nullptr;
}

sip::SessionHandler* Call::start(sip::Session& session, const sip::Message& invite, bridge::Party caller, CallTarget target) {
  begin_info(caller, target.party);
  caller_ = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, std::move(caller));
  caller_->attach(session);
  auto answer = caller_->prepare_answer(invite);
  if (!answer) return reject(session, {.status = 488, .headers = {{"Warning", "399 parley " + sip::quote(answer.error().detail)}}});
  caller_answer_ = std::move(*answer);
  if (caller_->party().trunk.empty()) caller_headers_ = identity_headers(caller_->party());
  caller_->note_presented(target.party.number, target.party.display_name);
  const auto at = caller_answer_.find("\nm=video ");
  video_ = at != std::string::npos && !std::string_view(caller_answer_).substr(at + 9).starts_with("0 ");
  if (target.kind == CallTarget::Kind::kService) {
    service_ = std::move(target.service);
    service_party_ = std::move(target.party);
    return start_service(session);
  }
  waiting_ = stages_of(std::move(target.branches));
  if (!ring_callees()) return reject(session, {.status = 480});
  host_.on_call_changed(*this);
  return caller_.get();
}

std::vector<CallSide> Call::sides() const {
  std::vector<CallSide> result;
  const auto add = [&](const bridge::Leg& leg, bool caller, const bridge::Party* other) {
    const auto& account = leg.party().account;
    if (leg.ended() || account.empty() || std::any_of(result.begin(), result.end(), [&](const auto& s) { return s.account == account; })) return;
    using State = CallSide::State;
    const bool talks = answered_ || service_ || queued_ || transfer_;
    const auto state = talks ? State::kTalking : ringing_told_ ? State::kRinging : State::kTrying;
    result.push_back({.account = account, .caller = caller, .state = !caller && state == State::kTrying ? State::kRinging : state,
                      .other_number = other ? other->number : std::string(), .other_display = other ? other->display_name : std::string()});
  };
  if (transfer_ && !transfer_->transferor) {   // he has hung up: who stays waits for another
    add(*transfer_->stays, !transfer_->of_caller, &transfer_->party);
    return result;
  }
  if (!caller_ || caller_->ended()) return result;
  if (service_) add(*caller_, true, &service_party_);
  if (queued_) {
    bridge::Party queue;
    queue.number = queue.display_name = queued_->queue->name;
    add(*caller_, true, &queue);
    return result;
  }
  if (callees_.empty()) return result;
  const bool over = answered_ && std::none_of(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == answered_; });
  if (over) return result;
  const auto* callee = answered_ ? answered_ : callees_.front().get();
  add(*caller_, true, &callee->party());
  for (const auto& leg : callees_) {
    if (!answered_ || leg.get() == answered_) add(*leg, false, &caller_->party());
  }
  return result;
}

std::vector<bridge::Leg*> Call::parties() const {
  std::vector<bridge::Leg*> result;
  if (caller_) result.push_back(caller_.get());
  if (answered_) result.push_back(answered_);
  return result;
}

bool Call::holds(std::string_view token) const {
  if (!answered_ && !service_ && !queued_) return false;
  for (const auto* leg : parties()) {
    if (leg->party().webphone && same_secret(token, leg->party().resume_token)) return true;
  }
  return false;
}

sip::SessionHandler* Call::resume(sip::Session& session, const sip::Message& invite, std::string_view token) {
  for (auto* old : parties()) {
    if (!same_secret(token, old->party().resume_token)) continue;
    auto leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(), sdp::VideoMode::kTwoWay, old->party());
    leg->adopt_sources(*old);
    leg->attach(session);
    const auto answer = leg->prepare_answer(invite);
    if (!answer) {
      session.reject({.status = 488, .headers = {{"Warning", "399 parley " + sip::quote(answer.error().detail)}}});
      return nullptr;
    }
    leg->inherit_presented(*old);
    auto* handler = leg.get();
    successors_.push_back({std::move(leg), old});
    session.accept(*answer, identity_headers(handler->party()));
    return handler;
  }
  return nullptr;
}

// The other party notices nothing but the sound going on.
void Call::take_place(bridge::Leg& leg) {
  const auto it = std::find_if(successors_.begin(), successors_.end(), [&](const auto& s) { return s.leg.get() == &leg; });
  auto successor = std::move(*it);
  successors_.erase(it);
  auto* old = successor.replaces;
  if (transfer_ && transfer_->stays == old) transfer_->stays = &leg;
  if (transfer_ && transfer_->transferor == old) transfer_->transferor = &leg;
  bridge_.remove(*old);
  std::unique_ptr<bridge::Leg> retired;
  if (old == caller_.get()) {
    retired = std::exchange(caller_, std::move(successor.leg));
  } else {
    const auto place = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == old; });
    if (place == callees_.end()) return leg.end({});
    retired = std::exchange(*place, std::move(successor.leg));
    answered_ = &leg;
  }
  const bool another = old->party().participant != leg.party().participant;   // not a page that is the same again
  another ? release(*old) : static_cast<void>(std::erase(holding_, old));
  sounds_.erase(old->id());
  gone_.push_back(std::move(retired));
  if (!another) old->session().hand_messages_to(leg.session());
  old->end("SIP;cause=200;text=\"Replaced\"");
  bridge_.add(leg);
  if (held_from_outside_) hold_from_outside(leg);
  if (another) {
    (&leg == caller_.get() ? info_.from : info_.to) = {leg.party().number, leg.party().display_name, leg.party().account};
    note_legs();
    host_.on_call_changed(*this);
  }
  present_parties();
  if (service_) return begin_service();
  if (queued_) return play_waiting_music(), tell_waiting();
  tell_hold(leg);
  update_music();
}

void Call::on_leg_established(bridge::Leg& leg) {
  retries_.erase(leg.id());
  if (std::any_of(successors_.begin(), successors_.end(), [&](const auto& s) { return s.leg.get() == &leg; })) return take_place(leg);
  if (is_target(leg)) return on_target_established(leg);
  if (is_listener(leg)) return on_listener_established(leg);
  if (&leg == caller_.get()) {
    if (led_to_) return go_to_led();
    return service_ ? begin_service() : bridge_.video_changed();
  }
  if (std::any_of(candidates_.begin(), candidates_.end(), [&](const auto& l) { return l.get() == &leg; })) return on_candidate_established(leg);
  if (answered_ || !caller_ || caller_->ended()) return leg.end("SIP;cause=200;text=\"Call completed elsewhere\"");
  answered_ = &leg;
  waiting_.clear();
  note_answer(leg.party());
  environment_.timeline.cancel(ring_timer_);
  hush(*caller_);
  join(*caller_);
  join(leg);
  present_parties();
  if (queued_) finish_waiting(leg);
  else if (!caller_->session().established()) caller_->session().accept(caller_answer_, caller_headers_);
  std::vector<bridge::Leg*> losers;
  for (auto& other : callees_) {
    if (other.get() != answered_) losers.push_back(other.get());
  }
  for (auto* loser : losers) loser->end("SIP;cause=200;text=\"Call completed elsewhere\"");
  note_legs();
  host_.on_call_changed(*this);
}

void Call::on_leg_media_changed(bridge::Leg& leg) {
  if (!leg.joined() || is_retired(leg)) return;
  bridge_.video_changed();
  tell_hold(leg);
  update_music();
}

void Call::on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  if (queued_ && &leg == caller_.get()) return keep_text(leg, id, request);
  if (is_listener(leg)) return leg.session().respond(id, {.status = 403, .reason = "Who Listens Says Nothing"});
  if (service_ && leg.joined() && !is_retired(leg)) return message_to_service(leg, id, *request);
  if (!answered_ || !leg.joined() || is_retired(leg)) return leg.session().respond(id, {.status = 403, .reason = "Not In A Call Yet"});
  if (const auto refusal = bridge::refuse_message(config_.messages, *request, leg.message_bucket(), environment_.timeline.now())) {
    return leg.session().respond(id, *refusal);
  }
  bridge_.relay(leg, id, request);
}

void Call::on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) { bridge_.on_message_done(leg, token, status); }

void Call::on_leg_ended(bridge::Leg& leg, const sip::SessionEnd& end) {
  bridge_.remove(leg);
  sounds_.erase(leg.id());
  note_trunk(leg, end);
  if (try_next_address(leg, end)) return sweep();
  forget_told(leg);
  if (is_retired(leg)) return sweep();
  if (on_taker_ended(leg)) return sweep();
  if (on_listener_ended(leg) || on_target_ended(leg, end)) {
    sweep();
    return check_over();
  }
  if (drop_successors_of(leg)) return sweep();
  if (end.cause == sip::EndCause::kByeReceived && leave_to_target(leg)) return sweep();
  std::erase(holding_, &leg);
  if (on_candidate_ended(leg, end)) return;
  if (!answered_ && &leg != caller_.get() && forward(leg, end)) return sweep();
  if (&leg == caller_.get()) {
    gone_.push_back(std::move(caller_));
    const bool gave_up = end.cause == sip::EndCause::kCancelled || end.cause == sip::EndCause::kByeReceived;
    if (!answered_ && gave_up) best_failure_ = 487;
    end_all("SIP;cause=200;text=\"Caller hung up\"");
  } else {
    const auto it = std::find_if(callees_.begin(), callees_.end(), [&](const auto& l) { return l.get() == &leg; });
    if (it != callees_.end()) {
      gone_.push_back(std::move(*it));
      callees_.erase(it);
    }
    if (answered_ == &leg) {
      end_all({});
    } else if (!answered_) {
      best_failure_ = better_failure(best_failure_, end.cause == sip::EndCause::kRejected && end.status >= 400 ? end.status : 480);
      if (callees_.empty() && !led_to_ && !service_ && !ring_callees()) refuse_caller();
    }
  }
  sweep();
  note_legs();
  host_.on_call_changed(*this);
  check_over();
}

void Call::check_over() {
  if (caller_ || !callees_.empty() || !candidates_.empty() || (transfer_ && !transfer_->targets.empty()) || over_) return;
  end_listeners();
  if (!listeners_.empty() || over_) return;
  over_ = true;
  tell_plan(best_failure_);
  end_all({});   // those too whose place another took
  host_.on_call_over(*this);
}

bool Call::is_retired(const bridge::Leg& leg) const {
  return std::any_of(gone_.begin(), gone_.end(), [&](const auto& l) { return l.get() == &leg; });
}

// True when `leg` itself was one that had not taken a place yet. Those that wait for the place of a leg that ended end as well.
bool Call::drop_successors_of(const bridge::Leg& leg) {
  const auto own = std::find_if(successors_.begin(), successors_.end(), [&](const auto& s) { return s.leg.get() == &leg; });
  if (own != successors_.end()) {
    gone_.push_back(std::move(own->leg));
    successors_.erase(own);
    return true;
  }
  std::vector<bridge::Leg*> orphans;
  for (auto& s : successors_) {
    if (s.replaces == &leg) orphans.push_back(s.leg.get());
  }
  for (auto* orphan : orphans) orphan->end({});
  return false;
}

// Legs that ended are still on the stack: destroyed in the next turn.
void Call::sweep() {
  if (sweep_timer_ != 0) return;
  sweep_timer_ = environment_.timeline.after(base::Duration::zero(), [this](base::TimePoint) {
    sweep_timer_ = 0;
    std::erase_if(gone_, [](const auto& leg) { return leg->ended(); });
  });
}

void Call::end_all(std::string_view reason) {
  waiting_.clear();
  candidates_waiting_.clear();
  std::vector<bridge::Leg*> legs;
  if (caller_) legs.push_back(caller_.get());
  for (auto& leg : callees_) legs.push_back(leg.get());
  for (auto& leg : candidates_) legs.push_back(leg.get());
  for (auto& successor : successors_) legs.push_back(successor.leg.get());
  for (auto& leg : gone_) legs.push_back(leg.get());
  for (auto& leg : listeners_) legs.push_back(leg.get());
  if (transfer_) {
    transfer_->waiting.clear();
    for (auto& leg : transfer_->targets) legs.push_back(leg.get());
  }
  for (auto* leg : legs) {
    if (!leg->ended()) leg->end(reason);
  }
}

}  // namespace pbx
