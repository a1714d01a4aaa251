// A bridge joins legs: text that one sends goes to every other, audio is mixed and video forwarded among them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/leg.hpp"

namespace bridge {

struct BridgeConfig {
  MixOptions mix;
  bool video = true;
  std::size_t max_video_streams = 0;                    // that one leg is sent; 0: no limit
  std::chrono::milliseconds video_merge{50};            // joins and leaves that come this close are one re-INVITE
};

// Thread: the shard's. What is in it is decided by its user (a room, a call), who owns the legs.
class Bridge {
 public:
  Bridge(LegEnvironment& environment, BridgeConfig config);
  ~Bridge();
  Bridge(const Bridge&) = delete;

  BridgeId id() const { return id_; }
  void add(Leg& leg);
  void remove(Leg& leg);
  const std::vector<Leg*>& legs() const { return legs_; }

  // Somebody's sources changed: the others are offered them soon, all changes of a moment at once.
  void video_changed();

  // Text of `from`, accepted already: numbered, given to every other leg, answered 202 (spec A.2, B.1, B.2).
  void relay(Leg& from, sip::RequestId id, const sip::Message& message);

  // Something of the bridge's own for one leg.
  struct Notice {
    std::string_view from_display, content_type;
    base::SharedBytes body;
  };
  void notify(Leg& to, const Notice& notice);

  // A copy was answered: remembers who does not take what (405, 415, 501).
  void on_message_done(Leg& leg, std::uint64_t token, int status);

  std::uint64_t relayed() const { return sequence_; }

 private:
  void update_video();
  void tell_unavailable(Leg& leg, const std::vector<sdp::RemoteSource>& sources, std::uint64_t source_id, std::string_view reason);
  std::uint64_t token_of(std::string_view content_type);

  LegEnvironment& environment_;
  const BridgeConfig config_;
  const BridgeId id_;
  std::vector<Leg*> legs_;
  std::uint64_t sequence_ = 0;
  std::string message_prefix_;                          // of Parley-Message-ID
  std::vector<std::string> types_;                      // by token - 1; bounded
  base::TimerQueue::Id video_timer_ = 0;
};

}  // namespace bridge
