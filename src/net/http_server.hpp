// An HTTP/1.1 and WebSocket server: several listeners, limits before anything is buffered, Host and Origin checked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/connection_table.hpp"
#include "net/http.hpp"
#include "net/io_threads.hpp"
#include "net/tls.hpp"
#include "net/trusted_proxies.hpp"
#include "net/websocket.hpp"

namespace net {

// Where a WebSocket may be opened.
struct WebSocketRoute {
  std::string path;                                            // "/ws", exactly
  std::string subprotocol;                                     // must be offered, or 400 (RFC 7118 section 4.1); "" : any
  // May a page of this Origin ("" : none sent) open it? Null: every origin may.
  std::function<bool(std::string_view origin, const HttpRequest& request)> allow_origin;
  // Called on the connection's I/O thread; sets the socket's handler.
  std::function<void(std::shared_ptr<WebSocket> socket, const HttpRequest& request)> on_open;
  WebSocketOptions options;
};

struct HttpServerConfig {
  struct Listener {
    base::SocketAddress address;
    std::shared_ptr<TlsServer> tls;                            // null: plain
    bool dual_stack = false;
  };
  std::vector<Listener> listeners;
  std::function<void(HttpRequest, HttpRespond)> handler;       // called on an I/O thread; must not wait
  std::function<std::size_t(const HttpRequest& header)> body_limit;   // null: 64 KiB
  std::function<HttpResponse(const HttpRequest& header)> too_large;   // what a body over the limit is answered (413); null: plain text
  std::vector<WebSocketRoute> websockets;
  // Names that a Host header may hold, without port, beside localhost, 127.0.0.1, [::1] and the address connected to.
  // Checked on connections to a loopback address (DNS rebinding), and on all when `check_host_always`: there an IP address, which no
  // name server can bind anew, is taken too.
  std::vector<std::string> host_names;
  bool check_host_always = false;
  std::size_t header_limit = 16 * 1024;
  base::Duration request_timeout = std::chrono::seconds(10);   // for a whole header, and for each pause in a body
  base::Duration keep_alive = std::chrono::seconds(60);        // between requests
  base::Duration response_timeout = std::chrono::seconds(120); // for our own handler
  ConnectionTable::Limits connections;                         // of one address: a trusted proxy is counted as those for whom it opens WebSockets
  std::shared_ptr<const TrustedProxies> proxies;               // null: none
  std::function<bool(const base::SocketAddress&)> banned;      // any thread; null: nobody
};

// Made and destroyed on any thread but an I/O thread; its threads must outlive it.
class HttpServer {
 public:
  // Binds all listeners or none; the error names the address.
  static base::Result<std::unique_ptr<HttpServer>> start(IoThreads& threads, HttpServerConfig config);
  ~HttpServer();
  const base::SocketAddress& local(std::size_t listener) const;
  std::size_t connections() const;
  void stop_listening();
  void close();                                                // and all connections

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace net
