// One HTTP connection: requests one after the other, until it closes or becomes a WebSocket. Inside the server alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/http_parser.hpp"
#include "net/http_server.hpp"
#include "net/http_stream.hpp"

namespace net {

// On its connection's I/O thread.
class HttpConnection final : public StreamHandler, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<const HttpServerConfig> config, std::shared_ptr<ConnectionTable> table)
      : config_(std::move(config)), table_(std::move(table)) {}
  ~HttpConnection() override {
    if (stream_) stream_->close();
  }

  void on_open(const std::shared_ptr<StreamConnection>& connection) override;
  void on_data(std::string_view bytes) override;
  void on_closed(StreamEnd end) override;

 private:
  void process();
  bool on_header();                                    // false: already answered
  void on_request();
  void respond(std::uint64_t serial, HttpResponse response);
  void write(const HttpResponse& response, bool keep_alive);
  void refuse_body();
  void refuse(HttpResponse response);                  // and close
  void begin_stream(std::shared_ptr<HttpStream> stream);
  void write_stream();
  bool host_allowed(const HttpRequest& request) const;
  const WebSocketRoute* websocket_route(const HttpRequest& request) const;
  void upgrade(const WebSocketRoute& route, const HttpRequest& request);

  std::shared_ptr<const HttpServerConfig> config_;
  const std::shared_ptr<ConnectionTable> table_;
  std::weak_ptr<StreamConnection> connection_;
  std::optional<HttpRequestParser> parser_;
  std::shared_ptr<HttpStream> stream_;                 // the response that is under way
  std::string in_;                                     // not yet parsed
  bool header_seen_ = false, waiting_ = false, done_ = false, head_ = false, keep_alive_ = false;
  std::uint64_t serial_ = 0;                           // of the request being handled
};

}  // namespace net
