// All rooms of one shard, by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "conference/room.hpp"

namespace conference {

struct RoomsConfig {
  std::function<RoomProfile(std::string_view key)> profile;   // of a room's key; one default for all where empty
  std::function<bool(std::string_view key)> configured;       // is a room of that key named in the configuration? Empty: none is
  bridge::MessagePolicy messages;
  store::MessageStore* store = nullptr;                       // for rooms with history; outlives them
  std::size_t max_rooms = 10000;
};

// Thread: the shard's. A room exists while somebody is in it or on the way.
class Rooms final : public RoomHost {
 public:
  Rooms(bridge::LegEnvironment& environment, RoomsConfig config) : environment_(environment), config_(std::move(config)) {}
  ~Rooms() override;

  static constexpr std::size_t kMaxNameCharacters = 80;
  // The name as people see it and the key that it is found by (case-insensitive). Empty: no name for a room.
  static std::string clean_name(std::string_view unescaped);
  static std::string key_of(std::string_view name);

  void set_observer(RoomObserver* observer) { observer_ = observer; }   // before there is a room
  void set_dialer(RoomDialer* dialer) { dialer_ = dialer; }         // the same
  Room* find(std::string_view name);
  Room* find_or_create(std::string_view name);       // null: too many rooms
  Room* holding(std::string_view resume_token);
  void for_each(const std::function<void(Room&)>& f);
  void end_all(std::string_view reason);
  std::size_t size() const { return rooms_.size(); }

  void on_room_empty(Room& room) override;

 private:
  bridge::LegEnvironment& environment_;
  const RoomsConfig config_;
  RoomObserver* observer_ = nullptr;
  RoomDialer* dialer_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<Room>> rooms_;
  std::vector<std::string> empty_;                   // keys of those that may go in the next turn
  base::TimerQueue::Id sweep_timer_ = 0;
};

}  // namespace conference
