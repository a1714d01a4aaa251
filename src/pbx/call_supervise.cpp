// What is done to a call from outside: by supervisors and programs. Each says kConflict where the call is in no state for it.
#include "base/text.hpp"
#include "pbx/call.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxKeys = 32;
constexpr std::size_t kMaxListeners = 10;

base::Status conflict(std::string detail) { return base::fail(base::ErrorCode::kConflict, std::move(detail)); }

}  // namespace

// Neither hears the other, both hear music; webphones report HOLD at both ends.
base::Status Call::hold_both(bool held) {
  if (!answered_ || !caller_ || over_) return conflict("the call is not up");
  if (held_from_outside_ == held) return conflict(held ? "the call is held already" : "the call is not held");
  held_from_outside_ = held;
  for (auto* leg : parties()) hold_from_outside(*leg);
  bridge_.video_changed();
  update_music();
  host_.on_call_changed(*this);
  return {};
}

// Whoever comes to a held call is told as well.
void Call::hold_from_outside(bridge::Leg& leg) {
  if (leg.ended()) return;
  const bool holds = std::find(holding_.begin(), holding_.end(), &leg) != holding_.end();
  leg.set_muted(held_from_outside_ || holds);
  leg.set_hidden_video(held_from_outside_);
  tell_held(leg, held_from_outside_);
}

void Call::tell_held(bridge::Leg& leg, bool held) {
  if (!leg.party().webphone) return;
  bridge_.notify(leg, {.from_display = {}, .content_type = kCallEventType, .body = base::share(held ? R"({"type":"hold"})" : R"({"type":"unhold"})")});
}

base::Status Call::press(std::string_view number, std::string_view keys) {
  if (!answered_ || !caller_ || over_) return conflict("the call is not up");
  const bool valid = !keys.empty() && keys.size() <= kMaxKeys && keys.find_first_not_of("0123456789*#ABCDabcd") == keys.npos;
  if (!valid) return base::fail(base::ErrorCode::kMalformed, "keys are 1 to 32 of 0-9, *, #, A-D");
  std::string upper(keys);
  for (auto& c : upper) c = c >= 'a' && c <= 'd' ? static_cast<char>(c - 'a' + 'A') : c;
  for (auto* leg : parties()) {
    if (leg->party().number != number || leg->ended()) continue;
    play_digits(*leg, upper);
    return {};
  }
  return base::fail(base::ErrorCode::kNotFound, "nobody of that number is in the call");
}

// Whoever rings is spared, `target` rings instead.
base::Status Call::forward_ringing(const CallTarget& target) {
  if (answered_ || queued_ || service_ || !caller_ || caller_->ended() || callees_.empty() || over_) return conflict("the call does not ring");
  if (!target.party.account.empty() && target.party.account == caller_->party().account) return conflict("that is the caller");
  if (target.kind != CallTarget::Kind::kBranches) return lead_caller(target) ? base::Status{} : conflict("the call is forwarded already");
  std::vector<bridge::Leg*> others;
  for (auto& each : callees_) others.push_back(each.get());
  auto stages = stages_of(target.branches);
  const auto time = ring_stage(stages, caller_->party(), uri_of(*caller_), video_, callees_);
  if (time.count() == 0) return base::fail(base::ErrorCode::kUnavailable, "no media for another leg");
  waiting_ = std::move(stages);
  info_.to = {target.party.number, target.party.display_name, target.party.account};
  for (auto* other : others) other->end("SIP;cause=302;text=\"Forwarded\"");
  restart_ring_timer(time);
  host_.on_call_changed(*this);
  return {};
}

base::Status Call::listen(std::vector<CallBranch> branches) {
  if (!answered_ || !caller_ || over_) return conflict("the call is not up");
  if (branches.empty()) return conflict("the listener can't be reached");
  const auto& account = branches.front().party.account;
  for (const auto* leg : parties()) {
    if (leg->party().account == account) return conflict("that is a party of the call");
  }
  for (const auto& listener : listeners_) {
    if (listener->party().account == account) return conflict("it listens already");
  }
  if (listeners_.size() >= kMaxListeners) return base::fail(base::ErrorCode::kUnavailable, "as many listen as may");
  auto from = caller_->party();
  from.display_name = fmt::format("{} - {}", info_.from.display_name, info_.to.display_name);
  const auto before = listeners_.size();
  for (auto& branch : branches) {
    branch.headers += fmt::format("Parley-Listen: {}\r\n", info_.id);
    auto leg = dial(branch, from, uri_of(*caller_), false);
    if (!leg) continue;
    leg->set_hidden(true);
    listeners_.push_back(std::move(leg));
  }
  return listeners_.size() > before ? base::Status{} : base::fail(base::ErrorCode::kUnavailable, "no media for another leg");
}

base::Status Call::stop_listening(std::string_view account) {
  std::vector<bridge::Leg*> own;
  for (auto& leg : listeners_) {
    if (leg->party().account == account) own.push_back(leg.get());
  }
  if (own.empty()) return conflict("you do not listen");
  for (auto* leg : own) leg->end("SIP;cause=200;text=\"Ceased To Listen\"");
  return {};
}

void Call::end_listeners_of(const RevokedAccounts& revoked) {
  std::vector<bridge::Leg*> legs;
  for (auto& leg : listeners_) {
    if (revoked.contains(leg->party().account)) legs.push_back(leg.get());
  }
  for (auto* leg : legs) leg->end("SIP;cause=403;text=\"No Longer Allowed\"");
}

bool Call::is_listener(const bridge::Leg& leg) const {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& l) { return l.get() == &leg; });
}

void Call::on_listener_established(bridge::Leg& leg) {
  if (!answered_) return leg.end("SIP;cause=487;text=\"The call is not up\"");
  leg.set_muted(true);
  bridge_.add(leg);
  std::vector<bridge::Leg*> others;
  for (auto& each : listeners_) {
    if (each.get() != &leg && each->party().account == leg.party().account) others.push_back(each.get());
  }
  for (auto* other : others) other->end("SIP;cause=200;text=\"Call completed elsewhere\"");
}

// True when `leg` was a listener's.
bool Call::on_listener_ended(const bridge::Leg& leg) {
  const auto own = std::find_if(listeners_.begin(), listeners_.end(), [&](const auto& l) { return l.get() == &leg; });
  if (own == listeners_.end()) return false;
  gone_.push_back(std::move(*own));
  listeners_.erase(own);
  return true;
}

void Call::end_listeners() {
  std::vector<bridge::Leg*> legs;
  for (auto& leg : listeners_) legs.push_back(leg.get());
  for (auto* leg : legs) leg->end("SIP;cause=200;text=\"The call is over\"");
}

}  // namespace pbx
