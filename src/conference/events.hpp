// Conference events as Asterisk's ConfBridge sends them (spec A.3): UTF-8 JSON in an in-dialog MESSAGE.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace conference {

inline constexpr std::string_view kEventType = "application/x-asterisk-confbridge-event+json";

enum class EventType { kWelcome, kJoin, kLeave, kMute, kUnmute, kTalking, kRecord, kStopRecord };
std::string_view to_string(EventType type);

struct EventBridge {
  std::string_view id;           // UUID
  std::string_view name;
  base::WallTime created;
  std::string_view video_mode;   // "sfu" or "none"
};

// One participant; the optional ones are written where the event has them.
struct EventChannel {
  std::string_view id;
  std::string_view channel;      // "PARLEY/bob-00000001"
  std::string_view caller_name, caller_number;
  base::WallTime created;
  std::string_view language = "en";
  bool admin = false;
  std::optional<bool> muted;
  std::optional<bool> talking;                   // Welcome: true or false
  std::optional<bool> talking_status;            // Talking: "on" or "off"
  std::string_view reason;                       // Leave; "" : not written
};

std::string write_event(EventType type, base::WallTime now, const EventBridge& bridge, std::span<const EventChannel> channels);

// "2018-08-17T08:33:30.806+0000", in UTC.
std::string event_time(base::WallTime time);

}  // namespace conference
