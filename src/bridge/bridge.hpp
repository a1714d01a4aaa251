// A bridge joins legs: text that one sends goes to every other, audio is mixed and video forwarded among them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/leg.hpp"
#include "store/message_store.hpp"

namespace bridge {

// A message that has been given to its receivers.
struct RelayedMessage {
  std::uint64_t sequence = 0;
  std::string_view id, display_name, content_type, body;
  const Party& from;
  std::string_view private_to;                          // participant; "" : everybody
};

struct BridgeConfig {
  MixOptions mix;
  bool video = true;
  std::size_t max_video_streams = 0;                    // that one leg is sent; 0: no limit
  std::chrono::milliseconds video_merge{50};            // joins and leaves that come this close are one re-INVITE
  store::MessageStore* history = nullptr;               // null: messages are not kept
  std::string conversation;                             // what they are kept under
  std::function<void(const RelayedMessage&)> on_relayed{};
};

// Thread: the shard's. What is in it is decided by its user (a room, a call), who owns the legs.
class Bridge {
 public:
  Bridge(LegEnvironment& environment, BridgeConfig config);
  ~Bridge();
  Bridge(const Bridge&) = delete;

  BridgeId id() const { return id_; }
  // Its part of a copy's token: 20 bits of the id.
  std::uint64_t key() const { return id_.value & 0xfffff; }
  void add(Leg& leg);
  void remove(Leg& leg);
  const std::vector<Leg*>& legs() const { return legs_; }

  // Somebody's sources changed: the others are offered them soon, all changes of a moment at once.
  void video_changed();

  // Text of `from`, accepted already: numbered, where history is on made durable (else 503 and no copy), given to every
  // other leg or the one that Parley-To names (404 without it), answered 202, in the order of the numbers (spec A.2, B.1 to B.5).
  void relay(Leg& from, sip::RequestId id, const sip::MessagePtr& message);
  // Text of `from` that was answered when it came, at `time`, and kept until there was somebody to read it.
  void relay_kept(Leg& from, const sip::MessagePtr& message, base::WallTime time);
  // The same for one who is not in the bridge; `answer` gets the reply.
  void relay_from_outside(const Party& from, const sip::MessagePtr& message, std::function<void(const sip::Reply&)> answer);
  // The last `count` messages that `to` may read, marked as replayed (spec B.3). Nothing where history is off.
  void replay(Leg& to, std::size_t count);

  // Something of the bridge's own for one leg.
  struct Notice {
    std::string_view from_display, content_type;
    base::SharedBytes body;
  };
  void notify(Leg& to, const Notice& notice);

  // A copy was answered, be it one of the bridge that the leg was in before: remembers who does not take what (405, 415, 501), and counts for the sender's report.
  void on_message_done(Leg& leg, std::uint64_t token, int status);

  std::uint64_t relayed() const { return sequence_; }

 private:
  // One message on its way.
  struct Outgoing {
    std::uint64_t sequence = 0;
    LegId from;                                         // none: from outside
    Party sender;
    sip::MessagePtr message;
    std::string private_to;                             // participant; "" : everybody
    std::function<void(const sip::Reply&)> answer;
    std::optional<base::WallTime> time{};               // when it came; none: now
  };
  // What a sender who asked for a report is going to be told (spec B.5).
  struct Report {
    LegId sender;
    std::string message_id, content_type;
    std::size_t waiting = 0;
    std::vector<std::string> delivered;
    std::vector<std::pair<std::string, int>> failed;    // participant, status; 0: skipped
  };
  void update_video();
  void learn_numbering();
  void submit(Outgoing outgoing);
  void number(Outgoing outgoing);
  void keep(std::shared_ptr<Outgoing> outgoing);
  void deliver(const Outgoing& outgoing);
  std::string message_id(std::uint64_t sequence) const;
  void note_delivery(Report& report, const Leg& leg, int status);
  void finish_report(std::uint64_t sequence);
  Leg* find_participant(std::string_view participant) const;
  void tell_unavailable(Leg& leg, const std::vector<sdp::RemoteSource>& sources, std::uint64_t source_id, std::string_view reason);
  std::uint64_t token_of(std::string_view content_type);

  // Tokens of copies: the bridge's key, whether a report waits for it, then the message's sequence or the type's place.
  static constexpr int kKeyShift = 44;
  static constexpr std::uint64_t kReportToken = std::uint64_t{1} << (kKeyShift - 1);

  LegEnvironment& environment_;
  const BridgeConfig config_;
  const BridgeId id_;
  std::vector<Leg*> legs_;
  std::uint64_t sequence_ = 0;
  std::string message_prefix_;                          // of Parley-Message-ID
  std::vector<std::string> types_;                      // by token - 1; bounded
  base::TimerQueue::Id video_timer_ = 0;
  bool numbering_known_ = true;                         // false while the store is asked for the last number used
  std::deque<Outgoing> unnumbered_;                     // meanwhile; bounded
  std::unordered_map<std::uint64_t, Report> reports_;   // by sequence; bounded
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);   // answers of the store that come too late find it gone
};

}  // namespace bridge
