#include "app/node.hpp"

#include "api/event_source.hpp"
#include "api/rest.hpp"
#include "api/static_files.hpp"
#include "api/webphone_api.hpp"
#include "app/origin_log.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "runtime/shard.hpp"
#include "store/message_store_sqlite.hpp"

namespace app {
namespace {

constexpr base::Duration kForEver = std::chrono::hours(24 * 365 * 100);
constexpr base::Duration kExpiryInterval = std::chrono::hours(1);
constexpr base::Duration kAbuseBan = std::chrono::minutes(10);
constexpr std::chrono::milliseconds kEndOfRegistrations{1000};   // at the stop: a provider that is away is not waited for

net::Resolver::Service service_of(sip::Transport transport) {
  switch (transport) {
    case sip::Transport::kTls: return net::Resolver::Service::kTls;
    case sip::Transport::kTcp: return net::Resolver::Service::kTcp;
    default: return net::Resolver::Service::kUdp;
  }
}

bool goes_by_tls(const pbx::TrunkConfig& trunk) { return base::equals_ignoring_case(trunk.transport, "tls"); }

// What the certificates of those whom a trunk's requests go to are held against, by the name that is looked up.
base::Result<std::map<std::string, net::SslContext>> tls_of(const std::vector<pbx::TrunkConfig>& trunks) {
  std::map<std::string, net::SslContext> contexts;
  for (const auto& trunk : trunks) {
    if (!goes_by_tls(trunk)) continue;
    auto context = net::make_tls_client(trunk.verify_certificate, trunk.ca_file);
    if (!context) return base::fail(context.error().code, "trunk " + trunk.name + ": " + context.error().detail);
    contexts[trunk.outbound_proxy.empty() ? trunk.server : trunk.outbound_proxy] = std::move(*context);
  }
  return contexts;
}

// The scripts that any page may load, from any origin: the file, or nothing.
std::string_view public_script(std::string_view path) {
  if (path == "/WebphoneAPI") return "/webphone-api.js";
  return path == "/widget.js" || path == "/widget-chat.js" ? path : std::string_view();
}

net::HttpResponse serve_script(const api::StaticFiles& files, net::HttpRequest request, std::string_view file) {
  request.path = std::string(file);
  auto response = files.serve(request);
  if (response.status != 200 && response.status != 304) return response;   // no refusal is kept by a cache
  std::erase_if(response.headers, [](const auto& h) { return h.first == "Cache-Control" || h.first == "Cross-Origin-Resource-Policy"; });
  response.header("Access-Control-Allow-Origin", "*").header("Cross-Origin-Resource-Policy", "cross-origin").header("Cache-Control", "public, max-age=300");
  return response;
}

struct OriginRule {
  base::SocketAddress listener;
  std::vector<std::string> origins;
};

bool origin_allowed(std::string_view origin, const net::HttpRequest& request, const std::vector<OriginRule>& rules, const std::vector<pbx::LineConfig>& lines) {
  if (origin.empty()) return true;   // no browser
  const auto host_at = origin.find("://");
  if (host_at != origin.npos && base::equals_ignoring_case(origin.substr(host_at + 3), request.header("Host"))) return true;
  // A list that a listener has counts, whatever the lines say.
  for (const auto& rule : rules) {
    if (rule.listener.port() != request.local.port() || !(rule.listener.is_any() || rule.listener.same_ip(request.local))) continue;
    if (!rule.origins.empty()) {
      return std::any_of(rule.origins.begin(), rule.origins.end(), [&](const auto& o) { return o == "*" || base::equals_ignoring_case(o, origin); });
    }
    // Who may do what with a webphone's socket is decided by its line's number and secret.
    const bool line = std::any_of(lines.begin(), lines.end(), [&](const auto& l) { return pbx::Webphone::origin_allowed(l, origin); });
    return line || (request.local.is_loopback() && request.remote.is_loopback());   // not by way of a proxy on this machine
  }
  return false;
}

}  // namespace

// What lives on the shard's thread: made, used and destroyed there.
class Node::Core final : public runtime::SipReceiver {
 public:
  Core(const NodeConfig& config, runtime::Shard& shard, runtime::MediaPool& media, api::EventStream* events)
      : config_(config), environment_{.timeline = shard.timeline(), .media = media, .config = config.legs}, media_(media) {
    if (events) event_source_ = std::make_unique<api::EventSource>(*events, environment_.timeline);
  }

  void begin(runtime::SipEndpoint& network) {
    accounts_.replace(config_.accounts);
    pbx_ = std::make_unique<pbx::Pbx>(config_.pbx, environment_, accounts_);
    if (event_source_) pbx_->set_observer(*event_source_);
    pbx_->on_abuse([&network](const base::SocketAddress& address) {
      const auto source = address.network();
      spdlog::warn("{}{} is banned for 10 minutes: too many wrong passwords", source.ip(), source.is_v6() ? "/64" : "");
      network.bans().ban(source, std::chrono::steady_clock::now(), kAbuseBan);
    });
    pbx_->on_close_flow([&network](std::uint64_t flow) { network.close_flow(flow); });
    agent_ = std::make_unique<sip::UserAgent>(config_.agent, environment_.timeline, network, *pbx_);
    pbx_->attach(*agent_);
    media_.set_events(*pbx_);
    expire();
  }
  // Retention, now and then: in small steps on the store's own thread.
  void expire() {
    if (!config_.pbx.rooms.store) return;
    const auto now = environment_.timeline.wall();
    store::Expiry expiry{.now = now, .messages_before = now - config_.history_age, .calls_before = std::nullopt};
    if (config_.record_age) expiry.calls_before = now - *config_.record_age;
    for (const auto& [room, age] : config_.history_ages) expiry.of_conversations["room:" + room] = now - age;
    const auto queued = config_.pbx.rooms.store->expire(std::move(expiry), [](base::Result<store::Expired>) {});
    static_cast<void>(queued);   // too busy: the next time
    expiry_ = environment_.timeline.after(kExpiryInterval, [this](base::TimePoint) { expire(); });
  }
  void end() {
    environment_.timeline.cancel(expiry_);
    // Legs belong to the PBX and speak to the agent, which calls them back: the calls first, then the agent.
    if (pbx_) pbx_->trunks().close();
    if (agent_) agent_->shut_down("SIP;cause=503;text=\"Server stopped\"");
    agent_.reset();
    pbx_.reset();
  }
  pbx::Accounts& accounts() { return accounts_; }
  sip::UserAgent* agent() { return agent_.get(); }
  pbx::Pbx* pbx() { return pbx_.get(); }

  void on_message(const sip::MessagePtr& message, const sip::Source& source) override {
    if (agent_) agent_->on_message(message, source);
  }
  void on_flow_closed(std::uint64_t flow) override {
    if (pbx_) pbx_->on_flow_closed(flow);
    if (agent_) agent_->on_flow_closed(flow);
  }
  void on_connection_closed(const sip::Source& source) override {
    if (pbx_) pbx_->on_connection_closed(source);
  }
  void on_send_failed(const sip::Target& target) override {
    if (agent_) agent_->on_send_failed(target);
  }

 private:
  const NodeConfig& config_;
  bridge::LegEnvironment environment_;
  runtime::MediaPool& media_;
  pbx::Accounts accounts_;
  std::unique_ptr<api::EventSource> event_source_;
  std::unique_ptr<pbx::Pbx> pbx_;
  std::unique_ptr<sip::UserAgent> agent_;
  base::TimerQueue::Id expiry_ = 0;
};

Node::Node(NodeConfig config) : config_(std::move(config)) {}

base::Result<std::unique_ptr<Node>> Node::start(NodeConfig config) {
  std::unique_ptr<Node> node(new Node(std::move(config)));
  if (auto opened = node->open(); !opened) return std::unexpected(opened.error());
  return node;
}

base::Status Node::open() {
  threads_ = std::make_unique<net::IoThreads>(std::max<std::size_t>(1, config_.io_threads));
  shard_ = std::make_unique<runtime::Shard>();
  if (!config_.data_directory.empty()) {
    auto messages = store::open_sqlite_messages(config_.data_directory, [shard = shard_.get()](std::function<void()> work) { shard->post(std::move(work)); });
    if (!messages) return std::unexpected(messages.error());
    messages_ = std::move(*messages);
    config_.pbx.rooms.store = messages_.get();
    events_ = std::make_shared<api::EventStream>();
  }
  if (auto trunks = open_trunks(); !trunks) return trunks;
  auto media = runtime::MediaPool::start(config_.media, *shard_);
  if (!media) return std::unexpected(media.error());
  media_ = std::move(*media);
  core_ = std::make_unique<Core>(config_, *shard_, *media_, events_.get());
  auto endpoint = runtime::SipEndpoint::start(*threads_, *shard_, *core_, config_.sip);
  if (!endpoint) return std::unexpected(base::Error{endpoint.error().code, "SIP on " + endpoint.error().detail});
  sip_ = std::move(*endpoint);
  for (const auto& address : config_.banned) sip_->bans().ban(address, std::chrono::steady_clock::now(), kForEver);
  const auto origins = std::make_shared<OriginLog>();
  shard_->run_and_wait([this, origins] {
    core_->begin(*sip_);
    core_->pbx()->webphone().on_refused_origin([origins](const pbx::LineConfig& line, std::string_view origin) {
      if (const auto said = origins->refused_by_line(line.name, origin, std::chrono::steady_clock::now())) spdlog::warn("{}", *said);
    });
  });
  config_.accounts = {};
  return open_http(origins);
}

// Pages, APIs and WebSockets, when there is somebody to answer them.
base::Status Node::open_http(const std::shared_ptr<OriginLog>& origins) {
  auto http = config_.http;
  http.banned = [endpoint = sip_.get()](const base::SocketAddress& remote) { return endpoint->bans().is_banned(remote, std::chrono::steady_clock::now()); };
  std::shared_ptr<api::StaticFiles> files;
  if (!config_.web_directory.empty()) {
    auto loaded = api::StaticFiles::load(config_.web_directory);
    if (!loaded) return std::unexpected(loaded.error());
    files = std::make_shared<api::StaticFiles>(std::move(*loaded));
  }
  const auto on_pbx = [this](std::function<void(pbx::Pbx&)> work) {
    shard_->post([this, work = std::move(work)] {
      if (auto* pbx = core_->pbx()) work(*pbx);
    });
  };
  auto webphone = std::make_shared<api::WebphoneApi>(on_pbx, config_.pbx.realm, config_.websocket_paths.empty() ? std::string("/ws") : config_.websocket_paths.front());
  auto rest = make_rest(on_pbx);
  if (!rest) return std::unexpected(rest.error());
  http.body_limit = [api = *rest](const net::HttpRequest& header) {
    if (api && api::RestApi::is_for(header.path)) return api->body_limit(header);
    return api::WebphoneApi::is_for(header) ? api::WebphoneApi::kMaxBody : std::size_t{0};
  };
  http.too_large = [](const net::HttpRequest& header) {
    if (api::RestApi::is_for(header.path)) return api::RestApi::too_large();
    return api::WebphoneApi::is_for(header) ? api::WebphoneApi::too_large(header) : net::HttpResponse::text(413, "Nothing so large is taken here.\n");
  };
  http.handler = [files, webphone, api = *rest](net::HttpRequest request, net::HttpRespond respond) {
    if (api && api::RestApi::is_for(request.path)) return api->handle(std::move(request), std::move(respond));
    if (api::WebphoneApi::is_for(request)) return webphone->handle(request, std::move(respond));
    if (const auto script = public_script(request.path); files && !script.empty()) return respond(serve_script(*files, request, script));
    respond(files ? files->serve(request) : net::HttpResponse::text(404, "No pages here: the server was started without them.\n"));
  };
  // Filled when the listeners' ports are known; I/O threads read it from then on.
  auto rules = std::make_shared<std::atomic<std::shared_ptr<const std::vector<OriginRule>>>>(std::make_shared<const std::vector<OriginRule>>());
  for (const auto& path : config_.websocket_paths) {
    http.websockets.push_back(sip_->websocket_route(path, [rules, lines = config_.pbx.lines, origins](std::string_view origin, const net::HttpRequest& request) {
      if (origin_allowed(origin, request, *rules->load(), lines)) return true;
      if (const auto said = origins->refused_by_listener(request.local.to_string(), origin, std::chrono::steady_clock::now())) spdlog::warn("{}", *said);
      return false;
    }));
  }
  const auto listeners = http.listeners.size();
  auto server = net::HttpServer::start(*threads_, std::move(http));
  if (!server) return std::unexpected(base::Error{server.error().code, "HTTP on " + server.error().detail});
  http_ = std::move(*server);
  auto known = std::make_shared<std::vector<OriginRule>>();
  for (std::size_t i = 0; i < listeners; ++i) {
    known->push_back({http_->local(i), i < config_.allowed_origins.size() ? config_.allowed_origins[i] : std::vector<std::string>{}});
  }
  rules->store(std::move(known));
  return {};
}

base::Status Node::open_trunks() {
  if (config_.pbx.trunks.empty()) return {};
  auto contexts = tls_of(config_.pbx.trunks);
  if (!contexts) return std::unexpected(contexts.error());
  auto resolver = net::Resolver::start(config_.resolver);
  if (!resolver) return std::unexpected(resolver.error());
  resolver_ = std::move(*resolver);
  // Asked for on the shard, answered there; the resolver and the endpoint live longer than its last work.
  config_.pbx.resolve = [this, contexts = std::move(*contexts)](const std::string& name, sip::Transport transport, auto done) {
    const auto found = contexts.find(name);
    auto context = transport == sip::Transport::kTls && found != contexts.end() ? found->second : nullptr;
    resolver_->resolve(name, service_of(transport), [this, name, context = std::move(context), done = std::move(done)](std::vector<base::SocketAddress> addresses) {
      shard_->post([this, name, context, done, addresses = std::move(addresses)] {
        const auto host = net::parse_host_port(name);
        if (context && host && !addresses.empty()) sip_->set_tls_peers(name, {host->literal ? std::string() : host->host, addresses, context});
        done(addresses);
      });
    });
  };
  return {};
}

// Null: there is no store to have accounts and tokens in.
base::Result<std::shared_ptr<api::RestApi>> Node::make_rest(const OnPbx& on_pbx) {
  if (config_.data_directory.empty()) return nullptr;
  auto opened = api::RestStore::open(config_.data_directory);
  if (!opened) return std::unexpected(opened.error());
  const std::shared_ptr<api::RestStore> store = std::move(*opened);
  store->on_tick([events = events_, &tokens = store->tokens()] { events->tick(tokens, std::chrono::steady_clock::now()); });
  api::RestBackend backend{.on_pbx = on_pbx, .store = store, .events = events_, .messages = messages_.get(), .webphone_keys = &config_.pbx.tokens,
                           .realm = config_.pbx.realm, .version = PARLEY_VERSION};
  return std::make_shared<api::RestApi>(std::move(backend), config_.api_limits);
}

Node::~Node() {
  if (http_) http_->stop_listening();
  if (shard_ && core_) shard_->run_and_wait([this] { core_->end(); });
  if (sip_) sip_->close();
  resolver_.reset();
  if (events_) events_->close();
  if (http_) http_->close();
  // What waits for the disk is written and answered; then the shard goes, before what its last work may refer to.
  if (messages_) messages_->close();
  if (shard_) shard_->stop();
  http_.reset();
  // Whoever was still being answered: nobody asks from here on.
  for (std::size_t i = 0; threads_ && i < threads_->size(); ++i) threads_->at(i).run_and_wait([] {});
  sip_.reset();
  core_.reset();
  media_.reset();
}

void Node::set_accounts(std::vector<pbx::Account> accounts, std::uint64_t as_of) {
  shard_->run_and_wait([this, &accounts, as_of] { core_->pbx()->set_accounts(std::move(accounts), as_of); });
}
std::uint64_t Node::account_changes() const { return core_->accounts().changes(); }

NodeStatus Node::status() {
  NodeStatus status;
  shard_->run_and_wait([&] {
    status = {.rooms = core_->pbx()->rooms().size(), .calls = core_->pbx()->calls(), .sessions = core_->agent()->sessions(),
              .bindings = core_->pbx()->registrar().size()};
  });
  status.flows = sip_->flows();
  status.web_connections = http_->connections();
  return status;
}

const base::SocketAddress& Node::sip_address(std::size_t listener) const { return sip_->local_address(listener); }
const base::SocketAddress& Node::http_address(std::size_t listener) const { return http_->local(listener); }

void Node::shut_down(std::chrono::milliseconds limit) {
  http_->stop_listening();
  shard_->run_and_wait([this] {
    core_->pbx()->trunks().close();
    core_->agent()->shut_down("SIP;cause=503;text=\"Server stopped\"");
  });
  const auto now = std::chrono::steady_clock::now();
  const auto end = now + limit, end_of_registrations = now + std::min(limit, kEndOfRegistrations);
  std::size_t left = 1;
  while (left != 0 && std::chrono::steady_clock::now() < end) {
    shard_->run_and_wait([&] {
      const bool registered = !core_->pbx()->trunks().closed() && std::chrono::steady_clock::now() < end_of_registrations;
      left = core_->agent()->sessions() + (registered ? 1 : 0);
    });
    if (left != 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace app
