// Subscriptions to events of ours: the notifier's side of RFC 6665. The user agent makes a Subscription for each SUBSCRIBE
// outside a dialog and keeps its dialog, its expiry and its limits; the handler knows the state. One thread (the agent's).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sip/message.hpp"
#include "sip/reply.hpp"

namespace sip {

struct SubscriptionConfig {
  std::string events;                                  // packages, as in Allow-Events; "": SUBSCRIBE is a request like any other
  std::chrono::seconds min_expires{60};                // shorter, but not 0: 423
  std::chrono::seconds default_expires{3600};          // where the SUBSCRIBE says nothing
  std::chrono::seconds max_expires{3600};
  std::chrono::seconds flow_grace{60};                 // a subscription whose connection closed is kept so long
  std::size_t max_total = 50000;                       // then 503
  std::size_t max_per_source = 2000;                   // of one connection, or of one address by UDP
  std::size_t max_notify_body = 64 * 1024;             // bytes
  std::chrono::seconds stream_timeout{0};              // of a NOTIFY on a stream, to pages that may stand still; 0: 64*T1
};

enum class SubscriptionState : std::uint8_t { kActive, kPending };

enum class SubscriptionCause : std::uint8_t {
  kRejected,        // by reject(), or nobody answered it in time
  kExpired,
  kUnsubscribed,    // Expires 0, at once (a fetch) or later
  kTerminated,      // by terminate(), or the agent shuts down
  kNotifyRefused,   // `status`
  kNotifyTimeout,
  kFlowLost,        // and the grace is over
};
struct SubscriptionEnd {
  SubscriptionCause cause = SubscriptionCause::kRejected;
  int status = 0;
};

class Subscription;

// May call any method of its subscription from within any of these.
class SubscriptionHandler {
 public:
  virtual ~SubscriptionHandler() = default;
  /// called when the subscriber refreshed (the new time left) or unsubscribed (0): the full state is due, by notify() from
  /// within; without it a NOTIFY without a body goes out (RFC 6665 section 4.2.1.2)
  virtual void on_refresh(Subscription& subscription, std::chrono::seconds expires) = 0;
  /// called when the subscriber's connection closed and there is no other way to it; what is notified waits, the newest alone
  virtual void on_flow_lost(Subscription& subscription);
  /// called when a NOTIFY was taken and none waits: what was held back for it may go
  virtual void on_delivered(Subscription& subscription);
  /// called when a refresh came by another flow or address than the subscription's
  virtual FlowChange on_flow_change(Subscription& subscription, const Message& request, const Source& source);
  /// called exactly once, last of all; the subscription must not be used after it
  virtual void on_terminated(Subscription& subscription, const SubscriptionEnd& end) = 0;
};

class Subscription {
 public:
  virtual ~Subscription() = default;
  virtual std::uint64_t id() const = 0;

  // The answer to the SUBSCRIBE, within on_subscribe() or later (before 64*T1). `limit` 0: as asked, up to the configured
  // maximum. Call notify() in the same turn: a NOTIFY is due at once.
  virtual void accept(std::chrono::seconds limit = {}) = 0;
  virtual void reject(const Reply& reply) = 0;        // 401, 403, 404, 406 where accepts() says no, 489 ...

  // The whole state. One NOTIFY at a time: while one is unanswered the newest state waits and replaces older ones that
  // wait. The body is shared by all whom it goes to. kTooLarge: over the limits, nothing is sent; kConflict: not accepted, or ended.
  virtual base::Status notify(std::string_view content_type, const base::SharedBytes& body,
                              SubscriptionState state = SubscriptionState::kActive) = 0;
  // The last NOTIFY, with the state that waits if any. `reason`: deactivated, probation, rejected, giveup, noresource ...
  virtual void terminate(std::string_view reason, std::chrono::seconds retry_after = {}) = 0;

  virtual const std::string& package() const = 0;     // "presence", as written
  virtual const std::string& event_id() const = 0;    // "" : none
  // May the body be of that type? Also true when the SUBSCRIBE has no Accept: the package's own type.
  virtual bool accepts(std::string_view media_type) const = 0;
  virtual bool has_accept() const = 0;
  virtual const MessagePtr& request() const = 0;      // the first SUBSCRIBE; null once it is answered
  virtual const Source& source() const = 0;
  virtual const std::string& local_uri() const = 0;   // To
  virtual const std::string& remote_uri() const = 0;  // From
  virtual const std::string& remote_target() const = 0;
  virtual bool fetch() const = 0;                     // Expires 0: one NOTIFY and no more
  virtual std::chrono::seconds expires() const = 0;   // left; before accept(): asked for
  virtual bool accepted() const = 0;
  virtual bool ended() const = 0;
};

}  // namespace sip
