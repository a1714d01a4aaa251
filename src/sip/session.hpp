// The session that a UserAgent makes for each INVITE: its dialog, its offers and answers, its timers. Private to the
// user agent; others see sip::Session. One thread. It never calls its handler after on_ended(), and lives on without one while a
// 2xx waits for its ACK or a CANCEL for its answer ("lingering").
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sip/dialog.hpp"
#include "sip/session_timer.hpp"
#include "sip/transaction.hpp"
#include "sip/user_agent.hpp"

namespace sip {

class SessionImpl;

// What a session needs of its user agent.
class SessionCore {
 public:
  SessionCore(UserAgentConfig agent_config, base::Timeline& time, Network& net)
      : config(std::move(agent_config)), timeline(time), network(net),
        abilities("Allow: " + config.allow + "\r\nSupported: " + config.supported + "\r\n" +
                  (allow_events(config).empty() ? "" : "Allow-Events: " + allow_events(config) + "\r\n")) {}
  // RFC 6665 section 8.2.2: packages that we notify, that of REFER included.
  static std::string allow_events(const UserAgentConfig& config);
  virtual ~SessionCore() = default;
  virtual TransactionLayer& transactions() = 0;
  virtual void bind(SessionImpl& session, const Dialog& dialog) = 0;      // its requests are this session's
  virtual void unbind(SessionImpl& session, const Dialog& dialog) = 0;
  virtual void watch_flow(SessionImpl& session, std::uint64_t before, std::uint64_t now) = 0;
  virtual void finished(SessionImpl& session) = 0;                        // deliver_end() is due
  virtual void gone(SessionImpl& session) = 0;                            // a lingering one has no more to do
  // A timer whose callback may end sessions.
  virtual base::TimerQueue::Id after(base::Duration delay, std::function<void()> callback) = 0;
  // Runs it when nothing of the agent's is on the stack, before any on_ended() that comes then.
  virtual void defer(std::function<void()> callback) = 0;
  // Writes and sends a response; `lines`: whole header lines.
  virtual void respond(ServerId id, const Reply& reply, std::string_view to_tag, std::string_view lines) = 0;

  const UserAgentConfig config;
  base::Timeline& timeline;
  Network& network;
  const std::string abilities;   // Allow, Supported, Allow-Events: whole lines
};

// What a client transaction of a session was for; the top byte of its owner.
enum class RequestKind : std::uint8_t { kInvite = 1, kReinvite, kRefresh, kMessage, kRequest, kPrack, kBye };

class SessionImpl final : public Session {
 public:
  SessionImpl(SessionCore& core, std::uint64_t id);
  ~SessionImpl() override;

  // A new INVITE. On failure nothing is bound, and the detail is the response's reason.
  base::Status begin_called(ServerId tx, const MessagePtr& invite, const Source& source);
  void begin_calling(const OutgoingInvite& invite);
  void set_handler(SessionHandler* handler) { handler_ = handler; }
  bool has_handler() const;

  // From the user agent.
  void on_request(ServerId tx, const MessagePtr& request, const Source& source);
  void on_ack(const MessagePtr& ack, const Source& source);
  void on_cancel(const MessagePtr& cancel);
  void on_response(RequestKind kind, const ClientRef& ref, const MessagePtr& response, const Source& source);
  void on_failure(RequestKind kind, const ClientRef& ref, int status);
  void on_stray_2xx(const MessagePtr& response, const Source& source);
  void on_flow_closed();
  void deliver_end();                       // tells the handler; then destroyed, unless lingering
  bool lingering() const { return lingering_; }
  void bye_at_once(std::string_view reason);   // shut_down: waits for nothing
  void abandon(int status);                    // before anything was sent
  bool too_short(const Message& request) const { return session_timer_.too_short(request); }

  // Session.
  std::uint64_t id() const override { return id_; }
  void provisional(int status, std::string_view sdp, std::string_view reason) override;
  void accept(std::string_view sdp, std::string_view headers) override;
  void reject(const Reply& reply) override;
  void end(std::string_view reason) override;
  void reoffer() override;
  void tell_identity(std::string_view lines) override;
  void send_message(const MessageCopy& copy) override;
  void hand_messages_to(Session& to) override;
  void send_request(std::string_view method, std::string_view headers, std::string_view content_type, std::string_view body,
                    std::function<void(const MessagePtr&)> done) override;
  void respond(RequestId id, const Reply& reply) override;
  void set_patience(std::chrono::seconds patience) override { patience_ = patience; }
  bool established() const override { return state_ == State::kConfirmed && !finished_; }
  bool ended() const override { return finished_; }
  bool early() const override { return !finished_ && (state_ == State::kProceeding || state_ == State::kCalling); }
  std::string contact() override {
    return dialog_ ? dialog_->contact(core_.network) : Dialog::contact_value(core_.network, Target::back_to(source_));
  }
  const MessagePtr& invite() const override { return invite_; }
  const Source& source() const override { return dialog_ ? dialog_->peer() : source_; }
  std::string_view local_uri() const override { return local_uri_; }
  std::string_view remote_uri() const override { return remote_uri_; }
  std::string_view remote_target() const override { return dialog_ ? std::string_view(dialog_->remote_target()) : std::string_view{}; }
  std::string_view call_id() const override { return call_id_; }
  std::string_view local_tag() const override { return local_tag_; }
  std::string_view remote_tag() const override { return dialog_ ? std::string_view(dialog_->remote_tag()) : std::string_view{}; }

 private:
  enum class State : std::uint8_t { kProceeding, kWaitAck, kCalling, kConfirmed };

  struct InDialog {
    RequestKind kind = RequestKind::kRequest;
    Method method = Method::kOther;
    std::string_view method_text;
    std::string_view headers;              // whole lines
    std::string_view content_type;
    base::SharedBytes body;
    std::string_view from_display, to_display;
    bool utf8 = true;
    std::uint64_t cookie = 0;
  };
  // A copy that waits: for the dialog, for its turn on UDP, or to be tried by another transport.
  struct WaitingCopy {
    std::string from_display, to_display, content_type, headers;
    base::SharedBytes body;
    bool utf8 = true;
    std::uint64_t token = 0;
    std::uint32_t cseq = 0;
    bool again = false;
  };
  struct Provisional {
    int status;
    std::string sdp, reason;
  };
  // A 2xx of ours that waits for its ACK.
  struct Accepted {
    ServerId tx = 0;
    std::uint32_t cseq = 0;
    bool we_offered = false;
    base::Duration interval{};
    base::TimePoint give_up{};
  };
  // A dialog of a forked INVITE before its 2xx.
  struct Fork {
    Dialog dialog;
    std::uint32_t rseq = 0;
  };

  // session.cpp
  ClientId send(Dialog& dialog, const InDialog& request, const Target* other_way = nullptr, std::uint32_t* cseq = nullptr);
  ClientId send_bye(Dialog& dialog, std::string_view reason_line, RequestKind kind = RequestKind::kRequest);
  bool answer_challenge(const Message& response, const Source& source);
  void answer(ServerId tx, int status, std::string_view lines = {}, std::string_view reason = {});
  void answer_sdp(ServerId tx, std::string_view sdp, std::string_view lines);
  void answer_refused_offer(ServerId tx, const base::Error& error);
  bool take_peer(ServerId tx, const MessagePtr& request, const Source& source);
  void on_bye(ServerId tx, const MessagePtr& bye);
  void finish(EndCause cause, int status, std::string_view reason);
  void end_by_bye(EndCause cause, int status, std::string_view reason, std::string_view reason_line);
  void stop_timers();
  void confirmed(const Message& message);
  void take_peer_abilities(const Message& message);
  std::string standard_lines();
  static bool has_other_body(const Message& message);

  // invite_server.cpp
  void pump_provisionals();
  void send_provisional(const Provisional& provisional, bool reliable);
  void repeat_reliable();
  void on_prack(ServerId tx, const MessagePtr& prack);
  void do_accept(std::string sdp, std::string headers);
  void send_2xx(ServerId tx, const Message& request, std::string_view sdp, std::string_view lines, bool we_offered);
  void repeat_2xx();

  // invite_client.cpp
  void send_initial_invite();
  void miss_first_answer();
  void on_invite_response(const ClientRef& ref, const MessagePtr& response, const Source& source);
  void on_invite_progress(const MessagePtr& response, const Source& source);
  void on_invite_2xx(const MessagePtr& response, const Source& source);
  void take_first_2xx(const MessagePtr& response, const Source& source);
  void refuse_fork(const MessagePtr& response, const Source& source);
  Fork* fork_of(const Message& response, const Source& source);
  void send_prack(Fork& fork, const Message& response, const std::string& sdp);
  void send_ack(Dialog& dialog, std::uint32_t cseq, const std::string& sdp, bool remember);

  // session_offer.cpp
  void try_offer();
  void on_reinvite_response(const MessagePtr& response);
  void on_reinvite_2xx(const MessagePtr& response);
  void on_reinvite_refused(int status, const Message* response);
  void retry_offer(base::Duration delay);
  void on_reinvite(ServerId tx, const MessagePtr& request);
  void answer_reinvite(ServerId tx, const MessagePtr& request);
  void take_as_ack(const Message& request);
  void on_update(ServerId tx, const MessagePtr& request);
  void start_session_timer();
  void refresh();
  bool send_update();
  void on_refresh_response(int status, const Message* response);

  // session_identity.cpp
  void wait_to_tell(base::Duration delay);
  void send_identity();
  void on_identity_refused(int status, const Message* response);

  // session_message.cpp
  bool one_at_a_time() const { return !is_reliable(source().transport); }
  void send_copy(const MessageCopy& copy);
  void send_waiting_udp();
  void flush_messages();
  void queue_copy(const MessageCopy& copy);
  void on_message_response(const ClientRef& ref, int status);
  void on_udp_message_response(int status);
  void copy_done(std::uint64_t token, int status);

  SessionCore& core_;
  const std::uint64_t id_;
  SessionHandler* handler_;
  State state_ = State::kProceeding;
  bool finished_ = false, end_told_ = false, lingering_ = false;
  SessionEnd end_{};
  std::chrono::seconds patience_{0};
  std::string linger_reason_;

  MessagePtr invite_;
  Source source_;
  std::string call_id_, local_tag_, local_uri_, remote_uri_;
  std::optional<Dialog> dialog_;
  std::vector<ServerId> pending_requests_;                 // of the handler, not yet answered
  std::unordered_map<std::uint64_t, std::function<void(const MessagePtr&)>> callbacks_;
  std::uint64_t next_callback_ = 0;
  bool peer_update_ = false;

  // Called.
  ServerId invite_server_ = 0;
  bool invite_offered_ = false;                            // the INVITE, ours or theirs, had an offer
  bool answered_ = false;                                  // that exchange was completed in a reliable 1xx
  bool offered_in_1xx_ = false;
  std::deque<Provisional> provisionals_;
  Provisional reliable_{};                                 // waits for its PRACK while prack_wanted_
  bool prack_wanted_ = false;
  std::uint32_t rseq_ = 0;
  base::Duration prack_interval_{};
  base::TimePoint prack_give_up_{};
  std::optional<std::pair<std::string, std::string>> pending_accept_;
  std::optional<Accepted> accepted_;

  // Calling.
  OutgoingInvite outgoing_;
  AuthAttempts auth_attempts_;
  std::string invite_auth_;                                // credentials of the last INVITE, which its ACK repeats
  ClientId invite_client_ = 0;
  std::uint32_t invite_cseq_ = 0;
  int invite_retries_ = 0;
  std::vector<Fork> forks_;
  std::vector<std::string> refused_forks_;
  Packet ack_;
  std::uint32_t ack_cseq_ = 0;

  // Offers of ours.
  bool offer_wanted_ = false, refresh_by_offer_ = false, reinvite_offered_ = false;
  ClientId reinvite_ = 0;
  std::uint32_t reinvite_cseq_ = 0;
  int offer_retries_ = 0;
  bool refreshing_ = false;
  SessionTimer session_timer_;

  // Whom the peer speaks with.
  std::string identity_lines_;
  bool identity_due_ = false, identity_by_update_ = false;   // is to be told; is being told
  int identity_tries_ = 0;

  // Messages.
  std::deque<WaitingCopy> waiting_;
  std::optional<WaitingCopy> current_;                     // the one outstanding on UDP
  enum class BigBy : std::uint8_t { kUntried, kTcp, kUdp } big_by_ = BigBy::kUntried;
  bool current_by_tcp_ = false;
  std::unordered_set<std::uint64_t> tokens_;               // on their way on a stream

  base::TimerQueue::Id accept_timer_ = 0, prack_timer_ = 0, offer_timer_ = 0, guard_timer_ = 0, refresh_timer_ = 0,
                       expire_timer_ = 0, identity_timer_ = 0, first_answer_timer_ = 0;
};

std::string reason_line(std::string_view reason);          // "Reason: ...\r\n"; "" for ""
std::string reason_text(const Message& message);           // out of a Reason header

}  // namespace sip
