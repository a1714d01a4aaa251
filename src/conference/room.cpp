#include "conference/room.hpp"

#include <openssl/crypto.h>

#include <nlohmann/json.hpp>

#include "base/random.hpp"
#include "base/text.hpp"

namespace conference {
namespace {

// A page's own mute button; told to the others as an event, so it is no text for them.
constexpr std::string_view kMuteType = "application/x-parley-mute+json";

// Its Accept names the type, whatever the parameters, but for a weight of nothing (RFC 3261 section 20.1).
bool asks_for_events(const sip::Message& invite) {
  for (const auto element : invite.values(sip::HeaderId::kAccept)) {
    const auto semicolon = std::min(element.find(';'), element.size());
    if (!base::equals_ignoring_case(base::trim(element.substr(0, semicolon)), kEventType)) continue;
    const auto weight = element.find("q=0", semicolon);
    return weight == element.npos || element.find_first_of("123456789", weight) != element.npos;
  }
  return false;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string leave_reason(const sip::SessionEnd& end) {
  switch (end.cause) {
    case sip::EndCause::kByeReceived: return "left";
    case sip::EndCause::kByeSent:
      if (end.reason.find("text=\"Transferred\"") != std::string::npos || end.reason.find("text=\"Replaced\"") != std::string::npos) return "left";
      return end.reason.find("lost") != std::string::npos ? "connection lost" : "removed";
    case sip::EndCause::kTimeout:
    case sip::EndCause::kDialogGone:
    case sip::EndCause::kSessionExpired: return "connection lost";
    default: return "left";
  }
}

}  // namespace

Room::Room(std::string name, RoomProfile profile, bridge::LegEnvironment& environment, bridge::MessagePolicy messages, RoomHost& host,
           store::MessageStore* store)
    : name_(std::move(name)), id_(base::random_uuid()), profile_(profile), environment_(environment), messages_(std::move(messages)), host_(host),
      created_(environment.timeline.wall()), api_bucket_(messages_.rate, messages_.burst),
      bridge_(environment, {.mix = profile.mix, .video = profile.video, .max_video_streams = profile.max_video_streams, .video_merge = bridge::BridgeConfig{}.video_merge,
                            .history = profile.history ? store : nullptr, .conversation = "room:" + base::to_lower(name_),
                            .on_relayed = [this](const bridge::RelayedMessage& message) {
                              if (observer_) observer_->on_room_message(*this, message);
                            }}) {}

Room::~Room() {
  environment_.timeline.cancel(sweep_timer_);
  for (auto& p : participants_) {
    if (p->leg) bridge_.remove(*p->leg);
  }
}

std::size_t Room::members() const {
  return static_cast<std::size_t>(std::count_if(participants_.begin(), participants_.end(), [](const auto& p) { return p->replaces == nullptr; }));
}

Participant* Room::find(const bridge::Leg& leg) {
  for (auto& p : participants_) {
    if (p->leg.get() == &leg) return p.get();
  }
  return nullptr;
}

sip::SessionHandler* Room::invite(sip::Session& session, const sip::Message& invite, bridge::Party party) {
  if (!has_place()) {
    session.reject({.status = 486, .reason = "Room Full"});
    return nullptr;
  }
  auto participant = std::make_unique<Participant>();
  participant->channel = fmt::format("SIP/{}-{:08x}", base::clean_display_name(party.number), ++last_channel_);
  participant->created = environment_.timeline.wall();
  participant->leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(),
                                                   profile_.video ? sdp::VideoMode::kForwarding : sdp::VideoMode::kNone, std::move(party));
  return accept(session, invite, std::move(participant));
}

bool Room::holds(std::string_view token) const {
  return std::any_of(participants_.begin(), participants_.end(),
                     [&](const auto& p) { return p->present && same_secret(token, p->leg->party().resume_token); });
}

sip::SessionHandler* Room::resume(sip::Session& session, const sip::Message& invite, std::string_view token) {
  for (auto& old : participants_) {
    if (!old->present || !same_secret(token, old->leg->party().resume_token)) continue;
    auto participant = std::make_unique<Participant>();
    participant->channel = old->channel;
    participant->created = old->created;
    participant->admin = old->admin;
    participant->adopted = old->adopted;
    participant->replaces = old->leg.get();
    // Two reloads at once: the later one is the page that the user looks at.
    for (auto& p : participants_) {
      if (p->replaces == old->leg.get()) p->leg->end("SIP;cause=200;text=\"Replaced\"");
    }
    auto party = old->leg->party();
    if (auto name = base::clean_display_name(invite.from().display()); !name.empty()) party.display_name = std::move(name);
    participant->leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(),
                                                     profile_.video ? sdp::VideoMode::kForwarding : sdp::VideoMode::kNone, std::move(party));
    participant->leg->adopt_sources(*old->leg);
    return accept(session, invite, std::move(participant));
  }
  return nullptr;
}

sip::SessionHandler* Room::replace(sip::Session& session, const sip::Message& invite, bridge::Party party, bridge::Leg& old) {
  const auto* replaced = find(old);
  const bool taken = std::any_of(participants_.begin(), participants_.end(), [&](const auto& p) { return p->replaces == &old; });
  if (!replaced || !replaced->present || taken) {
    session.reject({.status = taken ? 491 : 481});
    return nullptr;
  }
  auto participant = std::make_unique<Participant>();
  participant->channel = fmt::format("SIP/{}-{:08x}", base::clean_display_name(party.number), ++last_channel_);
  participant->created = environment_.timeline.wall();
  participant->replaces = &old;
  participant->another = true;
  participant->leg = std::make_unique<bridge::Leg>(environment_.next_leg_id(), environment_, *this, bridge_.id(),
                                                   profile_.video ? sdp::VideoMode::kForwarding : sdp::VideoMode::kNone, std::move(party));
  return accept(session, invite, std::move(participant));
}

bool Room::has_adopted(std::string_view token) const {
  return std::any_of(participants_.begin(), participants_.end(),
                     [&](const auto& p) { return p->present && p->adopted && same_secret(token, p->leg->party().resume_token); });
}

void Room::adopt(std::unique_ptr<bridge::Leg> leg) {
  auto& participant = *participants_.emplace_back(std::make_unique<Participant>());
  participant.channel = fmt::format("SIP/{}-{:08x}", base::clean_display_name(leg->party().number), ++last_channel_);
  participant.created = environment_.timeline.wall();
  participant.present = participant.adopted = true;
  participant.leg = std::move(leg);
  auto& moved = *participant.leg;
  // Who was called by us had no way to ask; webphones know events.
  const auto& invite = moved.session().invite();
  moved.set_wants_events(profile_.enable_events || moved.party().webphone || (invite && asks_for_events(*invite)));
  moved.set_wants_text(profile_.text_messaging);
  moved.move_to(*this, bridge_.id(), profile_.video ? sdp::VideoMode::kForwarding : sdp::VideoMode::kNone);
  note_presence();
  bridge_.add(moved);
  send_event(EventType::kJoin, participant);
  send_welcome(participant);
}

sip::SessionHandler* Room::accept(sip::Session& session, const sip::Message& invite, std::unique_ptr<Participant> participant) {
  auto& leg = *participant->leg;
  leg.attach(session);
  leg.set_wants_events(profile_.enable_events || asks_for_events(invite));
  leg.set_wants_text(profile_.text_messaging);
  if (!profile_.video_codecs.empty()) leg.set_video_codecs(profile_.video_codecs);
  if (participant->replaces && !participant->another) leg.inherit_presented(*participant->replaces);
  const auto answer = leg.prepare_answer(invite);
  if (!answer) {
    // 399 is RFC 3261's miscellaneous warning; the text says which m-line and why.
    const bool ours = answer.error().code == base::ErrorCode::kUnavailable || answer.error().code == base::ErrorCode::kInternal;
    session.reject({.status = ours ? 503 : 488,
                    .headers = {{"Warning", fmt::format("399 parley {}", sip::quote(answer.error().detail))}}});
    if (participants_.empty()) host_.on_room_empty(*this);
    return nullptr;
  }
  participant->history_wanted = std::min<std::uint64_t>(base::parse_decimal(base::trim(invite.value("Parley-History"))).value_or(0), store::kMaxPage);
  auto* handler = participant->leg.get();
  const auto headers = fmt::format("Parley-Participant: {}\r\nParley-Resume: {}\r\n", leg.party().participant, leg.party().resume_token);
  participants_.push_back(std::move(participant));
  session.accept(*answer, headers);
  return handler;
}

EventBridge Room::event_bridge() const {
  return {.id = id_, .name = name_, .created = created_, .video_mode = profile_.video ? "sfu" : "none"};
}

EventChannel Room::event_channel(const Participant& p) const {
  return {.id = p.leg->party().participant, .channel = p.channel, .caller_name = p.leg->party().display_name,
          .caller_number = p.leg->party().number, .created = p.created, .admin = p.admin};
}

// The room is open for observers while somebody is present.
void Room::note_presence() {
  const bool open = std::any_of(participants_.begin(), participants_.end(), [](const auto& p) { return p->present; });
  if (open == opened_ || !observer_) return;
  opened_ = open;
  open ? observer_->on_room_opened(*this) : observer_->on_room_closed(*this);
}

void Room::send_event(EventType type, const Participant& about, std::string_view reason) {
  if (observer_) observer_->on_room_event(*this, type, about, reason);
  auto channel = event_channel(about);
  if (type == EventType::kJoin) channel.muted = about.leg->muted();
  if (type == EventType::kTalking) channel.talking_status = about.leg->talking();
  channel.reason = reason;
  const auto body = base::share(write_event(type, environment_.timeline.wall(), event_bridge(), {&channel, 1}));
  for (bridge::Leg* leg : bridge_.legs()) {
    if (leg->wants_events() && (leg != about.leg.get() || profile_.echo_events)) {
      bridge_.notify(*leg, {.from_display = name_, .content_type = kEventType, .body = body});
    }
  }
}

void Room::send_welcome(Participant& to) {
  if (!to.leg->wants_events()) return;
  std::vector<EventChannel> channels;
  channels.reserve(participants_.size());
  for (const auto& p : participants_) {
    if (!p->present) continue;
    auto& channel = channels.emplace_back(event_channel(*p));
    channel.muted = p->leg->muted();
    channel.talking = p->leg->talking();
  }
  bridge_.notify(*to.leg, {.from_display = name_, .content_type = kEventType,
                           .body = base::share(write_event(EventType::kWelcome, environment_.timeline.wall(), event_bridge(), channels))});
}

void Room::on_leg_established(bridge::Leg& leg) {
  auto* participant = find(leg);
  if (!participant || participant->present) return;
  if (participant->replaces && !participant->another) return take_place(*participant);
  auto* old = std::exchange(participant->replaces, nullptr);
  participant->present = true;
  note_presence();
  bridge_.add(leg);
  send_event(EventType::kJoin, *participant);
  send_welcome(*participant);
  bridge_.replay(leg, participant->history_wanted);
  if (old) old->end("SIP;cause=200;text=\"Replaced\"");
}

// The same participant by another dialog: the others see nothing of it but the video going on.
void Room::take_place(Participant& successor) {
  auto* old = std::exchange(successor.replaces, nullptr);
  successor.present = true;
  for (auto& p : participants_) {
    if (p->leg.get() != old) continue;
    p->present = false;
    if (p->leg->muted()) successor.leg->set_muted(true);
    // Whoever was shown as talking is not, until the new leg is heard.
    if (p->leg->talking() && profile_.talk_detection_events) send_event(EventType::kTalking, successor);
    bridge_.remove(*old);
    old->session().hand_messages_to(successor.leg->session());
    old->end("SIP;cause=200;text=\"Replaced\"");
    break;
  }
  bridge_.add(*successor.leg);
  send_welcome(successor);
}

void Room::on_leg_media_changed(bridge::Leg& leg) {
  if (leg.joined() && profile_.video) bridge_.video_changed();
}

void Room::on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) {
  auto* participant = find(leg);
  // Whoever writes in the dialog has got the 200, whether its ACK has come or not: JsSIP tells pages of the one before it sends the other.
  if (participant && !participant->present) on_leg_established(leg);
  if (!participant || !participant->present) return leg.session().respond(id, {.status = 403, .reason = "Not In The Room Yet"});
  if (const auto refusal = bridge::refuse_message(messages_, *request, leg.message_bucket(), environment_.timeline.now())) {
    return leg.session().respond(id, *refusal);
  }
  if (request->media_type() == kMuteType) return control_mute(leg, id, *request);
  bridge_.relay(leg, id, request);
}

void Room::control_mute(bridge::Leg& leg, sip::RequestId id, const sip::Message& request) {
  const auto body = nlohmann::json::parse(request.body(), nullptr, false);
  if (!body.is_object() || !body.contains("muted") || !body["muted"].is_boolean()) {
    return leg.session().respond(id, {.status = 400, .reason = "Expected {\"muted\": true} Or False"});
  }
  leg.session().respond(id, {.status = 202});
  mute(leg, body["muted"].get<bool>());
}

void Room::mute(bridge::Leg& leg, bool muted) {
  if (leg.muted() == muted) return;
  leg.set_muted(muted);
  if (const auto* participant = find(leg); participant && participant->present) {
    send_event(muted ? EventType::kMute : EventType::kUnmute, *participant);
  }
}

void Room::message_by_api(const bridge::Party& from, const sip::MessagePtr& message, std::function<void(const sip::Reply&)> answer) {
  if (const auto refusal = bridge::refuse_message(messages_, *message, api_bucket_, environment_.timeline.now())) return answer(*refusal);
  bridge_.relay_from_outside(from, message, std::move(answer));
}

const Participant* Room::find_participant(std::string_view id) const {
  for (const auto& p : participants_) {
    if (p->present && p->leg->party().participant == id) return p.get();
  }
  return nullptr;
}

bool Room::mute(std::string_view participant, bool muted) {
  const auto* found = find_participant(participant);
  if (found) mute(*found->leg, muted);
  return found != nullptr;
}

bool Room::remove(std::string_view participant) {
  const auto* found = find_participant(participant);
  if (found) found->leg->end("SIP;cause=200;text=\"Removed from the room\"");
  return found != nullptr;
}

void Room::on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) { bridge_.on_message_done(leg, token, status); }

void Room::on_leg_talking(bridge::Leg& leg, bool) {
  const auto* participant = find(leg);
  if (participant && participant->present && profile_.talk_detection_events) send_event(EventType::kTalking, *participant);
}

void Room::on_leg_ended(bridge::Leg& leg, const sip::SessionEnd& end) {
  const auto it = std::find_if(participants_.begin(), participants_.end(), [&](const auto& p) { return p->leg.get() == &leg; });
  if (it == participants_.end()) return;
  // A successor that is still on its way becomes an ordinary joiner.
  for (auto& p : participants_) {
    if (p->replaces == &leg) p->replaces = nullptr;
  }
  forget_referrals(leg);
  auto& gone = *gone_.emplace_back(std::move(*it));
  participants_.erase(it);
  bridge_.remove(leg);
  if (gone.present) send_event(EventType::kLeave, gone, leave_reason(end));
  note_presence();
  if (sweep_timer_ == 0) {
    sweep_timer_ = environment_.timeline.after(base::Duration::zero(), [this](base::TimePoint) {
      sweep_timer_ = 0;
      gone_.clear();
    });
  }
  if (participants_.empty()) host_.on_room_empty(*this);
}

void Room::end_all(std::string_view reason) {
  std::vector<bridge::Leg*> legs;
  for (auto& p : participants_) legs.push_back(p->leg.get());
  for (auto* leg : legs) leg->end(reason);
}

void Room::for_each(const std::function<void(const Participant&)>& f) const {
  for (const auto& p : participants_) f(*p);
}

}  // namespace conference
