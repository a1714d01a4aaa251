#include "runtime/sip_endpoint.hpp"

#include <algorithm>
#include <map>

#include "net/listener.hpp"
#include "net/local_addresses.hpp"
#include "runtime/sip_endpoint_io.hpp"
#include "runtime/sip_udp_reader.hpp"
#include "runtime/sip_udp_writer.hpp"

namespace runtime {

namespace {
constexpr std::size_t kEventsAtOnce = 256;       // then the turn ends: what was answered is written, timers run
constexpr std::size_t kStagedAtOnce = 512;       // packets that are handed over before the turn's end
}  // namespace

// The shard's side: all of it on the shard's thread, but what start() and close() do.
class SipEndpoint::Core : public std::enable_shared_from_this<SipEndpoint::Core> {
 public:
  Core(net::IoThreads& threads, Shard& shard, SipReceiver& receiver, SipEndpointConfig config)
      : io(std::make_shared<SipIo>(threads, shard, std::move(config))), shard_(shard), receiver_(&receiver), staged_(io->lanes.size()) {}

  base::Status listen();
  void begin();
  void close();
  void send(const sip::Target& target, const sip::Packet& packet);
  void close_flow(std::uint64_t id);
  std::string local_host(const sip::Target& target);
  std::map<std::string, TlsPeers> tls_peers;
  const std::shared_ptr<SipIo> io;
  std::vector<base::SocketAddress> addresses;    // of the listeners, as bound
  std::atomic<std::size_t> flow_count = 0;

 private:
  struct Entry {
    SipFlowPtr flow;
    sip::Source source;
    bool open = false;
    bool named = false;                          // ours, and its certificate is that of a TlsPeers
  };
  using Peer = std::pair<sip::Transport, base::SocketAddress>;

  base::Status listen_udp(std::uint32_t index, SipLane& lane);
  base::Status listen_stream(std::uint32_t index, SipLane& lane);
  void drain();
  void begin_udp();
  void watch_udp(const std::shared_ptr<SipUdpReader>& reader);
  void read_udp(const std::shared_ptr<SipUdpReader>& reader);
  void leave_udp(const std::shared_ptr<SipUdpReader>& reader);
  void handle(SipEvent& event);
  void opened(SipEvent& event);
  void closed(const SipEvent& event);
  void stage(SipLane& lane, SipOutgoing item);
  bool hand_over(std::size_t lane);
  void flush();
  void fail(const sip::Target& target);
  void send_udp(const sip::Target& target, const sip::Packet& packet);
  Entry* connection_to(const sip::Target& target);
  bool is_named(std::uint64_t flow) const {
    const auto it = flows_.find(flow);
    return it != flows_.end() && it->second.named;
  }
  std::size_t lane_index(const SipLane& lane) const;
  std::optional<std::uint32_t> udp_listener(const sip::Target& target) const;
  std::optional<std::uint32_t> listener_of(sip::Transport transport) const;
  std::string source_ip(const base::SocketAddress& remote, const base::SocketAddress& bound);

  Shard& shard_;
  SipReceiver* receiver_;                        // null: closed
  Shard::HookId hook_ = 0;
  std::vector<std::vector<SipOutgoing>> staged_; // by lane
  std::vector<sip::Target> failed_;
  bool retry_armed_ = false;
  std::vector<SipEvent> events_;
  std::size_t handled_ = 0;
  std::unordered_map<std::uint64_t, Entry> flows_;
  std::map<Peer, std::uint64_t> by_peer_;
  net::RouteSources routes_;
  std::vector<std::unique_ptr<net::TcpListener>> listeners_;
  std::vector<SipLane*> udp_lanes_;              // by listener; null: not UDP
  SipUdpWriter udp_writer_;
  std::size_t next_lane_ = 0;
};

base::Status SipEndpoint::Core::listen() {
  const auto& wanted = io->config.listeners;
  udp_lanes_.resize(wanted.size(), nullptr);
  for (std::uint32_t i = 0; i < wanted.size(); ++i) {
    SipLane& lane = *io->lanes[i % io->lanes.size()];
    const auto status = wanted[i].transport == sip::Transport::kUdp ? listen_udp(i, lane) : listen_stream(i, lane);
    if (!status) return status;
  }
  return {};
}

base::Status SipEndpoint::Core::listen_udp(std::uint32_t index, SipLane& lane) {
  const auto& wanted = io->config.listeners[index];
  net::UdpOptions options;
  options.dual_stack = wanted.dual_stack;
  auto socket = net::UdpSocket::bind(wanted.address, options);
  if (!socket) return std::unexpected(socket.error());
  addresses.push_back(socket->local());
  udp_lanes_[index] = &lane;
  udp_writer_.add(index, *socket);
  auto port = std::make_shared<std::unique_ptr<SipUdpPort>>(std::make_unique<SipUdpPort>(lane, std::move(*socket)));
  lane.thread().run_and_wait([&lane, port, index] { lane.ports[index] = std::move(*port); });
  return {};
}

base::Status SipEndpoint::Core::listen_stream(std::uint32_t index, SipLane& lane) {
  const auto& wanted = io->config.listeners[index];
  if (wanted.transport == sip::Transport::kTls && !wanted.tls) {
    return base::fail(base::ErrorCode::kUnsupported, wanted.address.to_string() + ": TLS needs a certificate");
  }
  const auto accept = [io = io, index, turn = index](net::Fd socket, const base::SocketAddress& remote) mutable {
    const auto& listener = io->config.listeners[index];
    const bool banned = io->bans.is_banned(remote, std::chrono::steady_clock::now());
    if (io->closed || banned || io->inbox.crowded() || !io->table->admit(remote)) {
      return count(banned ? io->counters.banned : io->counters.connections_refused);
    }
    SipLane& to = *io->lanes[turn++ % io->lanes.size()];
    const sip::Source source{listener.transport, remote, {}, io->new_flow_id(), index};
    net::StreamConnection::Setup setup{io->table, listener.tls ? listener.tls->context() : nullptr, {}, {}};
    net::StreamConnection::accept(to.thread(), std::move(socket), remote, std::move(setup),
                                  std::make_shared<SipStreamFlow>(io, to, source, false));
  };
  auto listener = net::TcpListener::listen(lane.thread(), wanted.address, wanted.dual_stack, accept);
  if (!listener) return std::unexpected(listener.error());
  addresses.push_back((*listener)->local());
  listeners_.push_back(std::move(*listener));
  return {};
}

void SipEndpoint::Core::begin() {
  shard_.run_and_wait([this, self = shared_from_this()] {
    hook_ = shard_.on_turn_end([this] { flush(); });
    io->drain = [this] { drain(); };
    io->read_udp = [this](const std::shared_ptr<SipUdpReader>& reader) {
      count(io->counters.udp_calm);
      watch_udp(reader);
    };
    drain();   // what came by connections in the meantime
    begin_udp();
  });
}

void SipEndpoint::Core::close() {
  if (io->closed.exchange(true)) return;
  listeners_.clear();
  const auto end = [this] {
    flush();
    for (auto& [id, entry] : flows_) {
      SipOutgoing item;
      item.kind = SipOutgoing::Kind::kClose;
      item.flow = entry.flow;
      stage(entry.flow->lane(), std::move(item));
    }
    flush();
    receiver_ = nullptr;
    io->drain = nullptr;
    io->read_udp = nullptr;
    for (std::uint32_t i = 0; i < udp_lanes_.size(); ++i) shard_.unwatch(udp_writer_.fd(i));
    udp_writer_.close();
    shard_.remove_hook(hook_);
    flows_.clear();
    by_peer_.clear();
    events_.clear();
  };
  // A shard that has ended already has no thread that could be in the way.
  if (!shard_.run_and_wait([&end] { end(); }, std::chrono::minutes(1))) end();
  for (const auto& lane : io->lanes) {
    lane->thread().run_and_wait([raw = lane.get(), io = io] {
      for (const auto& [index, port] : raw->ports) port->close();
    });
  }
  io->table->close_all();
  std::vector<SipEvent> rest;
  io->inbox.take(rest);   // these may hold flows, which hold all this
}

void SipEndpoint::Core::drain() {
  if (handled_ == events_.size()) {
    handled_ = 0;
    io->inbox.take(events_);
  }
  const auto end = std::min(events_.size(), handled_ + kEventsAtOnce);
  while (receiver_ != nullptr && handled_ < end) {
    SipEvent event = std::move(events_[handled_++]);
    handle(event);
  }
  if (handled_ < events_.size()) io->wake_shard();
}

void SipEndpoint::Core::begin_udp() {
  for (std::uint32_t i = 0; i < udp_lanes_.size(); ++i) {
    if (udp_lanes_[i] == nullptr) continue;
    const auto reader = std::make_shared<SipUdpReader>(*io, addresses[i], i);
    udp_writer_.fd(i) >= 0 && io->config.udp_busy > 0 ? watch_udp(reader) : leave_udp(reader);
  }
}

void SipEndpoint::Core::watch_udp(const std::shared_ptr<SipUdpReader>& reader) {
  const int fd = udp_writer_.fd(reader->listener());
  if (fd < 0) return leave_udp(reader);
  reader->start_anew(shard_.timeline().now());
  shard_.watch(fd, [this, reader] { read_udp(reader); });
}

void SipEndpoint::Core::read_udp(const std::shared_ptr<SipUdpReader>& reader) {
  reader->read(
      udp_writer_.fd(reader->listener()), shard_.timeline().now(),
      [this](const sip::MessagePtr& message, const sip::Source& source) { receiver_->on_message(message, source); },
      [this](std::string answer, const sip::Source& source) { send(sip::Target::back_to(source), {base::share(std::move(answer)), nullptr}); });
  if (!reader->busy()) return;
  shard_.unwatch(udp_writer_.fd(reader->listener()));
  leave_udp(reader);
}

void SipEndpoint::Core::leave_udp(const std::shared_ptr<SipUdpReader>& reader) {
  count(io->counters.udp_busy);
  SipLane& lane = *udp_lanes_[reader->listener()];
  lane.thread().post([&lane, io = io, reader] { lane.ports.at(reader->listener())->take_over(reader); });
}

void SipEndpoint::Core::handle(SipEvent& event) {
  switch (event.kind) {
    case SipEvent::Kind::kMessage: return receiver_->on_message(event.message, event.source);
    case SipEvent::Kind::kFlowOpened: return opened(event);
    case SipEvent::Kind::kFlowClosed: return closed(event);
    case SipEvent::Kind::kSendFailed:
      return receiver_->on_send_failed({event.source.transport, event.source.remote, event.source.flow, event.source.listener});
  }
}

void SipEndpoint::Core::opened(SipEvent& event) {
  auto& entry = flows_[event.source.flow];
  entry = {std::move(event.flow), event.source, true, entry.named};
  // A connection whose certificate was verified keeps its place, whoever comes from that address.
  const auto [place, added] = by_peer_.try_emplace({event.source.transport, event.source.remote}, event.source.flow);
  if (!added && !is_named(place->second)) place->second = event.source.flow;
  flow_count = flows_.size();
}

void SipEndpoint::Core::closed(const SipEvent& event) {
  const auto peer = by_peer_.find({event.source.transport, event.source.remote});
  if (peer != by_peer_.end() && peer->second == event.source.flow) by_peer_.erase(peer);
  const bool known = flows_.erase(event.source.flow) > 0;
  flow_count = flows_.size();
  if (event.never_opened) {
    receiver_->on_send_failed({event.source.transport, event.source.remote, 0, event.source.listener});
  } else if (known) {
    receiver_->on_connection_closed(event.source);
    receiver_->on_flow_closed(event.source.flow);
  }
}

std::size_t SipEndpoint::Core::lane_index(const SipLane& lane) const {
  for (std::size_t i = 0; i < io->lanes.size(); ++i) {
    if (io->lanes[i].get() == &lane) return i;
  }
  return 0;
}

void SipEndpoint::Core::stage(SipLane& lane, SipOutgoing item) {
  const auto index = lane_index(lane);
  auto& staged = staged_[index];
  if (staged.size() >= io->config.outbox) {
    count(io->counters.outbox_full);
    if (item.kind == SipOutgoing::Kind::kPacket) fail(item.target);
    return;
  }
  staged.push_back(std::move(item));
  // Thousands of copies in one turn: the I/O thread begins to write while the rest is still being made.
  if (staged.size() % kStagedAtOnce == 0) hand_over(index);
}

bool SipEndpoint::Core::hand_over(std::size_t lane) {
  auto& staged = staged_[lane];
  if (staged.empty()) return true;
  if (!io->lanes[lane]->give(staged)) return false;
  staged.clear();
  return true;
}

void SipEndpoint::Core::flush() {
  bool all = true;
  for (std::size_t i = 0; i < staged_.size(); ++i) {
    auto& staged = staged_[i];
    if (!staged.empty() && udp_writer_.takes(staged)) count(io->counters.sent, udp_writer_.write(staged, [this](const sip::Target& target) { fail(target); }));
    all = hand_over(i) && all;
  }
  if (!failed_.empty()) {
    shard_.post([self = shared_from_this(), failed = std::exchange(failed_, {})] {
      for (const auto& target : failed) {
        if (self->receiver_ != nullptr) self->receiver_->on_send_failed(target);
      }
    });
  }
  if (!all && !retry_armed_ && receiver_ != nullptr) {
    // The turn that this timer makes ends with another flush.
    retry_armed_ = true;
    shard_.timeline().after(std::chrono::milliseconds(2), [self = shared_from_this()](base::TimePoint) { self->retry_armed_ = false; });
  }
}

void SipEndpoint::Core::fail(const sip::Target& target) {
  count(io->counters.send_errors);
  if (failed_.size() < io->config.outbox) failed_.push_back(target);
}

void SipEndpoint::Core::send(const sip::Target& target, const sip::Packet& packet) {
  if (receiver_ == nullptr || !packet.head) return;
  if (target.flow == 0 && target.transport == sip::Transport::kUdp) return send_udp(target, packet);
  Entry* entry = nullptr;
  if (target.flow != 0) {
    if (const auto it = flows_.find(target.flow); it != flows_.end()) entry = &it->second;
  } else {
    entry = connection_to(target);
  }
  if (entry == nullptr) return fail(target);
  stage(entry->flow->lane(), {SipOutgoing::Kind::kPacket, target, packet, entry->flow});
}

void SipEndpoint::Core::send_udp(const sip::Target& target, const sip::Packet& packet) {
  const auto listener = udp_listener(target);
  if (!listener || !target.remote.valid() || target.remote.port() == 0) return fail(target);
  SipOutgoing item{SipOutgoing::Kind::kPacket, target, packet, nullptr};
  item.target.listener = *listener;
  stage(*udp_lanes_[*listener], std::move(item));
}

std::optional<std::uint32_t> SipEndpoint::Core::udp_listener(const sip::Target& target) const {
  const auto fits = [&](std::uint32_t i) {
    if (udp_lanes_[i] == nullptr) return false;
    const auto& own = addresses[i];
    return own.is_v6() == target.remote.is_v6() || (own.is_v6() && io->config.listeners[i].dual_stack);
  };
  if (target.listener < udp_lanes_.size() && fits(target.listener)) return target.listener;
  for (std::uint32_t i = 0; i < udp_lanes_.size(); ++i) {
    if (fits(i)) return i;
  }
  return std::nullopt;
}

// RFC 3261 section 18.1.1: a connection to that address that is there, or a new one.
SipEndpoint::Core::Entry* SipEndpoint::Core::connection_to(const sip::Target& target) {
  const Peer peer{target.transport, target.remote};
  const bool tls = target.transport == sip::Transport::kTls;
  const auto holds = [&](const auto& one) { return std::ranges::find(one.second.addresses, target.remote) != one.second.addresses.end(); };
  const auto named = tls ? std::ranges::find_if(tls_peers, holds) : tls_peers.end();
  const auto there = by_peer_.find(peer);
  if (there != by_peer_.end() && (named == tls_peers.end() || is_named(there->second))) return &flows_.at(there->second);
  const bool possible = target.transport == sip::Transport::kTcp || (tls && (named != tls_peers.end() || io->config.tls_client));
  if (!possible || !target.remote.valid() || target.remote.port() == 0) return nullptr;
  SipLane& lane = *io->lanes[next_lane_++ % io->lanes.size()];
  const sip::Source source{target.transport, target.remote, {}, io->new_flow_id(), listener_of(target.transport).value_or(0)};
  const auto flow = std::make_shared<SipStreamFlow>(io, lane, source, true);
  if (named != tls_peers.end()) flow->set_tls(named->second.name, named->second.context);
  Entry& entry = flows_[source.flow] = {flow, source, false, named != tls_peers.end()};
  by_peer_[peer] = source.flow;
  flow_count = flows_.size();
  stage(lane, {SipOutgoing::Kind::kConnect, target, {}, flow});
  return &entry;
}

void SipEndpoint::Core::close_flow(std::uint64_t id) {
  const auto it = flows_.find(id);
  if (it == flows_.end()) return;
  stage(it->second.flow->lane(), {SipOutgoing::Kind::kClose, {}, {}, it->second.flow});
}

std::optional<std::uint32_t> SipEndpoint::Core::listener_of(sip::Transport transport) const {
  for (std::uint32_t i = 0; i < addresses.size(); ++i) {
    if (io->config.listeners[i].transport == transport) return i;
  }
  return std::nullopt;
}

std::string SipEndpoint::Core::source_ip(const base::SocketAddress& remote, const base::SocketAddress& bound) {
  if (!bound.is_any()) return bound.host();
  const auto source = routes_.find(remote, shard_.timeline().now());
  return source ? source->host() : bound.host();
}

std::string SipEndpoint::Core::local_host(const sip::Target& target) {
  const auto named = [&](const std::string& external, std::uint16_t port) -> std::optional<std::string> {
    if (external.empty() || target.remote.is_loopback()) return std::nullopt;
    const bool has_port = external.rfind(':') != external.npos && external.back() != ']';
    return has_port ? external : external + ":" + std::to_string(port);
  };
  const Entry* entry = nullptr;
  if (const auto it = flows_.find(target.flow); it != flows_.end()) entry = &it->second;
  if (target.transport == sip::Transport::kWs || target.transport == sip::Transport::kWss) {
    const auto local = entry != nullptr ? entry->source.local : base::SocketAddress{};
    if (auto name = named(io->config.websocket_external, local.port())) return *name;
    return local.to_string();
  }
  const auto listener = target.transport == sip::Transport::kUdp ? udp_listener(target) : listener_of(target.transport);
  if (!listener) return entry != nullptr && entry->open ? entry->source.local.to_string() : source_ip(target.remote, {}) + ":5060";
  const auto& bound = addresses[*listener];
  if (auto name = named(io->config.listeners[*listener].external, bound.port())) return *name;
  const auto ip = entry != nullptr && entry->open ? entry->source.local.host() : source_ip(target.remote, bound);
  return ip + ":" + std::to_string(bound.port());
}

SipEndpoint::SipEndpoint(std::shared_ptr<Core> core) : core_(std::move(core)) {}
SipEndpoint::~SipEndpoint() { close(); }

base::Result<std::unique_ptr<SipEndpoint>> SipEndpoint::start(net::IoThreads& threads, Shard& shard, SipReceiver& receiver,
                                                              SipEndpointConfig config) {
  std::unique_ptr<SipEndpoint> endpoint(new SipEndpoint(std::make_shared<Core>(threads, shard, receiver, std::move(config))));
  if (auto status = endpoint->core_->listen(); !status) return std::unexpected(status.error());
  endpoint->core_->begin();
  return endpoint;
}

void SipEndpoint::send(const sip::Target& target, const sip::Packet& packet) { core_->send(target, packet); }
std::string SipEndpoint::local_host(const sip::Target& target) { return core_->local_host(target); }
void SipEndpoint::close_flow(std::uint64_t flow) { core_->close_flow(flow); }
void SipEndpoint::set_tls_peers(const std::string& key, TlsPeers peers) { core_->tls_peers[key] = std::move(peers); }
const base::SocketAddress& SipEndpoint::local_address(std::size_t listener) const { return core_->addresses.at(listener); }
net::BanList& SipEndpoint::bans() { return core_->io->bans; }
std::size_t SipEndpoint::flows() const { return core_->flow_count; }
void SipEndpoint::close() { core_->close(); }

net::WebSocketRoute SipEndpoint::websocket_route(std::string path,
                                                 std::function<bool(std::string_view, const net::HttpRequest&)> allow_origin) {
  net::WebSocketRoute route;
  route.path = std::move(path);
  route.subprotocol = "sip";
  route.allow_origin = std::move(allow_origin);
  route.on_open = [io = core_->io](const std::shared_ptr<net::WebSocket>& socket, const net::HttpRequest& request) {
    const auto& connection = *socket->connection();
    SipLane* lane = io->lane_of(connection.thread());
    const bool banned = io->bans.is_banned(request.remote, std::chrono::steady_clock::now());
    if (lane == nullptr || io->closed || banned || io->inbox.crowded()) {
      count(banned ? io->counters.banned : io->counters.connections_refused);
      return socket->close(net::ws_close::kPolicy);
    }
    const auto transport = connection.secure() ? sip::Transport::kWss : sip::Transport::kWs;
    const sip::Source source{transport, request.remote, connection.local(), io->new_flow_id(), 0};
    const auto flow = std::make_shared<SipWebSocketFlow>(io, *lane, source, socket);
    socket->set_handler(flow);
    flow->start();
  };
  return route;
}

SipCounters SipEndpoint::counters() const {
  const auto& c = core_->io->counters;
  return {c.received, c.sent, c.keep_alives, c.malformed, c.rate_limited, c.banned, c.inbox_full, c.outbox_full,
          c.send_errors, c.flows_opened, c.flows_closed, c.connections_refused, c.udp_busy, c.udp_calm};
}

}  // namespace runtime
