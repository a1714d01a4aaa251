// What happens in rooms, for presence, and for the observer of all.
#pragma once

#include "conference/room.hpp"
#include "conference/room_observer.hpp"
#include "pbx/presence.hpp"

namespace pbx {

// Thread: the shard's.
class RoomWatch final : public conference::RoomObserver {
 public:
  explicit RoomWatch(Presence& presence) : presence_(presence) {}
  void set_next(conference::RoomObserver& next) { next_ = &next; }   // outlives this
  void on_closed(std::function<void(const conference::Room&)> closed) { closed_ = std::move(closed); }

  void on_room_opened(const conference::Room& room) override {
    if (next_) next_->on_room_opened(room);
  }
  void on_room_closed(const conference::Room& room) override {
    if (closed_) closed_(room);
    if (next_) next_->on_room_closed(room);
  }
  void on_room_event(const conference::Room& room, conference::EventType type, const conference::Participant& about, std::string_view reason) override {
    const bool joined = type == conference::EventType::kJoin;
    const auto& account = about.leg->party().account;
    if ((joined || type == conference::EventType::kLeave) && !account.empty()) presence_.on_room_changed(about.leg->bridge(), room.name(), account, joined);
    if (next_) next_->on_room_event(room, type, about, reason);
  }
  void on_room_message(const conference::Room& room, const bridge::RelayedMessage& message) override {
    if (next_) next_->on_room_message(room, message);
  }

 private:
  Presence& presence_;
  std::function<void(const conference::Room&)> closed_;
  conference::RoomObserver* next_ = nullptr;
};

}  // namespace pbx
