#include <charconv>

#include "base/text.hpp"
#include "runtime/sip_endpoint_io.hpp"

namespace runtime {

void SipFlow::opened(SipFlowPtr self) {
  count(io_->counters.flows_opened);
  SipEvent event;
  event.kind = SipEvent::Kind::kFlowOpened;
  event.source = source_;
  event.flow = std::move(self);
  lane_.emit(std::move(event));
}

void SipFlow::closed(bool never_opened) {
  if (!never_opened) count(io_->counters.flows_closed);
  SipEvent event;
  event.kind = SipEvent::Kind::kFlowClosed;
  event.never_opened = never_opened;
  event.source = source_;
  lane_.emit(std::move(event));
}

void SipFlow::after_message(net::StreamConnection& connection) {
  if (!lane_.allow(source_.remote, std::chrono::steady_clock::now())) {
    count(io_->counters.rate_limited);
    connection.pause_reading(std::chrono::milliseconds(50));
  } else if (io_->inbox.crowded()) {
    connection.pause_reading(std::chrono::milliseconds(20));
  }
}

void SipStreamFlow::set_tls(std::string server_name, net::SslContext context) {
  server_name_ = std::move(server_name);
  tls_ = std::move(context);
}

void SipStreamFlow::connect() {
  if (io_->closed || !io_->table->admit(source_.remote)) return closed(true);
  const auto tls = source_.transport != sip::Transport::kTls ? nullptr : tls_ ? tls_ : io_->config.tls_client;
  net::StreamConnection::Setup setup{io_->table, tls, server_name_, {}};
  connection_ = net::StreamConnection::connect(lane_.thread(), source_.remote, std::move(setup), shared_from_this());
}

void SipStreamFlow::on_open(const std::shared_ptr<net::StreamConnection>& connection) {
  connection_ = connection;
  source_.local = connection->local();
  open_ = true;
  if (io_->config.idle_timeout > base::Duration::zero()) connection->set_idle_timeout(io_->config.idle_timeout);
  opened(shared_from_this());
}

bool SipStreamFlow::queue(const sip::Packet& packet) {
  if (!connection_) return false;
  connection_->queue(packet.head);
  if (packet.body) connection_->queue(packet.body);
  count(io_->counters.sent);
  return true;
}

void SipStreamFlow::flush() {
  if (connection_) connection_->flush();
}

void SipStreamFlow::close() {
  if (connection_) connection_->close();
}

void SipStreamFlow::on_data(std::string_view bytes) {
  framer_.append(bytes);
  bool whole = false;
  for (;;) {
    auto frame = framer_.next();
    if (!frame) {
      // RFC 3261 18.3: the stream can't be followed any more. Answered where the head can be read.
      count(io_->counters.malformed);
      const auto head = framer_.unread();
      lane_.intake().log_malformed(source_, frame.error().detail, head);
      sip::ParseFailure failure;
      const auto& detail = frame.error().detail;
      std::from_chars(detail.data(), detail.data() + detail.size(), failure.status);
      failure.reason = detail.size() > 4 ? detail.substr(4) : "Bad Request";
      if (const auto answer = sip::make_failure_response(head, source_, failure)) connection_->queue(base::share(*answer));
      return connection_->close();
    }
    if (!*frame) break;
    if ((*frame)->kind == sip::StreamFramer::Kind::kPing) {
      count(io_->counters.keep_alives);
      connection_->queue(base::share("\r\n"));   // RFC 5626 section 4.4.1
      continue;
    }
    if ((*frame)->kind == sip::StreamFramer::Kind::kPong) continue;
    if (const auto answer = lane_.take_message(std::move((*frame)->message), source_)) connection_->queue(base::share(*answer));
    after_message(*connection_);
    whole = true;
  }
  const bool partial = !framer_.unread().empty();
  if (whole || partial != partial_) {
    const auto limit = std::chrono::steady_clock::now() + io_->config.message_timeout;
    connection_->set_deadline(partial ? limit : base::kNever);
  }
  partial_ = partial;
  connection_->flush();
}

void SipStreamFlow::on_closed(net::StreamEnd end) {
  if (outgoing_ && !open_ && end == net::StreamEnd::kHandshake && connection_) {
    const auto& why = connection_->tls_failure();
    lane_.log_tls_failure(source_, server_name_, why.empty() ? net::to_string(end) : why);
  }
  connection_.reset();
  closed(outgoing_ && !open_);
}

bool SipWebSocketFlow::queue(const sip::Packet& packet) {
  if (!socket_) return false;
  socket_->queue(packet.head, packet.body, packet.utf8);
  count(io_->counters.sent);
  return true;
}

void SipWebSocketFlow::flush() {
  if (socket_) socket_->flush();
}

void SipWebSocketFlow::close() {
  if (socket_) socket_->close(net::ws_close::kGoingAway);
}

// RFC 7118 section 5: one WebSocket message is one SIP message, text or binary alike.
void SipWebSocketFlow::on_message(std::string message, bool) {
  if (message.find_first_not_of("\r\n") == message.npos) {
    count(io_->counters.keep_alives);
    if (message == "\r\n\r\n") socket_->queue(base::share("\r\n"), nullptr, true);
    return;
  }
  if (auto answer = lane_.take_message(std::move(message), source_)) {
    const bool text = base::valid_utf8(*answer);
    socket_->queue(base::share(std::move(*answer)), nullptr, text);
  }
  after_message(*socket_->connection());
}

void SipWebSocketFlow::on_closed(net::StreamEnd) {
  socket_.reset();
  closed(false);
}

}  // namespace runtime
