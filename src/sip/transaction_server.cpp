// Server transactions: RFC 3261 sections 17.2, 8.2.2.2 and 18.2, RFC 6026 section 7.1, RFC 3581.
#include <algorithm>

#include "base/text.hpp"
#include "sip/transaction.hpp"

namespace sip {
namespace {

constexpr std::string_view kCookie = "z9hG4bK";
constexpr std::uint16_t default_port(Transport transport) {
  return transport == Transport::kTls || transport == Transport::kWss ? 5061 : 5060;
}

}  // namespace

// Section 17.2.3. Behind a WebSocket the key also holds the connection, which is the client's only one (RFC 7118): nobody
// else's CANCEL or ACK can meet its transactions. Without the magic cookie, RFC 2543's rules.
void TransactionLayer::make_key(const Message& request, const Source& source, Method method, std::string& out) const {
  out.clear();
  const Via& via = request.top_via();
  const std::string_view branch = via.branch();
  if (branch.size() > kCookie.size() && base::starts_with_ignoring_case(branch, kCookie)) {
    out.append(branch);
    out += '\n';
    for (const char c : via.host) out += base::to_lower(c);
    out.append(":").append(std::to_string(via.port));
  } else {
    const Header* line = request.find(HeaderId::kVia);
    out.append("2543\n").append(request.request_uri_text()).append("\n").append(request.from_tag()).append("\n");
    out.append(request.call_id()).append("\n").append(std::to_string(request.cseq().number)).append("\n");
    if (line != nullptr) out.append(line->value);
  }
  out += '\n';
  out.append(method == Method::kOther ? request.method_text() : to_string(method));
  if (source.transport == Transport::kWs || source.transport == Transport::kWss) {
    out.append("\n").append(std::to_string(source.flow));
  }
}

void TransactionLayer::on_request(const MessagePtr& request, const Source& source) {
  const bool ack = request->method() == Method::kAck;
  make_key(*request, source, ack ? Method::kInvite : request->method(), scratch_);
  if (const auto found = server_keys_.find(scratch_); found != server_keys_.end()) {
    return on_known_request(found->second, request, source);
  }
  if (ack) return user_.on_transaction_ack(request, source);

  // A tenth is left to calls that are on, so that a flood of new ones can't end them.
  const bool outside = request->to_tag().empty() && request->method() != Method::kCancel;
  const std::size_t limit = outside ? config_.max_transactions - config_.max_transactions / 10 : config_.max_transactions;
  if (size() >= limit) return refuse(request, source, 503);

  const ServerId id = add_server(request, source, scratch_);
  if (request->method() == Method::kCancel) return on_cancel(id, request, source);
  if (outside) {
    // Section 8.2.2.2: the same request by another way, while the first is still at work or remembered.
    scratch_.assign(request->call_id()).append("\n").append(request->from_tag()).append("\n");
    scratch_.append(std::to_string(request->cseq().number)).append("\n").append(request->method_text());
    const auto [place, fresh] = merge_keys_.try_emplace(scratch_, id);
    if (!fresh && !request->from_tag().empty()) {
      return respond(id, 482, start_response(*request, source, 482, base::random_token(10)).finish());
    }
    if (fresh) servers_.get(id)->merge_key = scratch_;
  }
  user_.on_transaction_request(id, request, source);
}

ServerId TransactionLayer::add_server(const MessagePtr& request, const Source& source, const std::string& key) {
  const ServerId id = servers_.add();
  Server& tx = *servers_.get(id);
  tx.method = request->method();
  tx.request = request;
  tx.source = source;
  tx.rport = request->top_via().params.has("rport");
  tx.via_port = request->top_via().port != 0 ? request->top_via().port : default_port(source.transport);
  tx.key = key;
  tx.retransmit.id = tx.life.id = id;
  server_keys_.emplace(key, id);
  if (source.flow != 0) link_path(server_paths_, tx.path, id, source.flow);
  if (tx.method == Method::kInvite) {
    tx.retransmit.kind = kServerTrying;
    timers_.start(tx.retransmit, std::chrono::milliseconds(200));
  } else {
    // Nobody waits longer for an answer than timer F.
    tx.life.kind = kServerLife;
    timers_.start(tx.life, 64 * config_.t1);
  }
  return id;
}

// Without any state of its own; used when there is no room for it.
void TransactionLayer::refuse(const MessagePtr& request, const Source& source, int status) {
  Server tx;
  tx.source = source;
  tx.rport = request->top_via().params.has("rport");
  tx.via_port = request->top_via().port != 0 ? request->top_via().port : default_port(source.transport);
  Writer writer = start_response(*request, source, status, base::random_token(10));
  writer.header(HeaderId::kRetryAfter, std::uint64_t{30});
  tx.response.head = base::share(std::move(writer).finish());
  send_response(tx);
}

void TransactionLayer::on_known_request(ServerId id, const MessagePtr& request, const Source& source) {
  Server& tx = *servers_.get(id);
  if (request->method() == Method::kAck) {
    if (tx.state == State::kAccepted) return user_.on_transaction_ack(request, source);
    if (tx.state != State::kCompleted) return;
    tx.state = State::kConfirmed;
    timers_.stop(tx.retransmit);
    if (is_reliable(tx.source.transport)) return remove_server(id);
    timers_.start(tx.life, config_.t4);                                       // timer I
    return;
  }
  if (tx.state == State::kTrying && tx.method == Method::kInvite) {
    return respond(id, 100, start_response(*tx.request, tx.source, 100, {}).finish());
  }
  if (tx.state == State::kProceeding || tx.state == State::kCompleted) send_response(tx);
}

// Section 9.2.
void TransactionLayer::on_cancel(ServerId id, const MessagePtr& cancel, const Source& source) {
  make_key(*cancel, source, Method::kInvite, scratch_);
  const auto found = server_keys_.find(scratch_);
  if (found == server_keys_.end()) {
    return respond(id, 481, start_response(*cancel, source, 481, base::random_token(10)).finish());
  }
  const ServerId invite = found->second;
  const State state = servers_.get(invite)->state;
  const bool open = state == State::kTrying || state == State::kProceeding;
  std::string tag = open ? user_.cancel_tag(invite) : std::string();
  if (tag.empty()) tag = base::random_token(10);
  // Before the 487: some phones and sipp's scenarios take them in this order only.
  respond(id, 200, start_response(*cancel, source, 200, tag).finish());
  if (open) user_.on_transaction_cancel(invite, cancel);
}

MessagePtr TransactionLayer::request(ServerId id) {
  const Server* tx = servers_.get(id);
  return tx != nullptr ? tx->request : nullptr;
}

const Source* TransactionLayer::source(ServerId id) {
  const Server* tx = servers_.get(id);
  return tx != nullptr ? &tx->source : nullptr;
}

std::uint64_t TransactionLayer::owner(ServerId id) {
  const Server* tx = servers_.get(id);
  return tx != nullptr ? tx->owner : 0;
}

void TransactionLayer::set_owner(ServerId id, std::uint64_t owner) {
  if (Server* tx = servers_.get(id)) tx->owner = owner;
}

// Figures 7 and 8 of RFC 3261, figure 5 of RFC 6026.
void TransactionLayer::respond(ServerId id, int status, std::string response) {
  Server* tx = servers_.get(id);
  if (tx == nullptr || (tx->state != State::kTrying && tx->state != State::kProceeding)) return;
  const bool invite = tx->method == Method::kInvite;
  const bool reliable = is_reliable(tx->source.transport);
  tx->response.head = base::share(std::move(response));
  tx->response.utf8 = base::valid_utf8(*tx->response.head);
  if (invite) timers_.stop(tx->retransmit);
  send_response(*tx);
  if (status < 200) {
    tx->state = State::kProceeding;
    return;
  }
  tx->request.reset();
  tx->life.kind = kServerLife;
  if (!invite) {
    if (reliable) return remove_server(id);
    tx->state = State::kCompleted;
    timers_.start(tx->life, 64 * config_.t1);                                 // timer J
    return;
  }
  timers_.start(tx->life, 64 * config_.t1);                                   // timers L and H
  if (status < 300) {
    tx->state = State::kAccepted;
    return;
  }
  tx->state = State::kCompleted;
  if (reliable) return;
  tx->interval = config_.t1;
  tx->retransmit.kind = kServerRetransmit;
  timers_.start(tx->retransmit, tx->interval);                                // timer G
}

void TransactionLayer::resend(ServerId id) {
  if (Server* tx = servers_.get(id); tx != nullptr && tx->response.head) send_response(*tx);
}

void TransactionLayer::fire_server_retransmit(ServerId id) {
  Server* tx = servers_.get(id);
  if (tx == nullptr || tx->state != State::kCompleted) return;
  tx->interval = std::min(tx->interval * 2, config_.t2);
  timers_.start(tx->retransmit, tx->interval);
  send_response(*tx);
}

// Section 18.2.2 and RFC 3581 section 4. A connection that is gone is replaced by one to the sender's address, but for
// WebSocket, where nobody listens.
Target TransactionLayer::response_target(const Server& tx) const {
  Target target = Target::back_to(tx.source);
  const bool asymmetric = tx.source.transport == Transport::kUdp && !tx.rport;
  if (asymmetric || tx.flow_gone) target.remote.set_port(tx.via_port);
  if (tx.flow_gone) target.flow = 0;
  return target;
}

void TransactionLayer::send_response(Server& tx) {
  const bool websocket = tx.source.transport == Transport::kWs || tx.source.transport == Transport::kWss;
  if (!tx.response.head || (tx.flow_gone && websocket)) return;
  network_.send(response_target(tx), tx.response);
}

void TransactionLayer::remove_server(ServerId id) {
  Server* tx = servers_.get(id);
  if (tx == nullptr) return;
  timers_.stop(tx->retransmit);
  timers_.stop(tx->life);
  unlink_path(server_paths_, tx->path);
  server_keys_.erase(tx->key);
  if (!tx->merge_key.empty()) merge_keys_.erase(tx->merge_key);
  servers_.remove(id);
}

}  // namespace sip
