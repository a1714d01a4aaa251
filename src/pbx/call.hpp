// A call of two: a bridge of a caller and one of the contacts that were rung for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge.hpp"
#include "pbx/observer.hpp"
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

// Whom a transfer or a forward goes to.
struct CallTarget {
  int status = 404;                    // 200: it can be rung, else why not
  bridge::Party party{};
  std::vector<Binding> contacts{};
  std::string uri{};
};

// Which refusal of several the caller is told: a 6xx at once, else what says most (RFC 3261 section 16.7, step 6).
int better_failure(int a, int b);

constexpr std::string_view kCallEventType = "application/vnd.parley.call+json";

class CallHost {
 public:
  virtual ~CallHost() = default;
  // `number`, as `by` may call it.
  virtual CallTarget find_target(const bridge::Party& by, std::string_view number) = 0;
  /// called once, when the last leg is gone: the call is destroyed soon after
  virtual void on_call_over(Call& call) = 0;
  /// called when sides() says something else than before; the last time with none, before on_call_over()
  virtual void on_call_changed(const Call&) {}
};

struct CallConfig {
  bridge::MessagePolicy messages;
  bridge::MixOptions mix;
  std::chrono::seconds ring_timeout{60};
  bool call_waiting = true;            // an account in a call is rung by a second one; else that one gets 486
};

// Thread: the shard's. Rings all contacts at once; the first to answer wins, the others are cancelled (RFC 3261 section 16.7).
class Call final : public bridge::LegOwner {
 public:
  Call(bridge::LegEnvironment& environment, sip::UserAgent& agent, CallConfig config, CallHost& host);
  ~Call() override;

  // Takes the INVITE of `caller` for `callee`, reachable at `contacts` (not empty). Null: it was rejected.
  sip::SessionHandler* start(sip::Session& session, const sip::Message& invite, bridge::Party caller, const bridge::Party& callee,
                             const std::vector<Binding>& contacts, const std::string& callee_uri);
  // The same without a caller's INVITE: `caller` is rung first, and when one of its contacts has answered, `callee`, at the
  // contacts that it has then. False: nobody could be rung, and the host has been told that it is over.
  struct Plan {
    bridge::Party caller, callee;
    std::vector<Binding> contacts;                      // of the caller
    std::function<std::vector<Binding>()> callee_contacts;
    std::string caller_uri, callee_uri;
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

  // bridge::LegOwner
  void on_leg_established(bridge::Leg& leg) override;
  void on_leg_progress(bridge::Leg& leg, const sip::Message& response) override;
  void on_leg_media_changed(bridge::Leg& leg) override;
  void on_leg_message(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_message_done(bridge::Leg& leg, std::uint64_t token, int status) override;
  void on_leg_talking(bridge::Leg&, bool) override {}
  void on_leg_request(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request) override;
  void on_leg_ended(bridge::Leg& leg, const sip::SessionEnd& end) override;

 private:
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
    int best_failure = 480;
    base::TimerQueue::Id timer = 0;
  };
  struct Told {                          // what its leg is still to be told, of transfers past
    const bridge::Leg* leg;
    std::shared_ptr<sip::ReferNotifier> notifier;
  };
  void refer(bridge::Leg& leg, sip::RequestId id, const sip::MessagePtr& request);
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
  void tell_hold(bridge::Leg& holder);
  std::unique_ptr<bridge::Leg> dial(const Binding& contact, const bridge::Party& party, const std::string& uri, const bridge::Party& from,
                                    const std::string& from_uri, bool video);
  void on_candidate_established(bridge::Leg& leg);
  bool on_candidate_ended(const bridge::Leg& leg);
  void refuse_caller();
  void begin_info(const bridge::Party& caller, const bridge::Party& callee);
  void restart_ring_timer();
  bool ring(const Binding& contact, const bridge::Party& callee, const std::string& callee_uri, bool video);
  void give_up();
  void check_over();
  void release(const bridge::Leg& holder);
  bool is_retired(const bridge::Leg& leg) const;
  bool drop_successors_of(const bridge::Leg& leg);
  void sweep();

  bridge::LegEnvironment& environment_;
  sip::UserAgent& agent_;
  const CallConfig config_;
  CallHost& host_;
  bridge::Bridge bridge_;
  std::unique_ptr<bridge::Leg> caller_;
  std::vector<std::unique_ptr<bridge::Leg>> candidates_;   // for the caller's place, while a plan begins
  Plan plan_;
  CallInfo info_;
  std::vector<std::unique_ptr<bridge::Leg>> callees_;
  std::vector<std::unique_ptr<bridge::Leg>> gone_;   // ended, their sessions still on the stack: destroyed in the next turn
  base::TimerQueue::Id sweep_timer_ = 0;
  bridge::Leg* answered_ = nullptr;
  std::vector<Successor> successors_;
  std::unique_ptr<Transfer> transfer_;
  std::vector<Told> told_;
  int forwards_ = 0;
  bool video_ = false;                                  // the caller takes it
  std::vector<const bridge::Leg*> holding_;             // who have put the other on hold
  std::string caller_answer_, caller_headers_;
  int best_failure_ = 480;
  bool ringing_told_ = false, over_ = false;
  base::TimerQueue::Id ring_timer_ = 0;
};

}  // namespace pbx
