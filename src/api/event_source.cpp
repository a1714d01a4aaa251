#include "api/event_source.hpp"

#include "base/text.hpp"

namespace api {
namespace {

// A longer body is read by the history.
constexpr std::size_t kMaxText = 16 * 1024;

std::string_view state_name(pbx::CallInfo::State state) {
  switch (state) {
    case pbx::CallInfo::State::kDialing: return "dialing";
    case pbx::CallInfo::State::kRinging: return "ringing";
    case pbx::CallInfo::State::kWaiting: return "waiting";
    case pbx::CallInfo::State::kAnswered: return "answered";
    case pbx::CallInfo::State::kEnded: return "ended";
  }
  return "ended";
}

RestJson party_json(const pbx::CallInfo::Side& party) { return {{"number", party.number}, {"displayName", party.display_name}, {"account", party.account}}; }

}  // namespace

RestJson rest_json(const conference::Room& room) { return {{"name", room.name()}, {"id", room.id()}, {"participants", room.members()}}; }

RestJson rest_json(const conference::Participant& participant) {
  const auto& leg = *participant.leg;
  const auto& party = leg.party();
  return {{"id", party.participant}, {"number", party.number}, {"displayName", party.display_name}, {"account", party.account},
          {"joined", rest_time(participant.created)}, {"muted", leg.muted()}, {"talking", leg.talking()}, {"connected", !leg.lost()}};
}

RestJson rest_json(const pbx::CallInfo& call) {
  RestJson json{{"id", call.id}, {"state", state_name(call.state)}, {"from", party_json(call.from)}, {"to", party_json(call.to)}, {"started", rest_time(call.started)}};
  if (call.answered) json["answered"] = rest_time(*call.answered);
  if (!call.queue.empty()) json["queue"] = call.queue;
  if (call.held) json["held"] = true;
  return json;
}

RestJson EventSource::event() const { return {{"time", rest_time(timeline_.wall())}}; }

void EventSource::publish(std::string_view type, const RestJson& json, const RestJson& details) {
  const auto text = [](const RestJson& j) { return j.is_null() ? std::string() : j.dump(-1, ' ', false, RestJson::error_handler_t::replace); };
  stream_.publish(type, text(json), text(details));
}

void EventSource::on_room_opened(const conference::Room& room) {
  if (!stream_.wanted()) return;
  auto json = event();
  json["room"] = {{"name", room.name()}, {"id", room.id()}};
  publish("room.opened", json);
}

void EventSource::on_room_closed(const conference::Room& room) {
  if (!stream_.wanted()) return;
  auto json = event();
  json["room"] = {{"name", room.name()}, {"id", room.id()}};
  publish("room.closed", json);
}

void EventSource::on_room_event(const conference::Room& room, conference::EventType type, const conference::Participant& about, std::string_view reason) {
  if (!stream_.wanted()) return;
  using conference::EventType;
  std::string_view name;
  switch (type) {
    case EventType::kJoin: name = "participant.joined"; break;
    case EventType::kLeave: name = "participant.left"; break;
    case EventType::kMute: name = "participant.muted"; break;
    case EventType::kUnmute: name = "participant.unmuted"; break;
    case EventType::kTalking: name = "participant.talking"; break;
    case EventType::kWelcome:
    case EventType::kRecord:
    case EventType::kStopRecord: return;
  }
  auto json = event();
  json["room"] = {{"name", room.name()}, {"id", room.id()}};
  json["participant"] = rest_json(about);
  if (!reason.empty()) json["reason"] = reason;
  publish(name, json);
}

// What is said in private is between two: that it was said is all that others learn.
void EventSource::on_room_message(const conference::Room& room, const bridge::RelayedMessage& message) {
  if (!stream_.wanted()) return;
  auto json = event();
  json["room"] = {{"name", room.name()}, {"id", room.id()}};
  json["message"] = {{"id", message.id}, {"sequence", message.sequence}, {"from", message.display_name}, {"participant", message.from.participant},
                     {"account", message.from.account}, {"contentType", message.content_type}, {"bytes", message.body.size()}, {"private", !message.private_to.empty()}};
  RestJson details;
  if (message.private_to.empty() && message.body.size() <= kMaxText && base::valid_utf8(message.body)) {
    details = json;
    details["message"]["text"] = message.body;
  }
  publish("message.sent", json, details);
}

void EventSource::on_call(const pbx::CallInfo& call) {
  if (!stream_.wanted()) return;
  auto json = event();
  json["call"] = rest_json(call);
  const auto type = std::string("call.") + std::string(state_name(call.state));
  publish(type, json);
}

void EventSource::on_queue(pbx::QueueEvent event, const std::string& queue, const pbx::CallInfo& call, std::size_t waiting) {
  if (!stream_.wanted()) return;
  auto json = EventSource::event();
  json["queue"] = {{"name", queue}, {"waiting", waiting}};
  json["call"] = rest_json(call);
  publish(event == pbx::QueueEvent::kWaiting ? "queue.waiting" : event == pbx::QueueEvent::kTaken ? "queue.taken" : "queue.left", json);
}

}  // namespace api
