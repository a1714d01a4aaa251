// What accounts may know of each other: presence (PIDF, RFC 3856 and 3863) out of registration, calls, rooms and what was published
// (RFC 3903), and dialog-info for busy-lamp keys (RFC 4235). Subscriptions come here authenticated, for accounts that exist.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/timeline.hpp"
#include "pbx/accounts.hpp"
#include "pbx/call.hpp"
#include "pbx/presence_xml.hpp"
#include "pbx/registrar.hpp"
#include "sip/publication.hpp"
#include "sip/subscription.hpp"

namespace pbx {

// Thread: the shard's.
class Presence final : public sip::SubscriptionHandler {
 public:
  static constexpr std::string_view kPidfType = "application/pidf+xml";
  static constexpr std::string_view kDialogType = "application/dialog-info+xml";

  Presence(Registrar& registrar, base::Timeline& timeline);
  ~Presence() override;

  // Of `by`, to "presence" or "dialog" of `account`.
  sip::SubscriptionHandler* subscribe(sip::Subscription& subscription, const std::string& account, const std::string& by);
  // PUBLISH of `account`'s own state.
  sip::Reply publish(const sip::Message& request, std::string_view account);
  void on_reachability(const std::string& account) { presence_changed(account); }
  void on_call_changed(const Call& call);
  // `account` came into the room by one more connection, or left it by one: it is on the phone with it, in a dialog that is up.
  void on_room_changed(bridge::BridgeId room, const std::string& name, const std::string& account, bool joined);
  // Their subscriptions end, those to accounts that are gone, and what they have published; their contacts went before.
  void on_revoked(const RevokedAccounts& revoked);
  PresenceState state(const std::string& account);
  // Rings or speaks in a call of two, or is in a room.
  bool in_call(const std::string& account) const { return dialogs_.contains(account); }
  std::size_t size() const { return watches_.size(); }

  // sip::SubscriptionHandler
  void on_refresh(sip::Subscription& subscription, std::chrono::seconds expires) override;
  void on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd& end) override;

 private:
  struct Watch {
    sip::Subscription* subscription = nullptr;
    std::string account, by;
    bool dialogs = false;
    unsigned version = 0;
  };
  struct Watched {
    std::vector<std::uint64_t> watches;
    PresenceState last;
    base::TimerQueue::Id timer = 0;      // when its contacts run out, of which nobody else tells
  };

  void presence_changed(const std::string& account);
  void end_dialog(const std::string& account, std::uint64_t id, const CallSide& last);
  void dialogs_changed(const std::string& account, const std::vector<CallSide>& ended, std::uint64_t call);
  void notify_presence(Watch& watch, const PresenceState& state);
  void notify_dialogs(Watch& watch, const std::vector<CallSide>& ended, std::uint64_t call);
  void watch_expiry(const std::string& account, Watched& watched);
  void arm_publications();

  Registrar& registrar_;
  base::Timeline& timeline_;
  sip::PublicationStore publications_;
  base::TimerQueue::Id publication_timer_ = 0;
  std::unordered_map<std::uint64_t, Watch> watches_;                         // by subscription
  std::unordered_map<std::string, Watched> watched_;                         // by account
  std::unordered_map<std::uint64_t, std::vector<CallSide>> calls_;           // by id
  std::unordered_map<std::string, std::map<std::uint64_t, CallSide>> dialogs_;   // by account, then call or room
  std::map<std::pair<std::uint64_t, std::string>, std::size_t> in_rooms_;        // how often who is in which room
};

}  // namespace pbx
