// The calls of others, as a subscription (RFC 6665, package "parley-sessions"): first the whole, then what changes.
//   {"version":1,"full":true,"sessions":[{"sessionId":"kQ...","sessionState":"InCall","caller":"alice","callee":"bob",
//     "callerName":"Alice","calleeName":"Bob","started":"2026-01-02T03:04:05.000Z","answered":"2026-01-02T03:04:09.000Z"}]}
//   {"version":2,"full":false,"sessions":[{"sessionId":"kQ...","sessionState":"Completed",...,"closed":true}]}
// `properties`: what a webphone line's client told of itself. `texts`: what it has written while it waits, the first ones, shortened.
// States: Setup, Ringing, Waiting (in a queue), InCall, OnHold; at the end Completed, Busy, Rejected, NotFound, Cancelled, NotAnswered,
// or, of one that another agent took, what it is now. `queue`: that it came by; `take`: the pickup number, for its agents.
// Supervisors see all calls; agents those that wait in their queues, and those that they have taken from them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/timeline.hpp"
#include "pbx/observer.hpp"
#include "pbx/webphone.hpp"
#include "sip/subscription.hpp"

namespace pbx {

class Call;

// What somebody may see of the calls of others.
struct SessionScope {
  bool all = false;                          // a supervisor
  std::vector<std::string> queues;           // an agent of these
  bool nothing() const { return !all && queues.empty(); }
  bool agent_of(std::string_view queue) const { return !queue.empty() && std::find(queues.begin(), queues.end(), queue) != queues.end(); }
};

// What a session shows beside the call itself.
struct SessionDetails {
  std::string pickup;                             // "" : it can't be taken
  const ClientProperties* properties = nullptr;   // of the caller; for the call of on_call_changed() alone
  std::vector<std::string> texts;
};

// The word for it that programs of the old kind know.
std::string_view session_state(const CallInfo& call);

// Thread: the shard's.
class SessionFeed final : public sip::SubscriptionHandler {
 public:
  static constexpr std::string_view kPackage = "parley-sessions";
  static constexpr std::string_view kType = "application/vnd.parley.sessions+json";
  static constexpr std::size_t kMaxBody = 2 << 20;             // bytes; the whole is cut there
  static constexpr std::size_t kMaxSubscriptions = 10;         // of one account; then 503
  static constexpr std::size_t kMaxChanges = 2000;             // that wait for a subscriber; then it gets the whole

  SessionFeed(base::Timeline& timeline, std::function<SessionScope(const std::string& account)> scope) : timeline_(timeline), scope_(std::move(scope)) {}
  ~SessionFeed() override;

  // A SUBSCRIBE of `account`: 403 for those who may see nothing.
  sip::SubscriptionHandler* subscribe(sip::Subscription& subscription, const std::string& account);
  // Whatever has changed of it; the last time with CallInfo::State::kEnded.
  void on_call_changed(const CallInfo& call, const SessionDetails& details);
  // Their subscriptions end.
  void on_revoked(const RevokedAccounts& revoked);
  bool sees(const std::string& account, const CallInfo& call) const { return sees(scope_(account), account, call); }

  // sip::SubscriptionHandler
  void on_refresh(sip::Subscription& subscription, std::chrono::seconds expires) override;
  void on_flow_lost(sip::Subscription& subscription) override;
  void on_delivered(sip::Subscription& subscription) override;
  void on_terminated(sip::Subscription& subscription, const sip::SubscriptionEnd& end) override;

 private:
  struct Session {
    CallInfo info;
    std::string pickup;
    ClientProperties properties;
    std::vector<std::string> texts;
    std::string text;                                  // JSON without its last brace; "" : not written yet
  };
  struct Subscriber {
    sip::Subscription* subscription = nullptr;
    std::string account;
    std::uint64_t version = 0;
    std::set<std::string> known;                       // sessions that it has been told of
    std::map<std::string, std::string> changes;        // by session: "" : as it is when they go out; else what closes it
    bool busy = false, lost = false;
  };
  static bool sees(const SessionScope& scope, const std::string& account, const CallInfo& call);
  static const std::string& text_of(Session& session);
  static std::string entry(Session& session, const SessionScope& scope);
  void note(Subscriber& subscriber, const std::string& id, std::string closing);
  void send_full(Subscriber& subscriber);
  void send_changes(Subscriber& subscriber);
  void give(Subscriber& subscriber, bool full, const std::string& list);
  void flush_soon();

  base::Timeline& timeline_;
  const std::function<SessionScope(const std::string& account)> scope_;
  std::map<std::string, Session, std::less<>> sessions_;       // by id: those that live
  std::map<std::uint64_t, Subscriber> subscribers_;            // by subscription
  base::TimerQueue::Id timer_ = 0;
};

}  // namespace pbx
