// Client transactions: RFC 3261 section 17.1, RFC 6026 section 7.2.
#include <algorithm>
#include <charconv>

#include "sip/transaction.hpp"

namespace sip {
namespace {

constexpr std::string_view kCookie = "z9hG4bK";
constexpr std::size_t kBranchSize = kCookie.size() + 32;

void append_hex(std::uint64_t value, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  char text[16];
  for (int i = 15; i >= 0; --i, value >>= 4) text[i] = kDigits[value & 15];
  out.append(text, 16);
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

// The line of `head` that begins with `name`, with its CRLF; heads are our own, so in canonical form.
std::string_view line_of(std::string_view head, std::string_view name, std::size_t from = 0) {
  for (std::size_t at = head.find("\r\n", from); at != std::string_view::npos;) {
    const std::size_t begin = at + 2;
    const std::size_t end = head.find("\r\n", begin);
    if (end == std::string_view::npos || end == begin) break;
    if (head.substr(begin, name.size()) == name) return head.substr(begin, end + 2 - begin);
    at = end;
  }
  return {};
}

}  // namespace

std::string make_hop_request(std::string_view invite_head, std::string_view method, std::string_view to,
                             std::string_view headers) {
  const std::size_t uri = invite_head.find(' ') + 1;
  const std::string_view cseq = line_of(invite_head, "CSeq: ");
  std::string out;
  out.reserve(600);
  out.append(method).append(" ").append(invite_head.substr(uri, invite_head.find("\r\n") + 2 - uri));
  out.append(line_of(invite_head, "Via: ")).append("Max-Forwards: 70\r\n");
  // All Route lines, in order (section 17.1.1.3).
  for (std::size_t at = 0;;) {
    const std::string_view route = line_of(invite_head, "Route: ", at);
    if (route.empty()) break;
    out.append(route);
    at = static_cast<std::size_t>(route.data() - invite_head.data()) + route.size() - 2;
  }
  out.append(line_of(invite_head, "From: "));
  if (to.empty()) {
    out.append(line_of(invite_head, "To: "));
  } else {
    out.append("To: ");
    for (const char c : to) out += c == '\r' || c == '\n' ? ' ' : c;
    out.append("\r\n");
  }
  out.append(line_of(invite_head, "Call-ID: "));
  out.append(cseq.substr(0, cseq.rfind(' ') + 1)).append(method).append("\r\n");
  out.append(headers).append("Content-Length: 0\r\n\r\n");
  return out;
}

ClientId TransactionLayer::reserve(Method method) {
  if (size() >= config_.max_transactions) return 0;
  const ClientId id = clients_.add();
  Client& tx = *clients_.get(id);
  tx.method = method;
  tx.mac = mac_(id);
  tx.retransmit.id = tx.life.id = id;
  tx.retransmit.kind = kClientRetransmit;
  tx.life.kind = kClientLife;
  return id;
}

void TransactionLayer::append_id(std::uint64_t id, std::uint64_t mac, std::string& out) const {
  out.append(kCookie);
  append_hex(id, out);
  append_hex(mac, out);
}

void TransactionLayer::append_branch(ClientId id, std::string& out) const {
  append_id(id, mac_(id), out);
}

void TransactionLayer::append_fresh_branch(std::string& out) {
  // Generation 0 is never a transaction's.
  const std::uint64_t number = ++fresh_ & 0xffffffffU;
  append_id(number, mac_(fresh_ | std::uint64_t{1} << 63), out);
}

void TransactionLayer::start(ClientId id, const Target& target, Packet packet, std::uint64_t owner, std::uint64_t cookie, base::Duration patience) {
  Client* tx = clients_.get(id);
  if (tx == nullptr || tx->state != State::kReserved) return;
  const bool invite = tx->method == Method::kInvite;
  const bool reliable = is_reliable(target.transport);
  tx->state = invite ? State::kCalling : State::kTrying;
  tx->owner = owner;
  tx->cookie = cookie;
  tx->target = target;
  link_path(client_paths_, tx->path, id, path_of(target));
  timers_.start(tx->life, reliable && patience > base::Duration::zero() ? patience : 64 * config_.t1);   // timers B and F
  if (!reliable) {
    tx->interval = config_.t1;
    timers_.start(tx->retransmit, tx->interval);                              // timers A and E
    tx->packet = packet;
  }
  if (invite) {
    tx->invite = std::make_unique<InviteExtra>();
    tx->invite->request = packet;
  }
  network_.send(target, packet);
}

ClientId TransactionLayer::find_client(std::string_view branch) {
  std::uint64_t id = 0, mac = 0;
  if (branch.size() != kBranchSize || !branch.starts_with(kCookie)) return 0;
  if (!parse_hex(branch.substr(kCookie.size(), 16), id) || !parse_hex(branch.substr(kCookie.size() + 16), mac)) return 0;
  const Client* tx = clients_.get(id);
  return tx != nullptr && tx->mac == mac && tx->state != State::kReserved ? id : 0;
}

// Section 17.1.3: by branch and by the CSeq's method, since a CANCEL has its INVITE's branch.
void TransactionLayer::on_response(const MessagePtr& response, const Source& source) {
  ClientId id = find_client(response->top_via().branch());
  Client* tx = clients_.get(id);
  if (tx != nullptr && tx->method == Method::kInvite && response->method() == Method::kCancel) {
    id = tx->invite->cancel;
    tx = clients_.get(id);
  }
  if (tx == nullptr || tx->method != response->method()) {
    if (response->method() == Method::kInvite && response->status() / 100 == 2) user_.on_stray_response(response, source);
    return;
  }
  if (tx->method == Method::kInvite) {
    on_invite_response(id, response, source);
  } else {
    on_other_response(id, response, source);
  }
}

// Figure 5 of RFC 3261 with RFC 6026's changes.
void TransactionLayer::on_invite_response(ClientId id, const MessagePtr& response, const Source& source) {
  Client& tx = *clients_.get(id);
  const int status = response->status();
  const bool waiting = tx.state == State::kCalling || tx.state == State::kProceeding;
  const ClientRef ref{id, tx.owner, tx.cookie};
  if (status < 200) {
    if (!waiting) return;
    timers_.stop(tx.retransmit);
    if (!tx.invite->cancel_sent) timers_.stop(tx.life);
    tx.state = State::kProceeding;
    if (tx.invite->cancel_wanted && !tx.invite->cancel_sent) send_cancel(id);
    if (tx.owner != 0) user_.on_transaction_response(ref, response, source);
    return;
  }
  if (status < 300) {
    if (!waiting && tx.state != State::kAccepted) return;
    if (waiting) {
      tx.state = State::kAccepted;
      timers_.stop(tx.retransmit);
      timers_.start(tx.life, 64 * config_.t1);                                // timer M
      tx.packet = {};
    }
    if (tx.owner != 0) user_.on_transaction_response(ref, response, source);
    return;
  }
  if (tx.state == State::kCompleted) {
    network_.send(tx.target, tx.invite->ack);                                 // the final response came again
    return;
  }
  if (!waiting) return;
  tx.state = State::kCompleted;
  timers_.stop(tx.retransmit);
  send_ack(tx, *response);
  if (is_reliable(tx.target.transport)) {
    remove_client(id);
  } else {
    timers_.start(tx.life, std::max<base::Duration>(64 * config_.t1, std::chrono::seconds(32)));   // timer D
    tx.packet = {};
    tx.invite->request = {};
  }
  if (ref.owner != 0) user_.on_transaction_response(ref, response, source);
}

// Figure 6. Completed, the state for timer K, would only swallow repeated final responses: a response without a
// transaction is swallowed just as well, so that state takes no memory.
void TransactionLayer::on_other_response(ClientId id, const MessagePtr& response, const Source& source) {
  Client& tx = *clients_.get(id);
  const ClientRef ref{id, tx.owner, tx.cookie};
  if (response->status() < 200) {
    if (tx.state == State::kTrying && !is_reliable(tx.target.transport)) {
      tx.interval = config_.t2;
      timers_.start(tx.retransmit, tx.interval);
    }
    tx.state = State::kProceeding;
    return;   // a provisional response to another request than INVITE tells nobody anything
  }
  remove_client(id);
  if (ref.owner != 0) user_.on_transaction_response(ref, response, source);
}

void TransactionLayer::send_ack(Client& tx, const Message& response) {
  tx.invite->ack.head =
      base::share(make_hop_request(*tx.invite->request.head, "ACK", response.value(HeaderId::kTo), {}));
  network_.send(tx.target, tx.invite->ack);
}

void TransactionLayer::cancel(ClientId invite, std::string_view headers) {
  Client* tx = clients_.get(invite);
  if (tx == nullptr || tx->method != Method::kInvite || tx->invite->cancel_wanted) return;
  if (tx->state != State::kCalling && tx->state != State::kProceeding) return;
  tx->invite->cancel_wanted = true;
  tx->invite->cancel_headers = headers;
  if (tx->state == State::kProceeding) send_cancel(invite);
}

void TransactionLayer::send_cancel(ClientId invite) {
  Client& tx = *clients_.get(invite);
  tx.invite->cancel_sent = true;
  timers_.start(tx.life, 64 * config_.t1);     // section 9.1: then the INVITE counts as cancelled
  const ClientId id = reserve(Method::kCancel);   // written with the INVITE's branch, found by way of the INVITE
  if (id == 0) return;
  tx.invite->cancel = id;
  Packet packet{base::share(make_hop_request(*tx.invite->request.head, "CANCEL", {}, tx.invite->cancel_headers)), nullptr, true};
  start(id, tx.target, std::move(packet), 0, 0);
}

void TransactionLayer::fire_client_retransmit(ClientId id) {
  Client* tx = clients_.get(id);
  if (tx == nullptr || !tx->packet.head) return;
  // Timer A doubles without end (until timer B), timer E up to T2, and is T2 while proceeding.
  tx->interval *= 2;
  if (tx->method != Method::kInvite) tx->interval = tx->state == State::kProceeding ? config_.t2 : std::min(tx->interval, config_.t2);
  timers_.start(tx->retransmit, tx->interval);
  network_.send(tx->target, tx->packet);
}

void TransactionLayer::fire_client_life(ClientId id) {
  Client* tx = clients_.get(id);
  if (tx == nullptr) return;
  if (tx->state == State::kAccepted || tx->state == State::kCompleted) return remove_client(id);   // timers M and D
  fail_client(id, 408);                                                                            // timers B and F
}

void TransactionLayer::fail_client(ClientId id, int status) {
  Client* tx = clients_.get(id);
  if (tx == nullptr) return;
  const ClientRef ref{id, tx->owner, tx->cookie};
  const bool over = tx->state == State::kAccepted || tx->state == State::kCompleted;
  remove_client(id);
  if (!over && ref.owner != 0) user_.on_transaction_failure(ref, status);
}

void TransactionLayer::remove_client(ClientId id) {
  Client* tx = clients_.get(id);
  if (tx == nullptr) return;
  timers_.stop(tx->retransmit);
  timers_.stop(tx->life);
  unlink_path(client_paths_, tx->path);
  clients_.remove(id);
}

}  // namespace sip
