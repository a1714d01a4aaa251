// A session's dialog: requests in it, its end.
#include "sip/session.hpp"

#include <algorithm>

#include "base/random.hpp"
#include "base/text.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxPendingRequests = 1000;

// For a session that has no handler any more, or not yet.
class NoHandler final : public SessionHandler {
 public:
  base::Result<std::string> on_offer(std::string_view) override { return base::fail(base::ErrorCode::kUnavailable); }
  void on_answer(std::string_view) override {}
  std::optional<std::string> make_offer() override { return std::nullopt; }
  void on_offer_failed(int) override {}
  void on_progress(const Message&) override {}
  void on_established(const Message&) override {}
  void on_request(RequestId, const MessagePtr&) override {}
  void on_message_done(std::uint64_t, int) override {}
  void on_flow_lost() override {}
  FlowChange on_flow_change(const Message&, const Source&) override { return FlowChange::kRefuse; }
  void on_ended(const SessionEnd&) override {}
};
NoHandler no_handler;   // without state, so that all may share it

}  // namespace

// RFC 3326: a whole value ("SIP;cause=...", "Q.850;...") is kept, plain words become its text.
std::string reason_line(std::string_view reason) {
  if (reason.empty()) return {};
  const std::size_t semicolon = reason.find(';');
  const bool value = semicolon != std::string_view::npos && semicolon > 0 &&
                     reason.substr(0, semicolon).find_first_of(" \t\"") == std::string_view::npos;
  return "Reason: " + one_line(value ? std::string(reason) : "SIP;text=" + quote(reason)) + "\r\n";
}

std::string reason_text(const Message& message) {
  const std::string_view value = message.value(HeaderId::kReason);
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) return std::string(value);
  std::string_view text = Params(value.substr(semicolon)).value("text");
  if (text.empty()) return std::string(value);
  if (text.size() < 2 || text.front() != '"') return std::string(text);
  text = text.substr(1, text.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

SessionImpl::SessionImpl(SessionCore& core, std::uint64_t id)
    : core_(core), id_(id), handler_(&no_handler), local_tag_(base::random_token(12)),
      session_timer_(core.config.session_expires, core.config.min_se) {}

SessionImpl::~SessionImpl() {
  stop_timers();
  core_.timeline.cancel(accept_timer_);
}

bool SessionImpl::has_handler() const { return handler_ != &no_handler; }

void SessionImpl::stop_timers() {
  for (auto* timer : {&prack_timer_, &offer_timer_, &guard_timer_, &refresh_timer_, &expire_timer_, &identity_timer_, &first_answer_timer_}) {
    core_.timeline.cancel(*timer);
  }
}

ClientId SessionImpl::send(Dialog& dialog, const InDialog& request, const Target* other_way, std::uint32_t* cseq) {
  if (!dialog.reachable()) return 0;
  TransactionLayer& transactions = core_.transactions();
  const ClientId id = transactions.reserve(request.method);
  if (id == 0) return 0;
  const Target& target = other_way != nullptr ? *other_way : dialog.next_hop(core_.network);
  const std::uint32_t number = dialog.next_cseq();
  if (cseq != nullptr) *cseq = number;
  std::string head;
  head.reserve(dialog.head_size(core_.network) + request.headers.size() + request.content_type.size() +
               request.from_display.size() + request.to_display.size() + core_.config.product.size() + 128);
  dialog.append_head(head, {request.method_text, number, request.from_display, request.to_display}, core_.network, target,
                     [&](std::string& out) { transactions.append_branch(id, out); });
  head.append("User-Agent: ").append(core_.config.product).append("\r\n").append(request.headers);
  if (outgoing_.auth) {
    std::string credentials = outgoing_.auth->lines(target, request.method_text, dialog.remote_target());
    head.append(credentials);
    if (request.method == Method::kInvite) invite_auth_ = std::move(credentials);
  }
  if (!request.content_type.empty()) head.append("Content-Type: ").append(request.content_type).append("\r\n");
  head.append("Content-Length: ");
  Dialog::append_number(head, request.body ? request.body->size() : 0);
  head.append("\r\n\r\n");

  Packet packet{nullptr, request.body, true};
  if (target.transport == Transport::kWs || target.transport == Transport::kWss) {
    packet.utf8 = request.utf8 && dialog.utf8(core_.network) && base::valid_utf8(request.from_display) &&
                  base::valid_utf8(request.to_display) && base::valid_utf8(request.headers) &&
                  base::valid_utf8(request.content_type);
  }
  packet.head = base::share(std::move(head));
  const bool heard = request.method != Method::kBye || request.kind == RequestKind::kBye;
  transactions.start(id, target, std::move(packet), heard ? id_ | std::uint64_t(request.kind) << 56 : 0, request.cookie,
                     request.kind == RequestKind::kBye ? std::chrono::seconds(0) : patience_);
  return id;
}

// `kind` kBye: its answer is wanted, since it may be a challenge.
ClientId SessionImpl::send_bye(Dialog& dialog, std::string_view line, RequestKind kind) {
  InDialog bye;
  bye.kind = kind;
  bye.method = Method::kBye;
  bye.method_text = "BYE";
  bye.headers = line;
  return send(dialog, bye);
}

// RFC 3261 section 22.2, for requests in a dialog that we began.
bool SessionImpl::answer_challenge(const Message& response, const Source& source) {
  if (!outgoing_.auth || !dialog_) return false;
  if (response.status() / 100 == 2) auth_attempts_ = {};
  return outgoing_.auth->take_challenge(response, source, dialog_->next_hop(core_.network), auth_attempts_);
}

void SessionImpl::answer(ServerId tx, int status, std::string_view lines, std::string_view reason) {
  core_.respond(tx, Reply{status, std::string(reason), {}, {}, {}}, local_tag_, lines);
}

void SessionImpl::answer_sdp(ServerId tx, std::string_view sdp, std::string_view lines) {
  core_.respond(tx, Reply{200, {}, {}, sdp.empty() ? "" : "application/sdp", std::string(sdp)}, local_tag_,
                standard_lines() + std::string(lines));
}

void SessionImpl::answer_refused_offer(ServerId tx, const base::Error& error) {
  std::string line;
  if (!error.detail.empty()) line = "Warning: 399 " + core_.network.local_host(Target::back_to(source())) + " " + one_line(quote(error.detail)) + "\r\n";
  answer(tx, 488, line);
}

// Of a 2xx to INVITE and UPDATE.
std::string SessionImpl::standard_lines() {
  return "Contact: " + dialog_->contact(core_.network) + "\r\n" + core_.abilities;
}

// Section 8.2.3: only session descriptions are understood here.
bool SessionImpl::has_other_body(const Message& message) {
  return !message.body().empty() && message.media_type() != "application/sdp";
}

void SessionImpl::take_peer_abilities(const Message& message) {
  if (message.find(HeaderId::kAllow) != nullptr) peer_update_ = message.lists(HeaderId::kAllow, "UPDATE");
}

// Survival item 4: a request of a dialog comes by the dialog's flow, or the handler says that it may move.
bool SessionImpl::take_peer(ServerId tx, const MessagePtr& request, const Source& source) {
  if (dialog_->from_peer(source)) return true;
  const auto change = finished_ ? FlowChange::kRefuse : handler_->on_flow_change(*request, source);
  if (change == FlowChange::kRefuse) {
    answer(tx, 403);
    return false;
  }
  if (finished_) {
    answer(tx, 481);
    return false;
  }
  if (change == FlowChange::kTake) return true;
  const std::uint64_t before = dialog_->peer().flow;
  dialog_->move_to(source);
  big_by_ = BigBy::kUntried;
  core_.watch_flow(*this, before, source.flow);
  return true;
}

void SessionImpl::on_request(ServerId tx, const MessagePtr& request, const Source& source) {
  if (!dialog_) return answer(tx, 481);
  const bool moved = !dialog_->from_peer(source);
  if (!take_peer(tx, request, source)) return;
  if (!dialog_->take_remote_cseq(request->cseq().number)) return answer(tx, 500, {}, "CSeq Out Of Order");
  const Method method = request->method();
  if (finished_ && method != Method::kBye) return answer(tx, 481);
  switch (method) {
    case Method::kBye: return on_bye(tx, request);
    case Method::kInvite: on_reinvite(tx, request); break;
    case Method::kUpdate: on_update(tx, request); break;
    case Method::kPrack: on_prack(tx, request); break;
    default:
      if (pending_requests_.size() >= kMaxPendingRequests) return answer(tx, 503, "Retry-After: 5\r\n");
      core_.transactions().set_owner(tx, id_);
      pending_requests_.push_back(tx);
      handler_->on_request(tx, request);
  }
  if (moved && !finished_) {
    flush_messages();
    try_offer();
  }
}

void SessionImpl::respond(RequestId id, const Reply& reply) {
  const auto found = std::find(pending_requests_.begin(), pending_requests_.end(), id);
  if (found == pending_requests_.end()) return;
  if (reply.status >= 200) pending_requests_.erase(found);
  core_.respond(id, reply, local_tag_, {});
}

// Section 15.1.2.
void SessionImpl::on_bye(ServerId tx, const MessagePtr& bye) {
  answer(tx, 200);
  if (finished_) {
    if (lingering_) core_.gone(*this);
    return;
  }
  if (state_ == State::kProceeding) answer(invite_server_, 487);
  if (state_ == State::kCalling) core_.transactions().cancel(invite_client_, {});
  core_.timeline.cancel(accept_timer_);
  finish(EndCause::kByeReceived, 0, reason_text(*bye));
}

void SessionImpl::end(std::string_view reason) {
  if (finished_) return;
  const std::string line = reason_line(reason);
  switch (state_) {
    case State::kProceeding:
      answer(invite_server_, 480, line);
      return finish(EndCause::kRejected, 480, reason);
    case State::kWaitAck:
      // Section 15: no BYE before the ACK, or its time-out.
      lingering_ = true;
      linger_reason_ = line;
      return finish(EndCause::kByeSent, 0, reason);
    case State::kCalling:
      if (invite_client_ != 0) {
        lingering_ = true;
        core_.transactions().cancel(invite_client_, line);
      }
      return finish(EndCause::kCancelled, 0, reason);
    case State::kConfirmed: return end_by_bye(EndCause::kByeSent, 0, reason, line);
  }
}

void SessionImpl::abandon(int status) { finish(EndCause::kRejected, status, reason_phrase(status)); }

void SessionImpl::bye_at_once(std::string_view reason) {
  if (state_ == State::kWaitAck && dialog_) {
    core_.timeline.cancel(accept_timer_);
    send_bye(*dialog_, reason_line(reason));
    if (!finished_) return finish(EndCause::kByeSent, 0, reason);
    return core_.gone(*this);
  }
  end(reason);
}

void SessionImpl::end_by_bye(EndCause cause, int status, std::string_view reason, std::string_view line) {
  if (finished_) return;
  core_.timeline.cancel(accept_timer_);
  if (!outgoing_.auth) {
    send_bye(*dialog_, line);
  } else if (send_bye(*dialog_, line, RequestKind::kBye) != 0) {
    lingering_ = true;
  }
  finish(cause, status, reason);
}

void SessionImpl::finish(EndCause cause, int status, std::string_view reason) {
  if (finished_) return;
  finished_ = true;
  end_ = SessionEnd{cause, status, std::string(reason), std::move(end_.redirect)};
  stop_timers();
  // Section 15.1.2: what is still unanswered.
  for (const ServerId tx : pending_requests_) answer(tx, 487);
  pending_requests_.clear();
  core_.finished(*this);
}

void SessionImpl::deliver_end() {
  if (end_told_) return;
  end_told_ = true;
  SessionHandler* const handler = handler_;
  if (current_) copy_done(current_->token, 0);
  current_.reset();
  while (!waiting_.empty()) {
    const std::uint64_t token = waiting_.front().token;
    waiting_.pop_front();
    copy_done(token, 0);
  }
  const auto tokens = std::exchange(tokens_, {});
  for (const std::uint64_t token : tokens) copy_done(token, 0);
  const auto callbacks = std::exchange(callbacks_, {});
  for (const auto& [number, done] : callbacks) done(nullptr);
  handler_ = &no_handler;
  handler->on_ended(end_);
}

// The dialog is up: the ACK came, or the 2xx.
void SessionImpl::confirmed(const Message& message) {
  state_ = State::kConfirmed;
  handler_->on_established(message);
  if (finished_) return;
  flush_messages();
  try_offer();
}

void SessionImpl::on_flow_closed() {
  if (!dialog_ || dialog_->flow_lost()) return;
  dialog_->lose_flow();
  if (!finished_) handler_->on_flow_lost();
}

void SessionImpl::send_request(std::string_view method, std::string_view headers, std::string_view content_type,
                               std::string_view body, std::function<void(const MessagePtr&)> done) {
  InDialog request;
  request.method = method_from(method);
  request.method_text = method;
  request.headers = headers;
  request.content_type = content_type;
  if (!body.empty()) request.body = base::share(std::string(body));
  request.utf8 = base::valid_utf8(body);
  request.cookie = ++next_callback_;
  const std::uint64_t cookie = request.cookie;
  callbacks_.emplace(cookie, done ? std::move(done) : [](const MessagePtr&) {});
  if (!finished_ && dialog_ && send(*dialog_, request) != 0) return;
  // Never from within the call.
  core_.defer([callback = std::move(callbacks_[cookie])] { callback(nullptr); });
  callbacks_.erase(cookie);
}

void SessionImpl::on_response(RequestKind kind, const ClientRef& ref, const MessagePtr& response, const Source& source) {
  const int status = response->status();
  // RFC 5057 section 5.1: 481 ends the dialog, whatever was asked; of a NOTIFY it ends that subscription alone.
  const bool gone = status == 481 && response->method() != Method::kNotify && kind != RequestKind::kInvite &&
                    kind != RequestKind::kPrack && kind != RequestKind::kBye && !finished_;
  switch (kind) {
    case RequestKind::kInvite: return on_invite_response(ref, response, source);
    case RequestKind::kReinvite:
      if (ref.id == reinvite_ && !finished_ && answer_challenge(*response, source)) {
        reinvite_ = 0;
        core_.timeline.cancel(guard_timer_);
        return retry_offer(base::Duration::zero());
      }
      if (ref.id == reinvite_ || (status / 100 == 2 && response->cseq().number == ack_cseq_)) on_reinvite_response(response);
      break;
    case RequestKind::kRefresh:
      answer_challenge(*response, source);   // it is tried again anyway
      on_refresh_response(status, response.get());
      break;
    case RequestKind::kBye:
      if (status < 200 || (answer_challenge(*response, source) && send_bye(*dialog_, {}, kind) != 0)) return;
      return core_.gone(*this);
    case RequestKind::kMessage: on_message_response(ref, status); break;
    case RequestKind::kPrack: break;
    case RequestKind::kRequest:
      if (auto node = callbacks_.extract(ref.cookie)) node.mapped()(response);
      break;
  }
  if (gone && !finished_) finish(EndCause::kDialogGone, 481, response->reason());
}

void SessionImpl::on_failure(RequestKind kind, const ClientRef& ref, int status) {
  switch (kind) {
    case RequestKind::kInvite:
      if (ref.id != invite_client_) return;
      invite_client_ = 0;
      if (finished_) return lingering_ ? core_.gone(*this) : void();
      return finish(status == 408 ? EndCause::kTimeout : EndCause::kRejected, status, reason_phrase(status));
    case RequestKind::kReinvite:
      if (ref.id == reinvite_) on_reinvite_refused(status, nullptr);
      return;
    case RequestKind::kRefresh: return on_refresh_response(status, nullptr);
    case RequestKind::kMessage: return on_message_response(ref, status);
    case RequestKind::kPrack: return;
    case RequestKind::kBye: return core_.gone(*this);
    case RequestKind::kRequest:
      if (auto node = callbacks_.extract(ref.cookie)) node.mapped()(nullptr);
      return;
  }
}

}  // namespace sip
