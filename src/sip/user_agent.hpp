// A SIP user agent (RFC 3261): INVITE sessions in dialogs, and requests outside them, over the transaction layer.
// Sans-I/O: messages and time come in, packets go out by Network. One thread (a shard's).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/timeline.hpp"
#include "sip/client_auth.hpp"
#include "sip/message.hpp"
#include "sip/network.hpp"
#include "sip/reply.hpp"
#include "sip/subscription.hpp"

namespace sip {

// A copy of a message for one recipient (spec A.2), or any other in-dialog MESSAGE. What all copies share is made once.
struct MessageCopy {
  std::string_view from_display;       // cleaned; "" : none. Written as a quoted string in From
  std::string_view to_display;
  std::string_view content_type;       // byte for byte
  std::string_view headers;            // whole extra header lines, each with its CRLF
  base::SharedBytes body;
  bool utf8 = true;                    // the body is valid UTF-8
  std::uint64_t token = 0;             // given back to on_message_done(); 0: not wanted
};

enum class EndCause { kByeReceived, kByeSent, kCancelled, kRejected, kTimeout, kDialogGone /* 481, 408 to refresh */, kSessionExpired };
struct SessionEnd {
  EndCause cause;
  int status = 0;                      // of a final failure response, for kRejected
  std::string reason;                  // text of a Reason header, or the reason phrase
  std::string redirect{};              // the first Contact's URI of a 3xx; "" : none
};

class Session;

// The user of one session: a leg. All calls on the shard's thread. A handler may call any method of its session from
// within any of these, but must not destroy itself before on_ended().
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;
  /// called when the peer offers (re-INVITE, UPDATE, or PRACK): the answer, or an error for a 488 with its detail as Warning
  virtual base::Result<std::string> on_offer(std::string_view sdp) = 0;
  /// called when the answer to our offer came (2xx, reliable 18x, ACK)
  virtual void on_answer(std::string_view sdp) = 0;
  /// called when the dialog is free to offer, after Session::reoffer(), or an INVITE came without an offer. Empty: nothing to offer any more
  virtual std::optional<std::string> make_offer() = 0;
  /// called when our offer was refused for good or the re-INVITE timed out (status 408); glare is retried without this
  virtual void on_offer_failed(int status) = 0;
  /// called when an unreliable or reliable 1xx above 100 came to our INVITE
  virtual void on_progress(const Message& response) = 0;
  /// called once, with the ACK (we answered) or the 2xx (we called)
  virtual void on_established(const Message& message) = 0;
  /// called for MESSAGE, INFO, REFER, NOTIFY, OPTIONS ... in the dialog: answer with Session::respond(), now or later
  virtual void on_request(RequestId id, const MessagePtr& request) = 0;
  /// called when a copy with a token was answered: `status` is 408 for a timeout, 0 when it was skipped (too big, queue full, session ended)
  virtual void on_message_done(std::uint64_t token, int status) = 0;
  /// called when the connection of the dialog's peer closed. The session lives on; the leg decides how long
  virtual void on_flow_lost() = 0;
  /// called when an in-dialog request came by another flow or address than the dialog's
  virtual FlowChange on_flow_change(const Message& request, const Source& source) = 0;
  /// called exactly once, last of all; the session is destroyed after it returns
  virtual void on_ended(const SessionEnd& end) = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual std::uint64_t id() const = 0;

  // The called side: before accept() or reject().
  virtual void provisional(int status, std::string_view sdp = {}, std::string_view reason = {}) = 0;  // by 100rel where the peer requires it
  // `sdp` "": the INVITE had no offer, make_offer() is asked. `headers`: whole lines with CRLF, in the 200.
  virtual void accept(std::string_view sdp, std::string_view headers = {}) = 0;
  virtual void reject(const Reply& reply) = 0;

  // In any state: CANCEL, a refusal or BYE, whatever fits (with `reason` as Reason header, "" : none).
  virtual void end(std::string_view reason = {}) = 0;
  // Asks for make_offer() as soon as the dialog allows it: one re-INVITE at a time, glare and 500 with Retry-After
  // retried (section 14.1), several wishes merged.
  virtual void reoffer() = 0;
  // Whom the peer speaks with from now on: whole header lines, for all that can carry them (our 18x and 2xx, re-INVITEs, UPDATEs).
  // A peer whose dialog is up is told by the next re-INVITE; when none comes for a moment, by an UPDATE where it allows that
  // (RFC 3311), else by a re-INVITE.
  virtual void tell_identity(std::string_view /*lines*/) {}
  // In order; pipelined on a stream, on UDP one outstanding at a time with a bounded queue (then the copy is skipped: status 0).
  virtual void send_message(const MessageCopy& copy) = 0;
  // What waits to be sent, since the peer can't be reached, goes by `to` instead: the same page by another dialog.
  virtual void hand_messages_to(Session& /*to*/) {}
  virtual void send_request(std::string_view method, std::string_view headers, std::string_view content_type, std::string_view body,
                            std::function<void(const MessagePtr& response /* null: timeout */)> done) = 0;
  virtual void respond(RequestId id, const Reply& reply) = 0;
  // On a stream, answers and ACKs are waited for that long rather than 64*T1: a page may stand still, and while its connection
  // lives nothing of what it was sent is lost. 0: 64*T1.
  virtual void set_patience(std::chrono::seconds) {}

  virtual bool established() const = 0;
  virtual bool ended() const = 0;
  virtual const MessagePtr& invite() const = 0;        // that began it; null where we called
  virtual const Source& source() const = 0;            // the flow of the dialog's peer, as it is now
  virtual std::string_view local_uri() const = 0;
  virtual std::string_view remote_uri() const = 0;     // the From or To URI of the peer
  virtual std::string_view remote_target() const = 0;  // its Contact's URI, exactly
  virtual std::string_view call_id() const = 0;
  virtual std::string_view local_tag() const = 0;
  virtual std::string_view remote_tag() const = 0;
  virtual bool early() const { return !established() && !ended(); }   // no 2xx yet
  virtual std::string contact() { return {}; }                        // the value of our Contact
};

// An INVITE that we send.
struct OutgoingInvite {
  Target target;
  std::string request_uri;
  std::string from_uri, from_display;
  std::string to_uri, to_display;
  std::string route;                   // Route header value from Path, "" : none
  std::string headers;                 // whole lines with CRLF
  std::string sdp;                     // the offer; "" : none
  bool session_timer = true;
  std::chrono::seconds timeout{0};     // by a stream: timer B, and the session's patience; 0: 64*T1
  std::chrono::milliseconds first_answer{0};   // nothing at all within it: the session ends as by timer B, and what comes later is taken back; 0: timer B alone
  std::shared_ptr<ClientAuth> auth;    // for challenges to it and to the requests in its dialog; null: they are refusals
};

// A request outside a dialog that we send.
struct OutgoingRequest {
  Target target;
  std::string method;
  std::string request_uri;
  std::string from, to;                // address or name-addr; `from` may bring its tag
  std::string call_id;                 // "" : a new one
  std::uint32_t cseq = 1;              // sent again after a challenge it is one more: what was used is in the response
  std::string route;                   // Route header value, "" : none
  std::string headers;                 // whole lines with CRLF
  std::string content_type;
  base::SharedBytes body;
  std::shared_ptr<ClientAuth> auth;    // null: 401 and 407 are given back
};

// The user of the agent: what happens outside dialogs.
class UserAgentHandler {
 public:
  virtual ~UserAgentHandler() = default;
  /// called for a new INVITE (100 has been sent where it is due): return the handler that takes it after calling nothing
  /// or provisional()/accept()/reject() on the session later; or null after having rejected it by session.reject()
  virtual SessionHandler* on_invite(Session& session, const MessagePtr& invite, const Source& source) = 0;
  /// called for any other request outside a dialog, CANCEL and ACK excepted: answer by UserAgent::respond()
  virtual void on_request(RequestId id, const MessagePtr& request, const Source& source) = 0;
  /// called for a SUBSCRIBE outside a dialog to one of the configured event packages, within the limits (others were refused):
  /// return the handler that takes it, after accept() or before it; or null after having rejected it
  virtual SubscriptionHandler* on_subscribe(Subscription& subscription, const MessagePtr& subscribe, const Source& source);
};

struct UserAgentConfig {
  std::string product = "Parley";                                   // Server and User-Agent
  std::chrono::milliseconds t1{500}, t2{4000}, t4{5000};            // RFC 3261 table 4
  std::chrono::seconds session_expires{90}, min_se{90};             // RFC 4028: what we ask of a peer that supports it
  std::size_t message_queue = 1000;                                 // copies waiting on one UDP leg
  std::size_t max_udp_message = 60000;                              // bytes of a body; from 1,300 in all TCP is tried first (spec A.2)
  std::size_t max_transactions = 200000;                            // then 503, and new ones are refused
  std::size_t max_sessions = 20000;
  std::string allow = "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, OPTIONS, MESSAGE, INFO";   // what all parts together do
  std::string supported = "100rel, timer";                          // option tags; Require with another is answered 420
  // What the handlers do besides; each adds to Allow, Supported and Allow-Events.
  SubscriptionConfig subscriptions;                                 // with packages: SUBSCRIBE
  bool publish = false;                                             // PUBLISH
  bool refer = false;                                               // REFER in a dialog, norefersub
  bool notify = false;                                              // NOTIFY in a dialog, of our own REFERs
  bool replaces = false;                                            // an INVITE with Replaces
};

class UserAgent {
 public:
  UserAgent(UserAgentConfig config, base::Timeline& timeline, Network& network, UserAgentHandler& handler);
  ~UserAgent();

  // From the network.
  void on_message(const MessagePtr& message, const Source& source);
  void on_flow_closed(std::uint64_t flow);
  // A packet to `target` could not be written (RFC 3261 section 8.1.3.1).
  void on_send_failed(const Target& target);

  // Calls; the session belongs to the agent and lives until handler.on_ended() has returned.
  Session& invite(const OutgoingInvite& invite, SessionHandler& handler);
  Session* find(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag);   // for Replaces; null: none
  // A request of ours outside any dialog (MESSAGE, OPTIONS, NOTIFY ...).
  void send_request(const Target& target, std::string_view method, std::string_view request_uri, std::string_view from, std::string_view to,
                    std::string_view headers, std::string_view content_type, const base::SharedBytes& body,
                    std::function<void(const MessagePtr& response)> done);
  void send_request(const OutgoingRequest& request, std::function<void(const MessagePtr& response /* null: timeout */)> done);
  void respond(RequestId id, const Reply& reply);
  // "<sip:user@192.0.2.1:5060;transport=tcp>": our Contact as seen from there.
  std::string contact(const Target& target, std::string_view user) const;

  // Ends all sessions (SIGTERM) and refuses new ones with 503.
  void shut_down(std::string_view reason);
  std::size_t sessions() const;
  std::size_t subscriptions() const;
  std::size_t transactions() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sip
