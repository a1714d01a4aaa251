// The PBX: who a request is from, and where a call goes. The user of the SIP agent.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/media_engine.hpp"
#include "conference/rooms.hpp"
#include "pbx/accounts.hpp"
#include "pbx/authenticator.hpp"
#include "pbx/call.hpp"
#include "pbx/dial_plan.hpp"
#include "pbx/messages.hpp"
#include "pbx/presence.hpp"
#include "pbx/queue.hpp"
#include "pbx/registrar.hpp"
#include "pbx/room_watch.hpp"
#include "pbx/session_feed.hpp"
#include "pbx/trunks.hpp"
#include "pbx/webphone.hpp"
#include "pbx/webphone_roster.hpp"
#include "sip/user_agent.hpp"

namespace pbx {

struct PbxConfig {
  bool guests = true;                       // an INVITE whose From names no account needs no password
  bool guests_create_rooms = true;          // else guests may only join rooms that exist
  std::string realm = "parley";
  AuthenticatorConfig authentication;
  RegistrarConfig registrar;
  CallConfig call;
  conference::RoomsConfig rooms;            // its store keeps messages that wait for accounts too
  MessagesConfig messages;
  std::vector<LineConfig> lines;            // of webphones
  TokenKeys tokens;
  DialPlanConfig dial_plan;                 // DialPlan::make() takes it, or the configuration was not checked
  std::vector<GroupConfig> groups;
  std::vector<QueueConfig> queues;
  std::vector<std::string> supervisors;     // accounts that may see and touch all calls
  std::vector<TrunkConfig> trunks;
  ResolveTarget resolve;                    // of the trunks' names; null: they stay without an address
  std::string music;                        // of holding and waiting, a sound file; "" : the built-in one
  std::string sounds_directory;             // of relative names that rules play; "" : there are none
  std::chrono::seconds webphone_ring_timeout{180};   // a page may block in a dialogue of its own for two minutes
  double wrong_passwords_per_minute = 20;   // from one IP address, loopback excepted; beyond it the address is reported for a ban
  double requests_per_second = 200;         // new work from one IP address (INVITE, REGISTER ...); loopback is free of it
  double request_burst = 600;
  std::size_t max_calls = 10000;
  std::size_t max_pending = 2000;           // legs that ring or wait for an ACK: each holds ports
};

// What supervisors and programs do to a call.
struct SessionAction {
  enum class Kind { kTransfer, kHangUp, kForward, kHold, kUnhold, kDtmf, kListen, kStopListen } kind = Kind::kHangUp;
  std::string number{};                     // where to (transfer, forward), towards whom (DTMF), who listens (by programs)
  std::string transferor{};                 // number of the party that leaves
  std::string keys{};
};

// Thread: the shard's.
class Pbx final : public sip::UserAgentHandler, public bridge::MediaEvents, public CallHost, public RegistrarListener, public RosterListener,
                  public QueueListener, public conference::RoomDialer {
 public:
  Pbx(PbxConfig config, bridge::LegEnvironment& environment, Accounts& accounts);
  ~Pbx() override;

  // Called for an address that tries passwords; once for each time that it oversteps.
  void on_abuse(std::function<void(const base::SocketAddress&)> report) { report_abuse_ = std::move(report); }
  // How a connection is closed; not called: connections stay. Before anything else happens.
  void on_close_flow(std::function<void(std::uint64_t)> close) { close_flow_ = std::move(close); }
  // Before anything else happens.
  void attach(sip::UserAgent& agent) {
    agent_ = &agent;
    messages_.attach(agent);
    trunks_.attach(agent);
  }

  void on_flow_closed(std::uint64_t flow) { registrar_.on_flow_closed(flow); }
  void on_connection_closed(const sip::Source& source) { trunks_.on_connection_closed(source); }
  conference::Rooms& rooms() { return rooms_; }
  Registrar& registrar() { return registrar_; }
  Webphone& webphone() { return webphone_; }
  Presence& presence() { return presence_; }
  const Queues& queues() const { return queues_; }
  Trunks& trunks() { return trunks_; }
  // Webphone::connect() of somebody at `remote`, within its limits.
  base::Result<const WebphoneClient*> connect_webphone(const Webphone::ConnectRequest& request, const base::SocketAddress& remote);
  std::size_t calls() const { return calls_.size(); }
  Accounts& accounts() { return accounts_; }
  // pbx_accounts.cpp. Accounts as Accounts::update(), put(), remove() have it. What stands on a password that holds no more ends:
  // contacts, subscriptions, published states, the secrets and connections of pages, listening. Calls go on.
  void set_accounts(std::vector<Account> accounts, std::uint64_t as_of);
  void put_account(Account account);
  void remove_account(const std::string& name);
  base::TimePoint now() const { return environment_.timeline.now(); }
  // Before anything else happens; outlives this.
  void set_observer(PbxObserver& observer);

  // By the API. kNotFound: one of the two can't be reached (no such number, or not registered); kUnavailable: too many calls.
  base::Result<CallInfo> originate(const std::string& from, const std::string& to);
  std::vector<CallInfo> list_calls() const;
  bool has_call(std::string_view call_id) const;   // that has not ended
  bool hang_up(std::string_view call_id);
  // A text to an account or a client, as MESSAGE outside of calls has it: 202 taken, or kept for an account; 404, 480, 503. `sender`:
  // whose rate it counts for, no account's name.
  void message_by_api(const std::string& sender, const std::string& to, const sip::MessagePtr& message, Messages::Answer answer);
  // One party of that call goes on to whatever the API finds at `to`, and the other is let go when somebody answers there. `party`:
  // "from", "to", or its number. kNotFound: no such call or party, or nobody there; kConflict: not two who talk, or being transferred.
  base::Result<CallInfo> transfer(std::string_view call_id, const std::string& party, const std::string& to);
  void end_all(std::string_view reason);

  // pbx_supervise.cpp. Who sends the bearer that connect_webphone() gave: kDenied nobody, kUnavailable too many requests from there.
  base::Result<const WebphoneClient*> find_bearer(std::string_view credentials, const base::SocketAddress& remote);
  // kDenied without the privilege (agents may hang up what they see), kNotFound, kConflict, kMalformed, kUnavailable.
  base::Status supervise(const WebphoneClient& by, std::string_view session, const SessionAction& action);
  base::Status act_on_call(std::string_view id, const SessionAction& action);
  SessionScope session_scope(const std::string& account) const;
  struct QueueStatus {
    std::string name;
    std::vector<std::string> agents;
    std::vector<CallInfo> waiting;
  };
  std::vector<QueueStatus> list_queues() const;
  const PbxConfig& config() const { return config_; }

  // What the agent must do for this: event packages and their limits.
  static void prepare(sip::UserAgentConfig& agent);

  // sip::UserAgentHandler
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr& invite, const sip::Source& source) override;
  void on_request(sip::RequestId id, const sip::MessagePtr& request, const sip::Source& source) override;
  sip::SubscriptionHandler* on_subscribe(sip::Subscription& subscription, const sip::MessagePtr& subscribe, const sip::Source& source) override;

  // bridge::MediaEvents
  void on_media_connected(bridge::LegId leg) override;
  void on_media_failed(bridge::LegId leg, std::string_view reason) override;
  void on_media_lost(bridge::LegId leg) override;
  void on_talking(bridge::LegId leg, bool talking) override;
  void on_dtmf(bridge::LegId leg, char digit) override;
  void on_sound_ended(bridge::LegId leg, bool played) override;

  // RegistrarListener
  void on_reachable(std::string_view account) override;
  void on_unreachable(std::string_view account, bool orderly) override;
  // RosterListener
  void on_roster_changed(std::string_view line, const WebphoneClient& client) override;
  void on_client_gone(const WebphoneClient& client) override;
  // QueueListener
  void on_queue_event(QueueEvent event, const std::string& queue, const Call& call) override;

  // conference::RoomDialer (pbx_rooms.cpp)
  void call_into(conference::Room& room, bridge::Leg& by, const sip::ReferRequest& wanted, std::function<void(int status)> told) override;

  // CallHost
  CallTarget find_target(const bridge::Party& by, std::string_view number) override;
  void on_trunk_silent(const std::string& trunk, const base::SocketAddress& address) override { trunks_.note_silence(trunk, address); }
  int place(const CallTarget& target, const std::function<std::unique_ptr<bridge::Leg>()>& take) override;
  void on_call_over(Call& call) override;
  void on_call_changed(const Call& call) override;

 private:
  static constexpr std::string_view kDefaultTarget = "_default";   // a webphone's call without a number

  struct Caller {
    const Account* account = nullptr;      // null: a guest
    std::optional<sip::Reply> refusal;
  };
  Caller identify(const sip::Message& request, const sip::Source& source, bool always);
  void note_wrong_password(const sip::Source& source);
  sip::SessionHandler* route(sip::Session& session, const sip::Message& invite, const Caller& caller);
  sip::SessionHandler* connect(sip::Session& session, const sip::Message& invite, bridge::Party party, CallTarget target);
  Call& add_call();
  sip::SessionHandler* replace(sip::Session& session, const sip::Message& invite, const Caller& caller);
  // pbx_rooms.cpp
  int bring_into(conference::Room& room, bridge::Leg& by, const sip::Replaces& replaces);
  int dial_into(conference::Room& room, const bridge::Party& by, std::string_view number, std::function<void(int status)> told);
  void on_room_closed(const conference::Room& room);
  // pbx_supervise.cpp
  sip::SessionHandler* enter_queue(sip::Session& session, const sip::Message& invite, bridge::Party caller, const std::string& name);
  int place_in_queue(const std::string& name, const std::function<std::unique_ptr<bridge::Leg>()>& take);
  sip::SessionHandler* take_from_queue(sip::Session& session, const sip::Message& invite, bridge::Party agent, const std::string& pickup);
  Call* find_call(std::string_view id);
  base::Status act(Call& call, const SessionAction& action, const bridge::Party& by);
  // pbx_trunks.cpp
  sip::SessionHandler* route_from_trunk(sip::Session& session, const sip::Message& invite, const TrunkConfig& trunk);
  bridge::Party party_from_trunk(const sip::Message& invite, const TrunkConfig& trunk);
  std::shared_ptr<void> use_trunk(const std::string& name);
  // pbx_dial.cpp: where a number leads.
  DialCaller dial_caller(const bridge::Party& by) const;
  CallTarget resolve(const DialCaller& who, const bridge::Party& by, std::string_view number);
  CallTarget refuse_full(CallTarget target);
  Destination default_destination(const std::string& dialled) const;
  int refuse_client(const WebphoneClient& client, const LineConfig& line, const Destination& where, const std::string& dialled);
  CallTarget target_at(const DialCaller& who, const bridge::Party& by, const std::string& dialled, const Destination& where);
  CallTarget target_account(const Account& callee);
  CallTarget target_group(const GroupConfig& group, const bridge::Party& by);
  CallTarget target_trunk(const bridge::Party& by, const Destination& where);
  int add_branches(const Account& callee, int stage, std::chrono::seconds ring_time, std::vector<CallBranch>& to);
  const GroupConfig* find_group(std::string_view name) const;
  const QueueConfig* find_queue(std::string_view name) const;
  bool room_is_there(const std::string& name);
  bool is_busy(const std::string& account) const;
  std::string uri_of(std::string_view number) const;
  static bridge::Party new_party();
  bridge::Party party_of(const sip::Message& invite, const Account* account) const;
  bridge::Party party_of(const Account& callee) const;
  void tell_observer(const Call& call);
  void record(const CallInfo& call);
  bool over_rate(const sip::Source& source);
  void revoke(const RevokedAccounts& revoked);
  void close_later(std::uint64_t flow);
  void take_message(sip::RequestId id, const sip::MessagePtr& message, const sip::Source& source);
  sip::Reply answer_request(const sip::Message& request, const sip::Source& source);

  const PbxConfig config_;
  bridge::LegEnvironment& environment_;
  Accounts& accounts_;
  sip::UserAgent* agent_ = nullptr;
  Authenticator authenticator_;
  Registrar registrar_;
  Webphone webphone_;
  WebphoneRoster roster_;
  Presence presence_;
  RoomWatch room_watch_{presence_};
  Messages messages_;
  Trunks trunks_;
  conference::Rooms rooms_;
  std::unordered_map<const Call*, std::unique_ptr<Call>> calls_;
  DialPlan dial_plan_;
  Queues queues_;
  SessionFeed sessions_;
  PbxObserver* observer_ = nullptr;
  std::unordered_map<const Call*, CallInfo::State> told_;      // the observer's last news of each
  std::unordered_map<base::SocketAddress, base::TokenBucket> rates_;   // by SocketAddress::network(); bounded
  std::unordered_map<base::SocketAddress, base::TokenBucket> wrong_passwords_;
  std::function<void(const base::SocketAddress&)> report_abuse_;
  std::function<void(std::uint64_t)> close_flow_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);      // for timers that nobody keeps
  base::TimerQueue::Id sweep_timer_ = 0;
  std::unordered_map<const Call*, std::string> into_rooms_;    // calls that fetch somebody for the room of that id
  std::vector<const Call*> over_;                              // destroyed in the next turn
};

}  // namespace pbx
