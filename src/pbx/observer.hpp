// What happens in the PBX, for those outside of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "conference/room_observer.hpp"

namespace pbx {

struct CallInfo {
  struct Side {
    std::string number, display_name, account;   // account "" : a guest, a trunk's, a service
  };
  enum class State { kDialing /* asked for from outside: its caller has not answered yet */, kRinging,
                     kWaiting /* in a queue */, kAnswered, kEnded };
  std::string id;
  State state = State::kRinging;
  Side from, to;                                 // to: who was called, then who answered
  std::string dialled;                           // who was called, however it went on: a group, or who forwarded
  base::WallTime started;
  std::optional<base::WallTime> answered;
  int status = 0;                                // SIP status that it ended with; 200: it was answered
  bool held = false;                             // somebody holds it
  std::string queue;                             // that it came by, or waits in; "" : none
  struct Leg {
    Side side;
    std::string participant;                     // who comes back as the same one (a page that is reloaded) has one leg
    base::WallTime answered;
    std::optional<base::WallTime> left;          // none: stayed to the end
  };
  static constexpr std::size_t kMaxLegs = 16;
  std::vector<Leg> legs{};                       // who spoke in it, in order, the first kMaxLegs; told with kEnded only
};

enum class QueueEvent { kWaiting, kTaken, kLeft };

// The shard's thread. None of these may change anything.
class PbxObserver : public conference::RoomObserver {
 public:
  /// called when a call of two has come to that state; the last time with kEnded
  virtual void on_call(const CallInfo& call) = 0;
  /// called when a call began to wait, was taken by an agent, or left without; `waiting`: how many wait there now
  virtual void on_queue(QueueEvent, const std::string& /*queue*/, const CallInfo&, std::size_t /*waiting*/) {}
};

}  // namespace pbx
