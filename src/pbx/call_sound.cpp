// What the two hear that neither says: ringback, music while they are held, digits.
#include "pbx/call.hpp"

#include <fmt/format.h>

namespace pbx {

using Kind = bridge::Sound::Kind;

void Call::play(const bridge::Leg& leg, const bridge::Sound& sound) {
  if (leg.ended()) return;
  sounds_[leg.id()] = sound.kind;
  environment_.media.play(leg.id(), sound);
}

void Call::hush(const bridge::Leg& leg) {
  if (sounds_.erase(leg.id()) != 0 && !leg.ended()) environment_.media.stop_sound(leg.id());
}

void Call::hush(const bridge::Leg& leg, Kind kind) {
  if (hears(leg, kind)) hush(leg);
}

bool Call::hears(const bridge::Leg& leg, Kind kind) const {
  const auto found = sounds_.find(leg.id());
  return found != sounds_.end() && found->second == kind;
}

// A caller who has been answered already, or has heard somebody else, makes no ringback of his own.
void Call::ring_back() {
  if (!caller_ || caller_->ended() || (!caller_->session().established() && !early_told_)) return;
  if (!hears(*caller_, Kind::kRingback)) play(*caller_, {.kind = Kind::kRingback, .file = {}});
}

void Call::join(bridge::Leg& leg) {
  const auto& legs = bridge_.legs();
  if (std::find(legs.begin(), legs.end(), &leg) == legs.end()) bridge_.add(leg);
}

// Webphones report HOLD at both ends; what a re-INVITE says of its sender alone is passed on as a message. Who holds is not heard:
// some phones send music of their own then.
void Call::tell_hold(bridge::Leg& holder) {
  if (&holder != caller_.get() && &holder != answered_) return;   // one who listens holds nobody
  const bool before = std::find(holding_.begin(), holding_.end(), &holder) != holding_.end();
  if (holder.on_hold() == before) return;
  before ? static_cast<void>(std::erase(holding_, &holder)) : holding_.push_back(&holder);
  holder.set_muted(!before || held_from_outside_);
  for (auto* other : parties()) {
    if (other == &holder || !other->party().webphone) continue;
    bridge_.notify(*other, {.from_display = holder.party().display_name, .content_type = kCallEventType,
                            .body = base::share(before ? R"({"type":"unhold"})" : R"({"type":"hold"})")});
  }
  host_.on_call_changed(*this);
}

// Whoever held the other is gone, another speaks now.
void Call::release(const bridge::Leg& holder) {
  if (std::erase(holding_, &holder) == 0) return;
  for (auto* other : parties()) {
    if (other == &holder || other->ended() || !other->party().webphone) continue;
    bridge_.notify(*other, {.from_display = holder.party().display_name, .content_type = kCallEventType, .body = base::share(R"({"type":"unhold"})")});
  }
  update_music();
}

// Who is held hears music, unless it holds as well.
void Call::update_music() {
  if (queued_) return;
  for (const auto* leg : parties()) {
    if (leg->ended()) continue;
    const bool held = held_from_outside_ || std::any_of(holding_.begin(), holding_.end(), [&](const auto* holder) { return holder != leg; });
    if (!held || leg->on_hold()) {
      hush(*leg, Kind::kMusic);
    } else if (!hears(*leg, Kind::kMusic)) {
      play(*leg, {.kind = Kind::kMusic, .file = config_.music});
    }
  }
}

// To the other party, before the answer too: who answers there may be a machine that asks for digits.
void Call::on_leg_dtmf(bridge::Leg& leg, char digit) {
  if (!leg.joined() || is_retired(leg) || !caller_) return;
  bridge::Leg* other = nullptr;
  if (&leg != caller_.get()) {
    other = caller_.get();
  } else {
    other = answered_ ? answered_ : callees_.size() == 1 ? callees_.front().get() : nullptr;
  }
  const bool party = &leg == caller_.get() || &leg == answered_ || (!answered_ && callees_.size() == 1 && callees_.front().get() == &leg);
  if (party && other && other->joined() && !other->ended()) play_digits(*other, std::string_view(&digit, 1));
}

// Browsers throw away what comes as RTP (RFC 4733): a webphone's page is told.
void Call::play_digits(bridge::Leg& to, std::string_view digits) {
  environment_.media.send_dtmf(to.id(), digits);
  if (!to.party().webphone) return;
  for (const char digit : digits) {
    bridge_.notify(to, {.from_display = {}, .content_type = kCallEventType, .body = base::share(fmt::format(R"({{"type":"dtmf","key":"{}"}})", digit))});
  }
}

void Call::on_leg_sound_ended(bridge::Leg& leg, bool played) {
  if (sounds_.erase(leg.id()) == 0 || leg.ended() || &leg != caller_.get()) return;
  if (!service_ || service_->kind != CallService::Kind::kPlay) return;
  leg.end(played ? "SIP;cause=200;text=\"The end\"" : "SIP;cause=404;text=\"No such sound\"");
}

}  // namespace pbx
