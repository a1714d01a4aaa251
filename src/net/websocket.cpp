#include "net/websocket.hpp"

namespace net {

WebSocket::WebSocket(std::shared_ptr<StreamConnection> connection, WebSocketOptions options, std::shared_ptr<void> place)
    : connection_(std::move(connection)), options_(options), place_(std::move(place)), decoder_(options.max_message) {}

void WebSocket::start() {
  connection_->set_idle_timeout(options_.silence_limit);
  if (options_.ping_interval <= base::Duration::zero()) return;
  ping_timer_ = std::make_unique<Timer>(connection_->thread(), [this] { ping(); });
  ping_timer_->arm(options_.ping_interval);
}

void WebSocket::ping() {
  const auto self = shared_from_this();
  queue_control(WsOpcode::kPing, {});
  connection_->flush();
  if (ping_timer_) ping_timer_->arm(options_.ping_interval);
}

void WebSocket::queue(const base::SharedBytes& head, const base::SharedBytes& body, bool text) {
  if (closing_) return;
  Chunk chunk{head, {}, 0};
  set_frame_header(chunk, text ? WsOpcode::kText : WsOpcode::kBinary, head->size() + (body ? body->size() : 0));
  connection_->queue(std::move(chunk));
  if (body) connection_->queue(body);
}

void WebSocket::queue_control(WsOpcode opcode, std::string payload) {
  if (closing_) return;
  Chunk chunk;
  set_frame_header(chunk, opcode, payload.size());
  if (!payload.empty()) chunk.data = base::share(std::move(payload));
  connection_->queue(std::move(chunk));
}

void WebSocket::close(std::uint16_t code) {
  if (closing_) return;
  queue_control(WsOpcode::kClose, {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)});
  closing_ = true;
  connection_->close();
}

void WebSocket::on_data(std::string_view bytes) {
  const auto self = shared_from_this();
  WebSocketDecoder::Message message;
  while (!closing_) {
    const auto whole = decoder_.next(bytes, message);
    if (!whole) return close(decoder_.close_code());
    if (!*whole) break;
    if (static_cast<std::uint8_t>(message.opcode) >= 8) {
      on_control(message);
    } else if (const auto handler = handler_) {
      handler->on_message(std::move(message.payload), message.opcode == WsOpcode::kText);
    }
  }
  connection_->flush();
}

// RFC 6455 section 5.5
void WebSocket::on_control(const WebSocketDecoder::Message& message) {
  if (message.opcode == WsOpcode::kPing) {
    queue_control(WsOpcode::kPong, message.payload);
  } else if (message.opcode == WsOpcode::kClose) {
    if (message.payload.size() < 2) return close(message.payload.empty() ? ws_close::kNormal : ws_close::kProtocolError);
    const auto code = base::load_be16(reinterpret_cast<const std::uint8_t*>(message.payload.data()));
    // Section 7.4: codes that may not be sent are answered as an error.
    const bool known = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) || (code >= 3000 && code <= 4999);
    close(known ? code : ws_close::kProtocolError);
  }
}

void WebSocket::on_closed(StreamEnd end) {
  closing_ = true;
  place_.reset();
  ping_timer_.reset();
  if (const auto handler = std::move(handler_)) handler->on_closed(end);
}

}  // namespace net
