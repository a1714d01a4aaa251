// The subscriptions of a UserAgent. Private to it; others see sip::Subscription. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sip/dialog.hpp"
#include "sip/session.hpp"
#include "sip/subscription.hpp"

namespace sip {

class SubscriptionTable;

class SubscriptionImpl final : public Subscription {
 public:
  struct Asked {
    std::string package, event_id;
    std::vector<std::string> accept;     // lower case
    std::chrono::seconds expires{};
  };
  SubscriptionImpl(SubscriptionTable& table, std::uint64_t id, ServerId tx, const MessagePtr& request, Dialog dialog, Asked asked);
  ~SubscriptionImpl() override;

  // From the table.
  void set_handler(SubscriptionHandler* handler);
  void on_request(ServerId tx, const MessagePtr& request, const Source& source);
  void on_response(const Message& response);
  void on_failure(int status);
  void on_flow_closed();
  void settle();                         // nothing of the agent's is on the stack: what is due is done
  bool answered() const { return pending_ == 0; }
  const Dialog& dialog() const { return dialog_; }

  // Subscription.
  std::uint64_t id() const override { return id_; }
  void accept(std::chrono::seconds limit) override;
  void reject(const Reply& reply) override;
  base::Status notify(std::string_view content_type, const base::SharedBytes& body, SubscriptionState state) override;
  void terminate(std::string_view reason, std::chrono::seconds retry_after) override;
  const std::string& package() const override { return asked_.package; }
  const std::string& event_id() const override { return asked_.event_id; }
  bool accepts(std::string_view media_type) const override;
  bool has_accept() const override { return !asked_.accept.empty(); }
  const MessagePtr& request() const override { return request_; }
  const Source& source() const override { return dialog_.peer(); }
  const std::string& local_uri() const override { return dialog_.local_uri(); }
  const std::string& remote_uri() const override { return dialog_.remote_uri(); }
  const std::string& remote_target() const override { return dialog_.remote_target(); }
  bool fetch() const override { return asked_.expires.count() == 0; }
  std::chrono::seconds expires() const override;
  bool accepted() const override { return accepted_; }
  bool ended() const override { return closing_ || finished_; }

 private:
  struct State {
    std::string content_type;
    base::SharedBytes body;
    SubscriptionState state = SubscriptionState::kActive;
  };

  std::chrono::seconds grant(std::chrono::seconds asked) const;
  void answer_accepted(ServerId tx, std::chrono::seconds granted);
  void run_until(std::chrono::seconds granted);
  void close(SubscriptionCause cause, std::string_view reason);
  void finish(SubscriptionCause cause, int status);
  void settle_later();
  void pump();
  bool send(const State& state);
  std::size_t size_of(const State& state);
  bool reachable();
  void lose();
  void stop_timers();

  SubscriptionTable& table_;
  const std::uint64_t id_;
  SubscriptionHandler* handler_ = nullptr;
  ServerId pending_ = 0;                 // the SUBSCRIBE, until it is answered
  MessagePtr request_;
  Dialog dialog_;
  Asked asked_;
  std::chrono::seconds limit_{};
  base::TimePoint expires_at_{};
  SubscriptionEnd end_{};
  std::string final_;                    // "terminated;reason=..."
  std::string lines_;                    // Contact, Event and User-Agent, made once for every change of the dialog

  bool accepted_ = false;
  bool notify_due_ = false;              // a SUBSCRIBE was accepted and no state was given since
  bool closing_ = false;                 // the last NOTIFY is to come, or on its way
  bool final_due_ = false;               // it may be sent now
  bool final_sent_ = false;
  bool finished_ = false;                // no NOTIFY any more
  bool told_ = false;
  bool settling_ = false;
  bool outstanding_ = false;
  bool unreachable_ = false;             // until a refresh comes by another way
  bool by_tcp_ = false, udp_only_ = false;
  std::uint64_t sent_by_ = 0;            // the flow of the one outstanding
  int retries_ = 0;
  std::optional<State> waiting_;
  State sent_;                           // the one outstanding
  base::TimerQueue::Id life_timer_ = 0, grace_timer_ = 0, retry_timer_ = 0;
};

class SubscriptionTable {
 public:
  explicit SubscriptionTable(SessionCore& core);
  ~SubscriptionTable();

  // The high byte of the owner of their client transactions.
  static constexpr std::uint64_t kOwner = std::uint64_t{0xfe} << 56;

  bool enabled() const { return !packages_.empty(); }
  void on_subscribe(ServerId tx, const MessagePtr& request, const Source& source, UserAgentHandler& handler);
  // A request with a To tag: false when it is of no subscription's dialog.
  bool on_request(ServerId tx, const MessagePtr& request, const Source& source);
  void on_response(std::uint64_t id, const Message& response);
  void on_failure(std::uint64_t id, int status);
  void on_flow_closed(std::uint64_t flow);
  void shut_down();
  std::size_t size() const { return all_.size(); }

  // For its subscriptions.
  SessionCore& core() { return core_; }
  const SubscriptionConfig& config() const;
  void settle_later(std::uint64_t id);
  void remove(std::uint64_t id);
  void watch_flow(std::uint64_t id, std::uint64_t before, std::uint64_t now);
  bool valid_utf8(const base::SharedBytes& body);   // the last one is remembered: many subscribers get the same
  void refuse(ServerId tx, const Reply& reply) { core_.respond(tx, reply, {}, {}); }
  // Empty: it was answered.
  std::optional<std::chrono::seconds> take_expires(ServerId tx, const Message& request);

 private:
  using Key = std::string;
  SubscriptionImpl* find(std::uint64_t id);
  static Key key_of(std::string_view call_id, std::string_view local_tag, std::string_view remote_tag);
  static std::string source_key(const Source& source);
  std::optional<SubscriptionImpl::Asked> take_asked(ServerId tx, const Message& request);
  bool full(ServerId tx, const std::string& source);

  SessionCore& core_;
  std::vector<std::string> packages_;
  std::unordered_map<std::uint64_t, std::unique_ptr<SubscriptionImpl>> all_;
  std::unordered_map<Key, std::uint64_t, TableHash, std::equal_to<>> dialogs_;
  std::unordered_map<std::string, std::size_t, TableHash, std::equal_to<>> sources_;
  std::unordered_map<std::uint64_t, std::string> source_of_;
  std::unordered_map<std::uint64_t, std::unordered_set<std::uint64_t>> flows_;
  base::SharedBytes last_body_;
  bool last_utf8_ = true;
  std::uint64_t last_ = 0;
  bool shutting_down_ = false;
};

// Event: its package and its id (RFC 6665 section 8.2.1).
struct EventHeader {
  std::string_view package, id;
};
std::optional<EventHeader> parse_event(std::string_view text);

}  // namespace sip
