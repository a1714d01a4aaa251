// Copies of messages (spec enhanced-messaging A.2, B.1): pipelined on a stream; over UDP one at a time, big ones by TCP.
#include "sip/session.hpp"

namespace sip {
namespace {

constexpr std::size_t kMaxPlainUdp = 1300;   // RFC 3261 section 18.1.1
constexpr std::size_t kMaxDatagram = 65'507;   // of IPv4
constexpr std::uint64_t kOneAtATime = ~std::uint64_t{0};   // the cookie of current_; no token

}  // namespace

void SessionImpl::copy_done(std::uint64_t token, int status) {
  if (token != 0) handler_->on_message_done(token, status);
}

void SessionImpl::send_message(const MessageCopy& copy) {
  if (finished_) return copy_done(copy.token, 0);
  if (state_ != State::kConfirmed || !dialog_->reachable() || one_at_a_time() || !waiting_.empty()) {
    queue_copy(copy);
    if (one_at_a_time()) send_waiting_udp();
    return;
  }
  send_copy(copy);
}

// The way of a copy on a stream: nothing of it is kept here but a token.
void SessionImpl::send_copy(const MessageCopy& copy) {
  const InDialog message{RequestKind::kMessage, Method::kMessage, "MESSAGE", copy.headers, copy.content_type, copy.body,
                         copy.from_display, copy.to_display, copy.utf8, copy.token};
  if (send(*dialog_, message) == 0) return copy_done(copy.token, 0);
  if (copy.token != 0) tokens_.insert(copy.token);
}

void SessionImpl::queue_copy(const MessageCopy& copy) {
  if (waiting_.size() >= core_.config.message_queue) return copy_done(copy.token, 0);
  waiting_.push_back({std::string(copy.from_display), std::string(copy.to_display), std::string(copy.content_type),
                      std::string(copy.headers), copy.body, copy.utf8, copy.token, 0, false});
}

void SessionImpl::hand_messages_to(Session& to) {
  for (const auto waiting = std::exchange(waiting_, {}); const auto& copy : waiting) {
    to.send_message({copy.from_display, copy.to_display, copy.content_type, copy.headers, copy.body, copy.utf8, copy.token});
  }
}

// The dialog was confirmed, or its peer is back.
void SessionImpl::flush_messages() {
  if (finished_ || state_ != State::kConfirmed || !dialog_->reachable()) return;
  if (one_at_a_time()) return send_waiting_udp();
  while (!waiting_.empty() && !finished_) {
    const WaitingCopy copy = std::move(waiting_.front());
    waiting_.pop_front();
    send_copy({copy.from_display, copy.to_display, copy.content_type, copy.headers, copy.body, copy.utf8, copy.token});
  }
}

void SessionImpl::send_waiting_udp() {
  while (!finished_ && state_ == State::kConfirmed && dialog_->reachable()) {
    if (!current_) {
      if (waiting_.empty()) return;
      current_ = std::move(waiting_.front());
      waiting_.pop_front();
    } else if (current_->cseq != 0) {
      return;   // one is on its way
    }
    const WaitingCopy& copy = *current_;
    const InDialog message{RequestKind::kMessage, Method::kMessage, "MESSAGE", copy.headers, copy.content_type, copy.body,
                           copy.from_display, copy.to_display, copy.utf8, kOneAtATime};
    const std::size_t body = copy.body ? copy.body->size() : 0;
    const std::size_t size = dialog_->head_size(core_.network) + copy.headers.size() + copy.content_type.size() +
                             copy.from_display.size() + copy.to_display.size() + core_.config.product.size() + 64 + body;
    std::optional<Target> tcp;
    if (size > kMaxPlainUdp && big_by_ != BigBy::kUdp) tcp = dialog_->tcp_target();
    current_by_tcp_ = tcp.has_value();
    std::uint32_t cseq = 0;
    if (tcp || (body <= core_.config.max_udp_message && size <= kMaxDatagram)) {
      if (send(*dialog_, message, tcp ? &*tcp : nullptr, &cseq) != 0) {
        current_->cseq = cseq;
        return;
      }
    }
    const std::uint64_t token = copy.token;   // too big, or no room for its transaction
    current_.reset();
    copy_done(token, 0);
  }
}

void SessionImpl::on_message_response(const ClientRef& ref, int status) {
  if (ref.cookie == kOneAtATime) {
    if (current_ && current_->cseq != 0) on_udp_message_response(status);
    return;
  }
  if (ref.cookie != 0 && tokens_.erase(ref.cookie) != 0) copy_done(ref.cookie, status);
}

void SessionImpl::on_udp_message_response(int status) {
  if (current_by_tcp_ && (status == 503 || status == 408)) {
    // No connection to be had: this leg's big ones go by UDP from now on. A time-out may mean that it was received.
    big_by_ = BigBy::kUdp;
    if (status == 503) {
      current_->cseq = 0;
      return send_waiting_udp();
    }
  } else if (current_by_tcp_) {
    big_by_ = BigBy::kTcp;
  }
  // RFC 3261 section 12.2.2: a request of ours with a higher number overtook it.
  if (status == 500 && !current_->again && dialog_->local_cseq() > current_->cseq) {
    current_->again = true;
    current_->cseq = 0;
    return send_waiting_udp();
  }
  const std::uint64_t token = current_->token;
  current_.reset();
  copy_done(token, status);
  send_waiting_udp();
}

}  // namespace sip
