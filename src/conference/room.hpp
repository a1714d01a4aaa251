// A conference room (RFC 4353's focus): a bridge of many, with participants, events and rules.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/bridge.hpp"
#include "conference/events.hpp"
#include "conference/room_observer.hpp"
#include "sip/refer.hpp"

namespace conference {

// Names as in the configuration; see docs/configuration.md.
struct RoomProfile {
  std::size_t max_members = 0;          // 0: no limit
  bool video = true;
  std::size_t max_video_streams = 0;    // 0: no limit
  std::vector<std::string> video_codecs;    // that publishers are answered with, in order; empty: the server's
  bool enable_events = false;           // for everybody; else for those whose INVITE asks for them
  bool echo_events = false;
  bool talk_detection_events = true;
  bool text_messaging = true;
  bool history = false;                 // messages are durable before their 202, and joiners may ask for the last ones
  bridge::MixOptions mix;
};

// One participant. The resume token that proves a page to be the same again stays with it.
struct Participant {
  std::unique_ptr<bridge::Leg> leg;
  std::string channel;                  // "SIP/bob-00000007"
  base::WallTime created;
  bool admin = false;
  bool present = false;                 // in the bridge, and known to the others
  bridge::Leg* replaces = nullptr;      // the leg whose place it takes when it is established
  bool another = false;                 // and it is somebody else (RFC 3891), no page that is the same again
  bool adopted = false;                 // it came as an established leg, out of a call
  std::size_t history_wanted = 0;       // messages that its INVITE asked for (Parley-History)
};

class Room;

// Thread: the shard's.
class RoomHost {
 public:
  virtual ~RoomHost() = default;
  /// called when the last one has left: the room is destroyed soon after
  virtual void on_room_empty(Room& room) = 0;
};

// Who calls others into rooms for their participants. Thread: the shard's.
class RoomDialer {
 public:
  virtual ~RoomDialer() = default;
  // A participant's REFER (RFC 4579 sections 5.5, 5.6), by whose rights it goes: `told` hears of 1xx, and once how it ended, in this
  // call or later. REQUIRES !wanted.bye.
  virtual void call_into(Room& room, bridge::Leg& by, const sip::ReferRequest& wanted, std::function<void(int status)> told) = 0;
};

class Room final : public bridge::LegOwner {
 public:
  Room(std::string name, RoomProfile profile, bridge::LegEnvironment& environment, bridge::MessagePolicy messages, RoomHost& host,
       store::MessageStore* store = nullptr);
  ~Room() override;

  // Before the first comes in; outlives the room. Null: nobody.
  void set_observer(RoomObserver* observer) { observer_ = observer; }
  // The same. Null: a REFER is refused.
  void set_dialer(RoomDialer* dialer) { dialer_ = dialer; }
  const std::string& name() const { return name_; }
  const std::string& id() const { return id_; }
  std::size_t members() const;
  bool empty() const { return participants_.empty(); }

  // Answers the INVITE: accepts it, or rejects it (486 when full, 488) and returns null.
  sip::SessionHandler* invite(sip::Session& session, const sip::Message& invite, bridge::Party party);
  // The same, by a page that proves to be `token`'s participant: it takes that one's place. Null and untouched: unknown.
  bool holds(std::string_view token) const;
  sip::SessionHandler* resume(sip::Session& session, const sip::Message& invite, std::string_view token);

  // An INVITE with Replaces (RFC 3891) that names `old`'s dialog, which is a participant's: somebody else takes its place.
  sip::SessionHandler* replace(sip::Session& session, const sip::Message& invite, bridge::Party party, bridge::Leg& old);

  // An established leg, out of a call, is a participant from now on. REQUIRES has_place().
  void adopt(std::unique_ptr<bridge::Leg> leg);
  bool has_place() const { return profile_.max_members == 0 || members() < profile_.max_members; }
  // Who present has that token came as a call's leg: its page knows of no room, and dials what it dialled then.
  bool has_adopted(std::string_view token) const;

  // A message of an authenticated account that is not in the room (spec B.6); it has passed refuse_message().
  void message_from_outside(const bridge::Party& from, const sip::MessagePtr& message, std::function<void(const sip::Reply&)> answer) {
    bridge_.relay_from_outside(from, message, std::move(answer));
  }

  // The same for one who has no account, such as a program that uses the API: held against the rules here.
  void message_by_api(const bridge::Party& from, const sip::MessagePtr& message, std::function<void(const sip::Reply&)> answer);
  const Participant* find_participant(std::string_view id) const;   // that is present
  // By the API. False: no such participant. A page may unmute itself again; one that is removed is told why.
  bool mute(std::string_view participant, bool muted);
  bool remove(std::string_view participant);

  void mute(bridge::Leg& leg, bool muted);
  void end_all(std::string_view reason);
  void for_each(const std::function<void(const Participant&)>& f) const;

  // bridge::LegOwner
  void on_leg_established(bridge::Leg& leg) override;
  void on_leg_progress(bridge::Leg&, const sip::Message&) override {}
  void on_leg_media_changed(bridge::Leg& leg) override;
  void on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) override;
  void on_leg_talking(bridge::Leg& leg, bool talking) override;
  void on_leg_request(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_ended(bridge::Leg& leg, const sip::SessionEnd& end) override;

 private:
  // Whom a participant has had called, or removed, and is told of it.
  struct Referral {
    const bridge::Leg* leg;
    std::unique_ptr<sip::ReferNotifier> notifier;
    bool over = false;
  };
  // room_refer.cpp
  void refer(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request);
  void refer_bye(Participant& by, sip::RequestId id, const sip::Message& request, const sip::ReferRequest& wanted);
  void forget_referrals(const bridge::Leg& leg);

  Participant* find(const bridge::Leg& leg);
  sip::SessionHandler* accept(sip::Session& session, const sip::Message& invite, std::unique_ptr<Participant> participant);
  void send_event(EventType type, const Participant& about, std::string_view reason = {});
  void send_welcome(Participant& to);
  void take_place(Participant& successor);
  void note_presence();
  EventBridge event_bridge() const;
  EventChannel event_channel(const Participant& participant) const;
  void control_mute(bridge::Leg& leg, sip::RequestId id, const sip::Message& request);

  const std::string name_, id_;
  const RoomProfile profile_;
  bridge::LegEnvironment& environment_;
  const bridge::MessagePolicy messages_;
  RoomHost& host_;
  const base::WallTime created_;
  RoomObserver* observer_ = nullptr;
  RoomDialer* dialer_ = nullptr;
  bool opened_ = false;                // the observer knows of it
  base::TokenBucket api_bucket_;
  bridge::Bridge bridge_;
  std::vector<std::unique_ptr<Participant>> participants_;
  std::vector<std::unique_ptr<Participant>> gone_;   // ended, their sessions still on the stack: destroyed in the next turn
  base::TimerQueue::Id sweep_timer_ = 0;
  std::vector<std::shared_ptr<Referral>> referrals_;
  std::uint32_t last_channel_ = 0;
};

}  // namespace conference
