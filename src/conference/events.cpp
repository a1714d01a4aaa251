#include "conference/events.hpp"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace conference {

std::string_view to_string(EventType type) {
  switch (type) {
    case EventType::kWelcome: return "ConfbridgeWelcome";
    case EventType::kJoin: return "ConfbridgeJoin";
    case EventType::kLeave: return "ConfbridgeLeave";
    case EventType::kMute: return "ConfbridgeMute";
    case EventType::kUnmute: return "ConfbridgeUnmute";
    case EventType::kTalking: return "ConfbridgeTalking";
    case EventType::kRecord: return "ConfbridgeRecord";
    case EventType::kStopRecord: return "ConfbridgeStopRecord";
  }
  return {};
}

std::string event_time(base::WallTime time) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}+0000", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, millis % 1000);
}

std::string write_event(EventType type, base::WallTime now, const EventBridge& bridge, std::span<const EventChannel> channels) {
  using Json = nlohmann::ordered_json;
  Json event{{"type", to_string(type)},
             {"timestamp", event_time(now)},
             {"bridge",
              {{"id", bridge.id}, {"name", bridge.name}, {"creationtime", event_time(bridge.created)}, {"video_mode", bridge.video_mode}}}};
  if (!channels.empty()) {
    auto& list = event["channels"] = Json::array();
    for (const auto& c : channels) {
      Json channel{{"id", c.id},
                   {"name", c.channel},
                   {"state", "Up"},
                   {"caller", {{"name", c.caller_name}, {"number", c.caller_number}}},
                   {"creationtime", event_time(c.created)},
                   {"language", c.language}};
      if (c.talking_status) channel["talking_status"] = *c.talking_status ? "on" : "off";
      channel["admin"] = c.admin;
      if (c.muted) channel["muted"] = *c.muted;
      if (c.talking) channel["talking"] = *c.talking;
      if (!c.reason.empty()) channel["reason"] = c.reason;
      list.push_back(std::move(channel));
    }
  }
  // Names are cleaned before they get here; what still is no UTF-8 is replaced rather than thrown about.
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace conference
