// What happens in rooms, for those outside of them.
#pragma once

#include <string_view>

#include "bridge/bridge.hpp"
#include "conference/events.hpp"

namespace conference {

class Room;
struct Participant;

// The shard's thread. None of these may change a room.
class RoomObserver {
 public:
  virtual ~RoomObserver() = default;
  /// called when the first comes in, and when the room is gone
  virtual void on_room_opened(const Room& room) = 0;
  virtual void on_room_closed(const Room& room) = 0;
  /// called for kJoin, kLeave (with a reason), kMute, kUnmute, kTalking (on or off: the leg says which)
  virtual void on_room_event(const Room& room, EventType type, const Participant& about, std::string_view reason) = 0;
  /// called when a message has been delivered to the room; private ones too
  virtual void on_room_message(const Room& room, const bridge::RelayedMessage& message) = 0;
};

}  // namespace conference
