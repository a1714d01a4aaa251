#include "conference/rooms.hpp"

#include "base/text.hpp"

namespace conference {

Rooms::~Rooms() { environment_.timeline.cancel(sweep_timer_); }

std::string Rooms::clean_name(std::string_view unescaped) {
  auto name = base::clean_display_name(unescaped, kMaxNameCharacters + 1);
  // One character too many tells a long name from one that just fits.
  if (name != base::clean_display_name(name, kMaxNameCharacters)) return {};
  return name;
}

std::string Rooms::key_of(std::string_view name) { return base::to_lower(name); }

Room* Rooms::find(std::string_view name) {
  const auto found = rooms_.find(key_of(name));
  return found == rooms_.end() ? nullptr : found->second.get();
}

Room* Rooms::find_or_create(std::string_view name) {
  if (auto* room = find(name)) return room;
  if (rooms_.size() >= config_.max_rooms) return nullptr;
  auto key = key_of(name);
  auto room = std::make_unique<Room>(std::string(name), config_.profile ? config_.profile(key) : RoomProfile{}, environment_, config_.messages, *this,
                                     config_.store);
  room->set_observer(observer_);
  room->set_dialer(dialer_);
  return rooms_.emplace(std::move(key), std::move(room)).first->second.get();
}

Room* Rooms::holding(std::string_view resume_token) {
  if (resume_token.empty()) return nullptr;
  for (auto& [key, room] : rooms_) {
    if (room->holds(resume_token)) return room.get();
  }
  return nullptr;
}

void Rooms::for_each(const std::function<void(Room&)>& f) {
  for (auto& [key, room] : rooms_) f(*room);
}

void Rooms::end_all(std::string_view reason) {
  std::vector<Room*> rooms;
  for (auto& [key, room] : rooms_) rooms.push_back(room.get());
  for (auto* room : rooms) room->end_all(reason);
}

// The room is on the stack: it goes in the next turn, if nobody has come in meanwhile.
void Rooms::on_room_empty(Room& room) {
  empty_.push_back(key_of(room.name()));
  if (sweep_timer_ != 0) return;
  sweep_timer_ = environment_.timeline.after(base::Duration::zero(), [this](base::TimePoint) {
    sweep_timer_ = 0;
    for (const auto& key : std::exchange(empty_, {})) {
      const auto found = rooms_.find(key);
      if (found != rooms_.end() && found->second->empty()) rooms_.erase(found);
    }
  });
}

}  // namespace conference
