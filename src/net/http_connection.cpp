#include "net/http_connection.hpp"

#include <ctime>

#include "base/text.hpp"

namespace net {

namespace {

constexpr std::size_t kDefaultBody = 64 * 1024;
constexpr base::Duration kBodyTime = std::chrono::minutes(5);

// RFC 9110 section 5.6.7, made once a second and thread.
const std::string& http_date() {
  static thread_local std::time_t made = 0;
  static thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    char buffer[64];
    text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made = now;
  }
  return text;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name.substr(0, name.find_first_of("\r\n:")));
  out += ": ";
  out.append(value.substr(0, value.find_first_of(std::string_view("\r\n\0", 3))));
  out += "\r\n";
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

void HttpConnection::on_open(const std::shared_ptr<StreamConnection>& connection) {
  connection_ = connection;
  connection->set_deadline(std::chrono::steady_clock::now() + config_->request_timeout);
}

void HttpConnection::on_data(std::string_view bytes) {
  if (done_) return;
  in_.append(bytes);
  process();
}

void HttpConnection::on_closed(StreamEnd) {
  if (stream_) stream_->close();
  done_ = true;
  ++serial_;
}

void HttpConnection::process() {
  const auto self = shared_from_this();
  while (!waiting_ && !done_) {
    if (!parser_) {
      if (in_.empty()) return;
      parser_.emplace(config_->header_limit);
      header_seen_ = false;
      // For the whole header, so that sending it byte by byte gains no time.
      if (const auto connection = connection_.lock()) connection->set_deadline(std::chrono::steady_clock::now() + config_->request_timeout);
    }
    std::size_t used = 0;
    const auto state = parser_->feed(in_, used);
    in_.erase(0, used);
    switch (state) {
      case HttpRequestParser::State::kHeader: return;
      case HttpRequestParser::State::kBody:
        if (header_seen_) return;
        header_seen_ = true;
        if (!on_header()) return;
        break;   // the body, or at once the end
      case HttpRequestParser::State::kDone:
        if (!header_seen_) {
          header_seen_ = true;
          if (!on_header()) return;
        }
        on_request();
        break;
      case HttpRequestParser::State::kFailed:
        if (header_seen_ && parser_->status() == 413) return refuse_body();
        return refuse(HttpResponse::text(parser_->status(), "The request is malformed or too large.\n"));
    }
  }
}

// RFC 9112 section 3.2: one Host, no more and no fewer.
bool HttpConnection::on_header() {
  const auto& request = parser_->header();
  head_ = request.method == "HEAD";
  int hosts = 0;
  for (const auto& [name, value] : request.headers) hosts += base::equals_ignoring_case(name, "Host");
  if (hosts > 1 || (hosts == 0 && !request.http10)) {
    refuse(HttpResponse::text(400, "One Host header is needed.\n"));
    return false;
  }
  if (!host_allowed(request)) {
    refuse(HttpResponse::text(421, "This server does not answer to that host name: where it is one of its own, it belongs into names of [[http]].\n"));
    return false;
  }
  if (!parser_->set_body_limit(config_->body_limit ? config_->body_limit(request) : kDefaultBody)) {
    refuse_body();
    return false;
  }
  const auto connection = connection_.lock();
  if (!connection) return false;
  connection->set_deadline(std::chrono::steady_clock::now() + kBodyTime);
  connection->set_idle_timeout(config_->request_timeout);
  if (parser_->expects_continue()) connection->send("HTTP/1.1 100 Continue\r\n\r\n");
  return true;
}

bool HttpConnection::host_allowed(const HttpRequest& request) const {
  const auto connection = connection_.lock();
  if (!connection || (!config_->check_host_always && !connection->local().is_loopback())) return true;
  const auto host = without_port(request.header("Host"));
  if (host.empty() && request.http10) return true;
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (base::equals_ignoring_case(host, name)) return true;
  }
  if (host == connection->local().host()) return true;
  if (!connection->local().is_loopback() && base::SocketAddress::parse(host, 0)) return true;
  return std::any_of(config_->host_names.begin(), config_->host_names.end(),
                     [&](const auto& name) { return base::equals_ignoring_case(host, name); });
}

void HttpConnection::on_request() {
  const auto connection = connection_.lock();
  if (!connection) return;
  keep_alive_ = parser_->keep_alive();
  HttpRequest request = parser_->take();
  parser_.reset();
  request.remote = config_->proxies ? config_->proxies->client(connection->remote(), request.headers) : connection->remote();
  request.local = connection->local();
  request.secure = connection->secure();
  if (config_->proxies && config_->banned && config_->banned(request.remote)) return refuse(HttpResponse::text(403, "Nothing is taken from your address for now.\n"));
  if (const auto* route = websocket_route(request)) return upgrade(*route, request);
  waiting_ = true;
  connection->pause_reading();
  connection->set_deadline(std::chrono::steady_clock::now() + config_->response_timeout);
  const auto serial = ++serial_;
  HttpRespond answer = [weak = weak_from_this(), stream = std::weak_ptr(connection), serial](HttpResponse response) {
    const auto held = stream.lock();
    if (!held) return;
    auto deliver = [weak, serial, response = std::move(response)]() mutable {
      if (const auto self = weak.lock()) self->respond(serial, std::move(response));
    };
    if (held->thread().is_current()) {
      deliver();
    } else {
      held->thread().post(std::move(deliver));
    }
  };
  if (!config_->handler) return answer(HttpResponse::text(404, "There is nothing here.\n"));
  config_->handler(std::move(request), std::move(answer));
}

void HttpConnection::respond(std::uint64_t serial, HttpResponse response) {
  const auto connection = connection_.lock();
  if (!connection || !waiting_ || serial != serial_ || done_) return;
  waiting_ = false;
  ++serial_;
  if (response.stream && !head_) {
    write(response, false);
    return begin_stream(std::move(response.stream));
  }
  if (response.stream) response.stream->close();   // HEAD
  write(response, keep_alive_);
  if (!keep_alive_) {
    done_ = true;
    return connection->close();
  }
  connection->set_deadline(base::kNever);
  connection->set_idle_timeout(config_->keep_alive);
  connection->resume_reading();
  // What a client sent ahead; by a post, so that a thousand requests in one packet are no recursion.
  if (!in_.empty()) connection->thread().post([self = shared_from_this()] { self->process(); });
}

void HttpConnection::write(const HttpResponse& response, bool keep_alive) {
  const auto connection = connection_.lock();
  if (!connection) return;
  const bool no_body = response.status < 200 || response.status == 204 || response.status == 304;
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(http_reason(response.status)) + "\r\n";
  append_header(head, "Date", http_date());
  for (const auto& [name, value] : response.headers) append_header(head, name, value);
  if (!no_body && !response.stream) append_header(head, "Content-Length", std::to_string(response.body ? response.body->size() : 0));
  append_header(head, "Connection", keep_alive ? "keep-alive" : "close");
  head += "\r\n";
  connection->queue(base::share(std::move(head)));
  if (response.body && !no_body && !head_) connection->queue(response.body);
  connection->flush();
}

// From here on the client is listened to only for its end.
void HttpConnection::begin_stream(std::shared_ptr<HttpStream> stream) {
  const auto connection = connection_.lock();
  done_ = true;
  in_.clear();
  stream_ = std::move(stream);
  connection->set_deadline(base::kNever);
  connection->set_idle_timeout(base::Duration::zero());
  connection->resume_reading();
  stream_->attach([weak = weak_from_this(), thread = &connection->thread()] {
    thread->post([weak] {
      if (const auto self = weak.lock()) self->write_stream();
    });
  });
}

void HttpConnection::write_stream() {
  const auto connection = connection_.lock();
  if (!connection || !connection->is_open()) return;
  std::vector<base::SharedBytes> pieces;
  const auto state = stream_->take(pieces);
  for (auto& piece : pieces) connection->queue(std::move(piece));
  if (state == HttpStream::State::kOverflowed || connection->queued() > 2 * stream_->max_waiting()) {
    connection->abort(StreamEnd::kSlowReader);
    return;
  }
  connection->flush();
  if (state == HttpStream::State::kEnded) connection->close();
}

void HttpConnection::refuse_body() {
  refuse(config_->too_large ? config_->too_large(parser_->header()) : HttpResponse::text(413, "The request's body is too large.\n"));
}

void HttpConnection::refuse(HttpResponse response) {
  done_ = true;
  in_.clear();
  write(response, false);
  if (const auto connection = connection_.lock()) connection->close();
}

const WebSocketRoute* HttpConnection::websocket_route(const HttpRequest& request) const {
  for (const auto& route : config_->websockets) {
    if (route.path == request.path) return &route;
  }
  return nullptr;
}

// RFC 6455 section 4.2
void HttpConnection::upgrade(const WebSocketRoute& route, const HttpRequest& request) {
  if (request.method != "GET" || !request.header_lists("Connection", "upgrade") || !request.header_lists("Upgrade", "websocket")) {
    return refuse(HttpResponse::text(426, "This is a WebSocket.\n").header("Upgrade", "websocket"));
  }
  if (request.header("Sec-WebSocket-Version") != "13") {
    return refuse(HttpResponse::text(426, "Only WebSocket version 13 is known.\n").header("Sec-WebSocket-Version", "13"));
  }
  const auto accept = websocket_accept(request.header("Sec-WebSocket-Key"));
  if (accept.empty()) return refuse(HttpResponse::text(400, "Sec-WebSocket-Key is not 16 bytes in base64.\n"));
  // RFC 7118 section 4.1: a client that doesn't offer `sip` doesn't speak it.
  if (!route.subprotocol.empty() && !request.header_lists("Sec-WebSocket-Protocol", route.subprotocol)) {
    return refuse(HttpResponse::text(400, "The WebSocket subprotocol " + route.subprotocol + " is needed.\n"));
  }
  if (route.allow_origin && !route.allow_origin(request.header("Origin"), request)) {
    return refuse(HttpResponse::text(403, "Pages of that origin may not open this.\n"));
  }
  const auto connection = connection_.lock();
  std::shared_ptr<void> place;
  if (request.remote != connection->remote() && !(place = ConnectionTable::hold(table_, request.remote))) {
    return refuse(HttpResponse::text(503, "Your address has as many WebSockets open as it may.\n"));
  }
  done_ = true;
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n";
  if (!route.subprotocol.empty()) append_header(head, "Sec-WebSocket-Protocol", route.subprotocol);
  head += "\r\n";
  connection->send(std::move(head));
  connection->set_deadline(base::kNever);
  const auto socket = std::make_shared<WebSocket>(connection, route.options, std::move(place));
  connection->set_handler(socket);
  socket->start();
  route.on_open(socket, request);
  const std::string rest = std::move(in_);
  if (!rest.empty()) socket->on_data(rest);
}

}  // namespace net
