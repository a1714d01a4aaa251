// A WebSocket that a browser opened (RFC 6455): whole messages in, messages out in gathered writes.
#pragma once

#include <memory>
#include <string>

#include "net/http.hpp"
#include "net/stream.hpp"
#include "net/websocket_codec.hpp"

namespace net {

struct WebSocketOptions {
  std::size_t max_message = 512 * 1024;
  base::Duration ping_interval = std::chrono::seconds(5);
  base::Duration silence_limit = std::chrono::seconds(10);   // nothing came for so long, not even pongs: closed
};

// Called on the connection's I/O thread.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_message(std::string message, bool text) = 0;
  /// called once, last of all
  virtual void on_closed(StreamEnd end) = 0;
};

// Methods on its I/O thread; its connection owns it while that is open.
class WebSocket final : public StreamHandler, public std::enable_shared_from_this<WebSocket> {
 public:
  // `place`: let go when it is closed; may be null.
  WebSocket(std::shared_ptr<StreamConnection> connection, WebSocketOptions options, std::shared_ptr<void> place = nullptr);

  void set_handler(std::shared_ptr<WebSocketHandler> handler) { handler_ = std::move(handler); }
  // One message of head and body (may be null) without a copy of either; written at the next flush().
  void queue(const base::SharedBytes& head, const base::SharedBytes& body, bool text);
  void flush() { connection_->flush(); }
  void send(std::string message, bool text = true) {
    queue(base::share(std::move(message)), nullptr, text);
    flush();
  }
  void close(std::uint16_t code = ws_close::kNormal);
  const std::shared_ptr<StreamConnection>& connection() const { return connection_; }

  // Used by the HTTP side.
  void start();
  void on_data(std::string_view bytes) override;
  void on_closed(StreamEnd end) override;

 private:
  void on_control(const WebSocketDecoder::Message& message);
  void queue_control(WsOpcode opcode, std::string payload);
  void ping();

  std::shared_ptr<StreamConnection> connection_;
  const WebSocketOptions options_;
  std::shared_ptr<void> place_;
  std::shared_ptr<WebSocketHandler> handler_;
  WebSocketDecoder decoder_;
  std::unique_ptr<Timer> ping_timer_;
  bool closing_ = false;
};

}  // namespace net
