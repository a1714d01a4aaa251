#include "net/http_server.hpp"

#include "net/http_connection.hpp"
#include "net/listener.hpp"

namespace net {

struct HttpServer::Impl {
  std::shared_ptr<const HttpServerConfig> config;
  std::shared_ptr<ConnectionTable> table;
  std::vector<std::unique_ptr<TcpListener>> listeners;
  std::vector<base::SocketAddress> addresses;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { close(); }

base::Result<std::unique_ptr<HttpServer>> HttpServer::start(IoThreads& threads, HttpServerConfig config) {
  auto impl = std::make_unique<Impl>();
  impl->config = std::make_shared<const HttpServerConfig>(std::move(config));
  auto limits = impl->config->connections;
  if (const auto proxies = impl->config->proxies) limits.uncounted = [proxies](const base::SocketAddress& remote) { return proxies->trusts(remote); };
  impl->table = std::make_shared<ConnectionTable>(std::move(limits));
  std::size_t index = 0;
  for (const auto& wanted : impl->config->listeners) {
    // Accepted on one thread, served by each in turn.
    const auto accept = [&threads, config = impl->config, table = impl->table, tls = wanted.tls, turn = index](
                            Fd socket, const base::SocketAddress& remote) mutable {
      if ((config->banned && config->banned(remote)) || !table->admit(remote)) return;   // closed at once
      StreamConnection::Setup setup{table, tls ? tls->context() : nullptr, {}, {}};
      StreamConnection::accept(threads.at(turn++), std::move(socket), remote, std::move(setup), std::make_shared<HttpConnection>(config, table));
    };
    auto listener = TcpListener::listen(threads.at(index++), wanted.address, wanted.dual_stack, accept);
    if (!listener) return std::unexpected(listener.error());
    impl->addresses.push_back((*listener)->local());
    impl->listeners.push_back(std::move(*listener));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

const base::SocketAddress& HttpServer::local(std::size_t listener) const { return impl_->addresses.at(listener); }
std::size_t HttpServer::connections() const { return impl_->table->size(); }
void HttpServer::stop_listening() { impl_->listeners.clear(); }

void HttpServer::close() {
  stop_listening();
  impl_->table->close_all();
}

}  // namespace net
