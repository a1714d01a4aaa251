// One subscription: its answers, its NOTIFYs, its end (RFC 6665 sections 4.2 and 4.4).
#include <algorithm>

#include "base/text.hpp"
#include "sip/subscription_server.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxPlainUdp = 1300;   // RFC 3261 section 18.1.1
constexpr std::size_t kLineReserve = 192;    // Subscription-State, Content-Type, Content-Length
constexpr int kMaxRetries = 5;
constexpr std::uint64_t kMaxRetryAfter = 60;

std::optional<seconds> retry_after(const Message& response) {
  const std::string_view value = response.value(HeaderId::kRetryAfter);
  const auto number = base::parse_decimal(base::trim(value.substr(0, value.find_first_of(" ;("))));
  if (!number) return std::nullopt;
  return seconds(std::clamp<std::uint64_t>(*number, 1, kMaxRetryAfter));
}

}  // namespace

SubscriptionImpl::SubscriptionImpl(SubscriptionTable& table, std::uint64_t id, ServerId tx, const MessagePtr& request,
                                   Dialog dialog, Asked asked)
    : table_(table), id_(id), pending_(tx), request_(request), dialog_(std::move(dialog)), asked_(std::move(asked)) {}

SubscriptionImpl::~SubscriptionImpl() { stop_timers(); }

void SubscriptionImpl::stop_timers() {
  for (auto* timer : {&life_timer_, &grace_timer_, &retry_timer_}) table_.core().timeline.cancel(*timer);
}

void SubscriptionImpl::set_handler(SubscriptionHandler* handler) {
  handler_ = handler;
  if (handler == nullptr) return close(SubscriptionCause::kTerminated, "terminated;reason=noresource");
  if (pending_ == 0) return;
  // Its transaction has ended by then, and nobody can answer any more.
  life_timer_ = table_.core().after(64 * table_.core().config.t1, [this] {
    life_timer_ = 0;
    pending_ = 0;
    finish(SubscriptionCause::kRejected, 408);
  });
}

bool SubscriptionImpl::accepts(std::string_view media_type) const {
  if (asked_.accept.empty()) return true;
  const std::string type = base::to_lower(media_type.substr(0, media_type.find(';')));
  const std::string any = type.substr(0, type.find('/')) + "/*";
  return std::ranges::any_of(asked_.accept, [&](const std::string& one) { return one == type || one == any || one == "*/*"; });
}

seconds SubscriptionImpl::expires() const {
  if (!accepted_) return asked_.expires;
  const auto left = std::chrono::ceil<seconds>(expires_at_ - table_.core().timeline.now());
  return std::max(left, seconds(0));
}

// RFC 6665 section 4.2.1.1: never longer than asked for.
seconds SubscriptionImpl::grant(seconds asked) const {
  if (limit_.count() > 0) asked = std::min(asked, limit_);
  return std::min(asked, table_.config().max_expires);
}

void SubscriptionImpl::answer_accepted(ServerId tx, seconds granted) {
  const std::string lines = "Expires: " + std::to_string(granted.count()) + "\r\nContact: " + dialog_.contact(table_.core().network) +
                            "\r\nAllow-Events: " + table_.config().events + "\r\n";
  table_.core().respond(tx, Reply{}, dialog_.local_tag(), lines);
}

void SubscriptionImpl::run_until(seconds granted) {
  SessionCore& core = table_.core();
  core.timeline.cancel(life_timer_);
  expires_at_ = core.timeline.now() + granted;
  notify_due_ = true;
  settle_later();
  if (granted.count() == 0) return close(SubscriptionCause::kUnsubscribed, "terminated;reason=timeout");
  life_timer_ = core.after(granted, [this] {
    life_timer_ = 0;
    close(SubscriptionCause::kExpired, "terminated;reason=timeout");
  });
}

void SubscriptionImpl::accept(seconds limit) {
  if (pending_ == 0 || finished_) return;
  limit_ = limit;
  const seconds granted = grant(asked_.expires);
  answer_accepted(std::exchange(pending_, 0), granted);
  request_ = nullptr;
  accepted_ = true;
  run_until(granted);
}

void SubscriptionImpl::reject(const Reply& reply) {
  if (pending_ == 0 || finished_ || reply.status < 300) return;
  table_.core().respond(std::exchange(pending_, 0), reply, {}, {});
  request_ = nullptr;
  finish(SubscriptionCause::kRejected, reply.status);
}

void SubscriptionImpl::terminate(std::string_view reason, seconds retry) {
  if (pending_ != 0) return reject({480, {}, {}, {}, {}});
  std::string text = "terminated;reason=" + one_line(reason);
  if (retry.count() > 0) text += ";retry-after=" + std::to_string(retry.count());
  close(SubscriptionCause::kTerminated, text);
}

// A last NOTIFY goes out when nothing of the agent's is on the stack, so that a state may still be given.
void SubscriptionImpl::close(SubscriptionCause cause, std::string_view text) {
  if (closing_ || finished_) return;
  closing_ = true;
  final_ = text;
  end_ = {cause, 0};
  table_.core().timeline.cancel(life_timer_);
  table_.core().timeline.cancel(grace_timer_);
  settle_later();
}

void SubscriptionImpl::finish(SubscriptionCause cause, int status) {
  if (finished_) return;
  finished_ = true;
  if (!closing_) end_ = {cause, status};
  stop_timers();
  settle_later();
}

void SubscriptionImpl::settle_later() {
  if (std::exchange(settling_, true)) return;
  table_.settle_later(id_);
}

void SubscriptionImpl::settle() {
  settling_ = false;
  if (!finished_ && notify_due_ && !waiting_) waiting_ = State{};   // RFC 6665 section 4.2.1.2: no state that says anything
  notify_due_ = false;
  final_due_ = closing_;
  pump();
  if (closing_ && !final_sent_ && !outstanding_ && retry_timer_ == 0) finished_ = true;   // there is no way to say it
  if (!closing_ && !finished_) return;
  if (!std::exchange(told_, true)) {
    if (SubscriptionHandler* const handler = std::exchange(handler_, nullptr)) handler->on_terminated(*this, end_);
  }
  if (finished_) table_.remove(id_);
}

base::Status SubscriptionImpl::notify(std::string_view content_type, const base::SharedBytes& body, SubscriptionState state) {
  if (!accepted_ || finished_ || final_sent_ || told_) return base::fail(base::ErrorCode::kConflict, "no such subscription");
  const std::size_t size = body ? body->size() : 0;
  if (size > table_.config().max_notify_body) return base::fail(base::ErrorCode::kTooLarge, "body over the limit");
  State next{std::string(content_type), body, state};
  if (!is_reliable(source().transport) && size_of(next) > table_.core().config.max_udp_message && !dialog_.tcp_target()) {
    return base::fail(base::ErrorCode::kTooLarge, "too large for UDP");
  }
  waiting_ = std::move(next);
  notify_due_ = false;
  pump();
  return {};
}

bool SubscriptionImpl::reachable() {
  if (unreachable_) return false;
  if (!dialog_.flow_lost()) return true;
  // By a new connection to its Contact, where that is at the address that it came from.
  return dialog_.reachable() && dialog_.next_hop(table_.core().network).remote.same_ip(dialog_.peer().remote);
}

void SubscriptionImpl::pump() {
  if (finished_ || outstanding_ || final_sent_ || retry_timer_ != 0) return;
  if (closing_ ? !final_due_ : !waiting_) return;
  if (!reachable()) return closing_ ? finish(end_.cause, 0) : void();
  sent_ = waiting_ ? std::move(*waiting_) : State{};
  waiting_.reset();
  if (send(sent_)) return;
  waiting_ = std::move(sent_);   // no room for a transaction now
  retry_timer_ = table_.core().after(seconds(1), [this] {
    retry_timer_ = 0;
    pump();
  });
}

std::size_t SubscriptionImpl::size_of(const State& state) {
  return dialog_.head_size(table_.core().network) + lines_.size() + kLineReserve + state.content_type.size() +
         (state.body ? state.body->size() : 0);
}

bool SubscriptionImpl::send(const State& state) {
  SessionCore& core = table_.core();
  const ClientId id = core.transactions().reserve(Method::kNotify);
  if (id == 0) return false;
  if (lines_.empty()) {
    lines_ = "Contact: " + dialog_.contact(core.network) + "\r\nEvent: " + asked_.package;
    if (!asked_.event_id.empty()) lines_.append(";id=").append(asked_.event_id);
    lines_.append("\r\nUser-Agent: ").append(core.config.product).append("\r\nSubscription-State: ");
  }
  std::optional<Target> tcp;
  if (!udp_only_ && size_of(state) > kMaxPlainUdp) tcp = dialog_.tcp_target();
  by_tcp_ = tcp.has_value();
  const Target& target = tcp ? *tcp : dialog_.next_hop(core.network);
  std::string head;
  head.reserve(dialog_.head_size(core.network) + lines_.size() + kLineReserve + state.content_type.size());
  dialog_.append_head(head, {"NOTIFY", dialog_.next_cseq(), {}, {}}, core.network, target,
                      [&](std::string& out) { core.transactions().append_branch(id, out); });
  head.append(lines_);
  if (closing_) {
    head.append(final_);
  } else {
    head.append(state.state == SubscriptionState::kActive ? "active;expires=" : "pending;expires=");
    Dialog::append_number(head, static_cast<std::uint64_t>(expires().count()));
  }
  const std::size_t size = state.body ? state.body->size() : 0;
  if (size > 0) {
    head.append("\r\nContent-Type: ");
    for (const char c : state.content_type) head += c == '\r' || c == '\n' ? ' ' : c;
  }
  head.append("\r\nContent-Length: ");
  Dialog::append_number(head, size);
  head.append("\r\n\r\n");
  const bool websocket = target.transport == Transport::kWs || target.transport == Transport::kWss;
  const bool utf8 = !websocket || (dialog_.utf8(core.network) && table_.valid_utf8(state.body));
  outstanding_ = true;
  sent_by_ = target.flow;
  final_sent_ = closing_;
  core.transactions().start(id, target, {base::share(std::move(head)), size > 0 ? state.body : nullptr, utf8},
                            SubscriptionTable::kOwner | id_, 0, closing_ ? seconds(0) : table_.config().stream_timeout);
  return true;
}

void SubscriptionImpl::on_response(const Message& response) {
  const int status = response.status();
  if (!outstanding_ || status < 200) return;
  outstanding_ = false;
  if (finished_) return;
  if (final_sent_) return finish(end_.cause, status);
  if (status / 100 == 2) {
    retries_ = 0;
    pump();
    if (!outstanding_ && !waiting_ && !closing_ && handler_ != nullptr) handler_->on_delivered(*this);
    return;
  }
  // Section 4.2.2: 481 ends it whatever else it says; another refusal does unless it says when to try again.
  const auto wait = status != 481 ? retry_after(response) : std::nullopt;
  if (!wait || ++retries_ > kMaxRetries) return finish(SubscriptionCause::kNotifyRefused, status);
  if (!waiting_) waiting_ = std::move(sent_);
  retry_timer_ = table_.core().after(*wait, [this] {
    retry_timer_ = 0;
    pump();
  });
}

void SubscriptionImpl::on_failure(int status) {
  if (!outstanding_) return;
  outstanding_ = false;
  if (finished_) return;
  if (final_sent_ && !by_tcp_) return finish(end_.cause, status);
  if (by_tcp_) {   // no connection to be had: what is big goes by UDP from now on
    udp_only_ = true;
    final_sent_ = false;
  } else if (status == 408 || !is_reliable(source().transport)) {
    return finish(SubscriptionCause::kNotifyTimeout, status);
  } else if (dialog_.flow_lost()) {
    unreachable_ = sent_by_ == 0;   // the new connection failed; the old one's loss is known
  } else {
    dialog_.lose_flow();
  }
  if (!waiting_) waiting_ = std::move(sent_);
  if (!by_tcp_) lose();
  pump();
}

void SubscriptionImpl::on_flow_closed() {
  if (finished_ || dialog_.flow_lost()) return;
  dialog_.lose_flow();
  lose();
}

// Nothing is thrown away: a page that comes back refreshes by its new connection and gets the newest state.
void SubscriptionImpl::lose() {
  lines_.clear();
  if (closing_ || grace_timer_ != 0 || reachable()) return;
  grace_timer_ = table_.core().after(table_.config().flow_grace, [this] {
    grace_timer_ = 0;
    finish(SubscriptionCause::kFlowLost, 0);
  });
  if (handler_ != nullptr) handler_->on_flow_lost(*this);
}

// A refresh, or the end of it: section 4.2.1.3, RFC 3261 section 12.2.2.
void SubscriptionImpl::on_request(ServerId tx, const MessagePtr& request, const Source& source) {
  const auto answer = [&](int status, std::string_view reason = {}) {
    table_.core().respond(tx, Reply{status, std::string(reason), {}, {}, {}}, dialog_.local_tag(), {});
  };
  if (request->method() != Method::kSubscribe) return answer(405);
  const auto event = parse_event(request->value(HeaderId::kEvent));
  const bool ours = event && event->package == asked_.package && event->id == asked_.event_id;
  if (closing_ || finished_ || !accepted_ || !ours) return answer(481);
  if (!dialog_.from_peer(source) || unreachable_) {
    const FlowChange change = handler_ != nullptr ? handler_->on_flow_change(*this, *request, source) : FlowChange::kRefuse;
    if (change == FlowChange::kRefuse || closing_ || finished_) return answer(481);
    if (change == FlowChange::kMove) {
      table_.watch_flow(id_, dialog_.peer().flow, source.flow);
      dialog_.move_to(source);
      unreachable_ = udp_only_ = false;
      table_.core().timeline.cancel(grace_timer_);
    }
  }
  if (!dialog_.take_remote_cseq(request->cseq().number)) return answer(500, "CSeq Out Of Order");
  const auto asked = table_.take_expires(tx, *request);
  if (!asked) return;
  dialog_.refresh_target(*request);
  lines_.clear();
  const seconds granted = grant(*asked);
  answer_accepted(tx, granted);
  run_until(granted);
  if (handler_ != nullptr) handler_->on_refresh(*this, granted);
}

}  // namespace sip
