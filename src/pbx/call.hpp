// A call of two: a bridge of a caller and one of those that were rung for it, or a caller and a service (echo, tone, file).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "pbx/accounts.hpp"
#include "pbx/observer.hpp"
#include "pbx/queue.hpp"
#include "pbx/registrar.hpp"
#include "sip/refer.hpp"

namespace pbx {

class Call;

// One party of a call, as others may see it.
struct CallSide {
  std::string account;                 // never "": guests are nobody's business
  bool caller = false;
  enum class State { kTrying, kRinging, kTalking } state = State::kTrying;
  std::string other_number, other_display;
};

// One place that is rung: a contact of an account, or a number at a trunk.
struct CallBranch {
  bridge::Party party;
  Binding contact;                     // where the INVITE goes: target, Request-URI, Route
  std::string uri;                     // To
  struct From { std::string uri, display_name; };
  std::optional<From> from{};          // what it sees as the caller; none: the caller as he is
  std::string headers{};               // whole lines
  std::shared_ptr<sip::ClientAuth> auth{};
  int stage = 0;                       // all of a stage ring at once, the stages one after the other
  std::optional<sdp::SdesPolicy> sdes{};   // of a trunk; none: by the configuration
  std::vector<sip::Target> others{};   // where it is sent next when `contact` is dead or has no room
  std::chrono::seconds ring_time{0};   // of its stage, which has the longest of its branches'; 0: the call's ring_timeout
};

// What answers a call instead of somebody.
struct CallService {
  enum class Kind { kEcho, kTone, kPlay } kind = Kind::kEcho;
  std::uint32_t hertz = 440;           // of kTone
  std::string file;                    // of kPlay: played once, then the call ends
};

// Where a number leads, for somebody.
struct CallTarget {
  enum class Kind { kRefused, kBranches, kService, kRoom, kQueue } kind = Kind::kRefused;
  int status = 404;                    // of kRefused; 200 for the others
  std::string reason{};                // of kRefused; "" : the status's own
  bridge::Party party{};               // as what it is shown until somebody answers: the account, the group, the number
  std::string uri{};
  std::vector<CallBranch> branches{};  // of kBranches; not empty
  std::string name{};                  // of a room or a queue
  bool makes_room = false;             // there is none of that name yet, and no rule names it
  CallService service{};

  bool ok() const { return kind != Kind::kRefused; }
  static CallTarget refused(int status, std::string reason = {}) { return {.status = status, .reason = std::move(reason)}; }
};

// The branches by stages, in order.
using CallStages = std::deque<std::vector<CallBranch>>;
CallStages stages_of(std::vector<CallBranch> branches);

// What a party is told of itself: its id, and the secret by which a webphone's page takes its call up again. Whole lines.
std::string identity_headers(const bridge::Party& party);

// Both dialogs are held by one and the same: an account, or a guest on one connection or at one address.
bool same_holder(bridge::Leg& a, bridge::Leg& b);

// Which refusal of several the caller is told: a 6xx at once, else what says most (RFC 3261 section 16.7, step 6).
int better_failure(int a, int b);

constexpr std::string_view kCallEventType = "application/vnd.parley.call+json";

class CallHost {
 public:
  virtual ~CallHost() = default;
  // `number`, as `by` may call it: of a transfer or a forward, the one who transfers or forwards (toll fraud, survival item 24).
  virtual CallTarget find_target(const bridge::Party& by, std::string_view number) = 0;
  /// called when a call to a trunk had no answer at all from there
  virtual void on_trunk_silent(const std::string& /*trunk*/, const base::SocketAddress& /*address*/) {}
  // Gives the established leg that `take` takes out of its call to what `target` is: a room, a service, a queue. 200, or why not:
  // then nothing was taken.
  virtual int place(const CallTarget& target, const std::function<std::unique_ptr<bridge::Leg>()>& take);
  /// called once, when the last leg is gone: the call is destroyed soon after
  virtual void on_call_over(Call& call) = 0;
  /// called when sides() says something else than before; the last time with none, before on_call_over()
  virtual void on_call_changed(const Call&) {}
};

struct CallConfig {
  bridge::MessagePolicy messages;
  bridge::MixOptions mix;
  std::chrono::seconds ring_timeout{60};
  std::string realm = "parley";        // of the URIs of those who have none of their own here
  std::string music;                   // of holding, a sound file; "" : the built-in one
  bool call_waiting = true;            // an account in a call is rung by a second one; else that one gets 486
};

// Thread: the shard's. Rings all branches of a stage at once; the first to answer wins, the others are cancelled (RFC 3261
// section 16.7).
class Call final : public bridge::LegOwner {
 public:
  Call(bridge::LegEnvironment& environment, sip::UserAgent& agent, CallConfig config, CallHost& host);
  ~Call() override;

  // Takes the INVITE of `caller` for `target` (kBranches, kService). Null: it was rejected.
  sip::SessionHandler* start(sip::Session& session, const sip::Message& invite, bridge::Party caller, CallTarget target);
  // The same without a caller's INVITE: `caller` (kBranches) is rung first, and when somebody there has answered, whatever
  // `callee` says then. False: nobody could be rung, and the host has been told that it is over.
  struct Plan {
    CallTarget caller;
    bridge::Party callee;                               // as what the caller sees it
    std::string callee_uri;
    std::function<CallTarget()> find_callee;
    std::function<void(int status)> told{};             // 1xx of who is rung; once: 200, it is where it was led to, or why not
  };
  bool originate(Plan plan);
  void end_all(std::string_view reason);
  CallInfo info() const;
  // Each account once.
  std::vector<CallSide> sides() const;
  std::uint64_t id() const { return bridge_.id().value; }

  // A webphone whose page was reloaded takes its leg's place by the token (rule 10). Null and untouched: not of this call.
  bool holds(std::string_view token) const;
  sip::SessionHandler* resume(sip::Session& session, const sip::Message& invite, std::string_view token);

  // call_attended.cpp
  // A leg out of another call is this one's caller, at a service (CallHost::place()).
  void adopt(std::unique_ptr<bridge::Leg> leg, const CallTarget& target);
  // Takes the INVITE that replaces `old`, one of this call's legs (RFC 3891). Null: it was rejected.
  sip::SessionHandler* replace(sip::Session& session, const sip::Message& invite, bridge::Party party, bridge::Leg& old);
  // The party at `stays` (true: the caller) speaks with `target` instead of the other one, who is let go when somebody there
  // answers. 202: it is under way, or why not.
  int transfer(bool caller_stays, const CallTarget& target);
  bool has_party(bool caller, std::string_view number) const;   // the caller, or who answered
  // Whom `own` talks to here goes to `to`, and `own` is let go. 200, or why not: then nothing was taken.
  int hand_over(bridge::Leg& own, const std::function<void(std::unique_ptr<bridge::Leg>)>& to);

  // call_waiting.cpp: a caller who waits in a queue, answered at once. Null: it was rejected.
  sip::SessionHandler* wait(sip::Session& session, const sip::Message& invite, bridge::Party caller, const QueueConfig& queue);
  // The same with a leg out of another call.
  void wait(std::unique_ptr<bridge::Leg> caller, const QueueConfig& queue);
  // An agent's INVITE: it joins the caller, and the call waits no more. Null: it was rejected (410: another agent was first).
  sip::SessionHandler* take(sip::Session& session, const sip::Message& invite, bridge::Party agent);
  const QueueConfig* waiting_in() const { return queued_ && caller_ && !over_ ? queued_->queue : nullptr; }
  // What its caller has written while it waits: the first ones, in one line each, shortened.
  std::vector<std::string> kept_texts() const;
  std::string pickup() const { return waiting_in() && !queued_->taker ? queued_->pickup : std::string(); }
  void tell_place(std::size_t position);

  // call_supervise.cpp: from outside. kConflict: the call is in no state for it.
  base::Status hold_both(bool held);
  // Keys towards the party of that number. kMalformed: no keys; kNotFound: nobody of that number.
  base::Status press(std::string_view number, std::string_view keys);
  base::Status forward_ringing(const CallTarget& target);
  // Whom `branches` are rung for hears the call: unseen, not heard, no party of it. Its INVITE has Parley-Listen with this call's id.
  base::Status listen(std::vector<CallBranch> branches);
  base::Status stop_listening(std::string_view account);
  void end_listeners_of(const RevokedAccounts& revoked);

  // bridge::LegOwner
  void on_leg_established(bridge::Leg& leg) override;
  void on_leg_progress(bridge::Leg& leg, const sip::Message& response) override;
  void on_leg_media_changed(bridge::Leg& leg) override;
  void on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) override;
  void on_leg_talking(bridge::Leg&, bool) override {}
  void on_leg_dtmf(bridge::Leg& leg, char digit) override;
  void on_leg_sound_ended(bridge::Leg& leg, bool played) override;
  void on_leg_request(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_ended(bridge::Leg& leg, const sip::SessionEnd& end) override;

 private:
  struct Waiting {
    const QueueConfig* queue = nullptr;
    std::string pickup;
    bridge::Leg* taker = nullptr;        // the agent's, until it is established
    std::size_t position = 0;            // 0: not told yet
    std::vector<std::pair<sip::MessagePtr, base::WallTime>> kept;
    std::size_t kept_bytes = 0;
    base::TimerQueue::Id timer = 0;      // of max_wait
  };
  void begin_waiting(const QueueConfig& queue);
  void play_waiting_music();
  void tell_waiting();
  void keep_text(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request);
  void finish_waiting(bridge::Leg& agent);
  bool on_taker_ended(const bridge::Leg& leg);
  void hold_from_outside(bridge::Leg& leg);
  void tell_held(bridge::Leg& leg, bool held);
  bool is_listener(const bridge::Leg& leg) const;
  void on_listener_established(bridge::Leg& leg);
  bool on_listener_ended(const bridge::Leg& leg);
  void end_listeners();
  struct Successor {
    std::unique_ptr<bridge::Leg> leg;
    bridge::Leg* replaces = nullptr;
  };
  // Blind transfer: one of the two is to be replaced by whoever answers at another number.
  struct Transfer {
    bridge::Leg* transferor = nullptr;   // null: it has hung up meanwhile
    bridge::Leg* stays = nullptr;
    bool of_caller = false;              // whose place it is
    std::shared_ptr<sip::ReferNotifier> notifier;
    bridge::Party party;                 // who is rung
    std::vector<std::unique_ptr<bridge::Leg>> targets;
    CallStages waiting;                  // not rung yet
    int best_failure = 480;
    base::TimerQueue::Id timer = 0;
  };
  struct Told {                          // what its leg is still to be told, of transfers past
    const bridge::Leg* leg;
    std::shared_ptr<sip::ReferNotifier> notifier;
  };
  void refer(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request);
  void refer_attended(bridge::Leg& leg, const sip::Replaces& replaces, std::shared_ptr<sip::ReferNotifier> notifier);
  int join_replaced(bridge::Leg& leg, bridge::Leg& stays, bridge::Leg& own, std::shared_ptr<sip::ReferNotifier>& notifier);
  int join_ringing(bridge::Leg& leg, bridge::Leg& stays, Call& ringing, std::shared_ptr<sip::ReferNotifier>& notifier);
  int begin_transfer(bridge::Leg& transferor, const CallTarget& target, std::shared_ptr<sip::ReferNotifier> notifier);
  void open_transfer(bridge::Leg& transferor, bridge::Party party, std::shared_ptr<sip::ReferNotifier> notifier);
  void await_targets(std::chrono::seconds patience);
  std::unique_ptr<bridge::Leg> detach(bridge::Leg& leg);
  void put_in_place(bridge::Leg& old, std::unique_ptr<bridge::Leg> leg);
  void let_go(bridge::Leg& transferor, bool told);
  bool lead_caller(const CallTarget& target);
  void go_to_led();
  void end_ringing(std::string_view reason);
  bool ring_target(const CallTarget& target);
  bool is_target(const bridge::Leg& leg) const;
  void on_target_established(bridge::Leg& leg);
  void fail_transfer(int status);
  bool on_target_ended(const bridge::Leg& leg, const sip::SessionEnd& end);
  bool leave_to_target(const bridge::Leg& leg);
  void end_soon(bridge::Leg& leg);
  void forget_told(const bridge::Leg& leg);
  bool forward(const bridge::Leg& leg, const sip::SessionEnd& end);
  std::vector<bridge::Leg*> parties() const;            // the caller and who answered
  void take_place(bridge::Leg& leg);
  // call_sound.cpp: what the parties hear that nobody says.
  void tell_hold(bridge::Leg& holder);
  void play_digits(bridge::Leg& to, std::string_view digits);   // 0-9, *, #, A-D
  void release(const bridge::Leg& holder);
  void update_music();
  void play(const bridge::Leg& leg, const bridge::Sound& sound);
  void hush(const bridge::Leg& leg);
  void hush(const bridge::Leg& leg, bridge::Sound::Kind kind);
  bool hears(const bridge::Leg& leg, bridge::Sound::Kind kind) const;
  void ring_back();
  void hear_early(bridge::Leg& callee);
  void repeat_progress();
  void join(bridge::Leg& leg);
  // call_service.cpp: a service instead of a callee.
  sip::SessionHandler* start_service(sip::Session& session);
  void serve(const CallTarget& target);
  void begin_service();
  void message_to_service(bridge::Leg& leg, sip::RequestId id, const sip::Message& message);
  using Legs = std::vector<std::unique_ptr<bridge::Leg>>;
  std::unique_ptr<bridge::Leg> dial(const CallBranch& branch, const bridge::Party& from, const std::string& from_uri, bool video);
  std::chrono::seconds ring_stage(CallStages& waiting, const bridge::Party& from, const std::string& from_uri, bool video, Legs& into);
  bool ring_callees();
  bool try_next_address(bridge::Leg& leg, const sip::SessionEnd& end);
  std::string uri_of(bridge::Leg& leg) const;
  bridge::Identity identity_of(bridge::Leg& leg) const;
  bridge::Identity identity_of(const std::string& number, const std::string& display_name) const;
  void present_parties();
  void on_candidate_established(bridge::Leg& leg);
  bool on_candidate_ended(const bridge::Leg& leg, const sip::SessionEnd& end);
  void tell_plan(int status);
  void refuse_caller();
  void note_trunk(bridge::Leg& leg, const sip::SessionEnd& end);
  void begin_info(const bridge::Party& caller, const bridge::Party& callee);
  void note_answer(const bridge::Party& by);
  void note_legs();
  bool ring_candidates();
  void restart_ring_timer(std::chrono::seconds time);
  void give_up();
  sip::SessionHandler* reject(sip::Session& session, const sip::Reply& reply);
  void check_over();
  bool is_retired(const bridge::Leg& leg) const;
  bool drop_successors_of(const bridge::Leg& leg);
  void sweep();

  bridge::LegEnvironment& environment_;
  sip::UserAgent& agent_;
  const CallConfig config_;
  CallHost& host_;
  bridge::Bridge bridge_;
  std::unique_ptr<bridge::Leg> caller_;
  Legs candidates_;                                        // for the caller's place, while a plan begins
  CallStages candidates_waiting_;
  Plan plan_;
  CallInfo info_;
  std::vector<CallInfo::Leg> legs_;
  struct Retry {                                           // how a leg is dialled anew
    CallBranch branch;
    bridge::Party from;
    std::string from_uri;
    bool video = false;
  };
  std::map<bridge::LegId, Retry> retries_;                 // of legs that have had no answer yet, and other addresses
  Legs callees_;
  CallStages waiting_;                                     // callees that are not rung yet
  std::vector<std::unique_ptr<bridge::Leg>> gone_;   // ended, their sessions still on the stack: destroyed in the next turn
  base::TimerQueue::Id sweep_timer_ = 0;
  bridge::Leg* answered_ = nullptr;
  std::vector<Successor> successors_;
  std::unique_ptr<Transfer> transfer_;
  std::vector<Told> told_;
  int forwards_ = 0;
  std::unique_ptr<Waiting> queued_;                     // it waits in a queue
  bool queue_notices_ = false;                          // the caller is told of its place
  Legs listeners_;
  bool held_from_outside_ = false;
  std::optional<CallTarget> led_to_;                    // a room or service that the caller goes to as soon as it is established
  bool video_ = false;                                  // the caller takes it
  std::vector<const bridge::Leg*> holding_;             // who have put the other on hold
  std::map<bridge::LegId, bridge::Sound::Kind> sounds_;    // that are being played
  std::optional<CallService> service_;                     // that speaks with the caller
  bridge::Party service_party_;
  std::string caller_answer_, caller_headers_;
  int best_failure_ = 480;
  bool ringing_told_ = false, early_told_ = false, over_ = false;
  base::TimerQueue::Id ring_timer_ = 0, progress_timer_ = 0;
};

}  // namespace pbx
