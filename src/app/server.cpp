#include "app/server.hpp"

#include <csignal>
#include <ctime>

#include "app/accounts.hpp"
#include "app/api_token_commands.hpp"
#include "app/node.hpp"
#include "app/webphone_tokens.hpp"
#include "base/log.hpp"
#include "net/tls.hpp"

namespace app {
namespace {

constexpr auto kAccountsInterval = std::chrono::seconds(1);
constexpr auto kEndOfCalls = std::chrono::milliseconds(4000);   // SIGTERM ends all within 5 s

// The certificates in use, read again on SIGHUP.
class Certificates {
 public:
  Certificates(const Config& config) : config_(config) {}

  base::Result<std::shared_ptr<net::TlsServer>> get(const std::string& certificate, const std::string& key, const std::vector<std::string>& names) {
    net::CertificateFiles files{certificate.empty() ? config_.certificate : certificate, certificate.empty() ? config_.key : key};
    if (files.certificate.empty()) {
      auto made = net::make_self_signed(names, config_.data_directory);
      if (!made) return std::unexpected(made.error());
      files = std::move(*made);
    }
    for (const auto& server : servers_) {
      if (server->files().certificate == files.certificate && server->files().key == files.key) return server;
    }
    auto server = net::TlsServer::load(files);
    if (server) servers_.push_back(*server);
    return server;
  }
  void reload() {
    for (const auto& server : servers_) {
      if (auto done = server->reload(); done) {
        spdlog::info("read {} again", server->files().certificate);
      } else {
        spdlog::error("{}; the old certificate stays in use", done.error().detail);
      }
    }
  }

 private:
  const Config& config_;
  std::vector<std::shared_ptr<net::TlsServer>> servers_;
};

bool dual_stack(const base::SocketAddress& address) { return address.is_v6() && address.is_any(); }

sip::Transport transport_of(SipTransport transport) {
  switch (transport) {
    case SipTransport::kUdp: return sip::Transport::kUdp;
    case SipTransport::kTcp: return sip::Transport::kTcp;
    case SipTransport::kTls: return sip::Transport::kTls;
  }
  return sip::Transport::kUdp;
}

std::vector<std::string> all_names(const Config& config) {
  std::vector<std::string> names{"localhost", "127.0.0.1"};
  for (const auto& listener : config.http) {
    names.insert(names.end(), listener.names.begin(), listener.names.end());
    if (!listener.address.is_any() && !listener.address.is_loopback()) names.push_back(listener.address.ip());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

conference::RoomProfile profile_of(const RoomSettings& s) {
  return {.max_members = s.max_members, .video = s.video, .max_video_streams = s.max_video_streams, .video_codecs = s.video_codecs,
          .enable_events = s.enable_events, .echo_events = s.echo_events, .talk_detection_events = s.talk_detection_events,
          .text_messaging = s.text_messaging, .history = s.history_days > 0,
          .mix = {.interval_ms = s.mixing_interval_ms, .silence_threshold_ms = s.silence_threshold_ms, .talking_threshold = s.talking_threshold}};
}

base::Status add_listeners(const Config& config, Certificates& certificates, NodeConfig& node) {
  const auto names = all_names(config);
  const net::ConnectionTable::Limits limits{.total = config.limits.max_connections, .per_ip = config.limits.max_connections_per_ip};
  for (const auto& l : config.http) {
    std::shared_ptr<net::TlsServer> tls;
    if (l.tls) {
      auto server = certificates.get(l.certificate, l.key, names);
      if (!server) return std::unexpected(server.error());
      tls = std::move(*server);
    }
    node.http.listeners.push_back({.address = l.address, .tls = std::move(tls), .dual_stack = dual_stack(l.address)});
    node.http.host_names.insert(node.http.host_names.end(), l.names.begin(), l.names.end());
    node.allowed_origins.push_back(l.origins);
  }
  for (const auto& l : config.sip) {
    std::shared_ptr<net::TlsServer> tls;
    if (l.transport == SipTransport::kTls) {
      auto server = certificates.get(l.certificate, l.key, names);
      if (!server) return std::unexpected(server.error());
      tls = std::move(*server);
    }
    node.sip.listeners.push_back({.transport = transport_of(l.transport), .address = l.address, .tls = std::move(tls),
                                  .dual_stack = dual_stack(l.address), .external = l.external});
  }
  node.http.check_host_always = !node.http.host_names.empty();
  node.http.connections = node.sip.connections = limits;
  if (!config.trusted_proxies.empty()) node.http.proxies = std::make_shared<const net::TrustedProxies>(config.trusted_proxies);
  node.sip.messages.per_second = config.limits.messages_per_second;
  node.sip.messages.burst = config.limits.messages_per_second * 2;
  if (auto client = net::make_tls_client(false)) node.sip.tls_client = *client;
  return {};
}

pbx::TrunkConfig trunk_config(const TrunkSettings& t) {
  return {.name = t.name, .server = t.server, .transport = t.transport, .outbound_proxy = t.outbound_proxy, .username = t.username, .password = t.password,
          .realm = t.realm, .domain = t.domain, .registers = t.registers, .expires = t.expires, .addresses = t.addresses, .caller_number = t.caller_number,
          .number = t.number, .show_caller_name = t.show_caller_name, .max_calls = t.max_calls, .verify_certificate = t.verify_certificate,
          .srtp = t.srtp == TrunkSettings::Srtp::kOffer, .ca_file = t.ca_file};
}

pbx::PbxConfig pbx_config(const Config& config, const bridge::MessagePolicy& messages) {
  pbx::PbxConfig pbx{.guests = config.guests, .guests_create_rooms = config.guests_create_rooms, .realm = config.realm};
  pbx.authentication.algorithms.clear();
  for (const auto algorithm : config.algorithms) pbx.authentication.algorithms.push_back(static_cast<sip::DigestAlgorithm>(algorithm));
  pbx.authentication.nonce_lifetime = config.nonce_lifetime;
  pbx.registrar = {.min_expires = config.min_expires, .max_expires = config.max_expires, .default_expires = config.default_expires,
                   .max_contacts = config.max_contacts};
  pbx.call.messages = messages;
  pbx.call.ring_timeout = config.ring_timeout;
  pbx.rooms.messages = messages;
  pbx.messages.policy = messages;
  pbx.rooms.max_rooms = config.limits.max_rooms;
  pbx.rooms.profile = [&config](std::string_view key) { return profile_of(config.room_settings(key)); };
  for (const auto& line : webphone_lines(config)) {
    pbx.lines.push_back({.name = line.name, .access = static_cast<pbx::LineConfig::Access>(line.access), .password = line.password, .origins = line.origins,
                         .default_target = line.default_target, .call_clients = line.call_clients, .call_accounts = line.call_accounts,
                         .call_rooms = line.call_rooms, .roster = static_cast<pbx::LineConfig::Roster>(line.roster),
                         .number_length = line.number_length, .number_min = line.number_min, .number_max = line.number_max, .max_clients = line.max_clients, .grace = line.grace});
  }
  pbx.rooms.configured = [&config](std::string_view key) { return config.names_room(key); };
  pbx.call.call_waiting = config.call_waiting;
  pbx.dial_plan = config.dial_plan;
  pbx.groups = config.groups;
  pbx.queues = config.queues;
  pbx.supervisors = config.supervisors;
  for (const auto& trunk : config.trunks) pbx.trunks.push_back(trunk_config(trunk));
  pbx.music = config.sounds.music;
  pbx.sounds_directory = config.sounds.directory;
  pbx.requests_per_second = config.limits.requests_per_second;
  pbx.request_burst = config.limits.request_burst;
  pbx.max_calls = config.limits.max_calls;
  return pbx;
}

base::Result<NodeConfig> node_config(const Config& config, Certificates& certificates) {
  NodeConfig node;
  node.io_threads = config.io_threads;
  node.websocket_paths = config.websocket_paths;
  node.web_directory = config.web_directory;
  node.banned = config.limits.banned;
  node.data_directory = config.data_directory;
  // A day is left to who switched the history off by mistake.
  const auto age = [](const RoomSettings& room) { return std::chrono::hours(24) * std::max<std::uint32_t>(room.history_days, 1); };
  node.history_age = age(config.rooms);
  for (const auto& [key, room] : config.room) {
    if (age(room) != node.history_age) node.history_ages[key] = age(room);
  }
  if (config.record_days > 0) node.record_age = std::chrono::hours(24) * config.record_days;
  if (auto added = add_listeners(config, certificates, node); !added) return std::unexpected(added.error());
  const auto& m = config.media;
  node.media = {.addresses = m.addresses, .bind = m.bind, .port = m.port, .rtp_port_min = m.rtp_port_min, .rtp_port_max = m.rtp_port_max,
                .external = m.external, .threads = config.media_threads, .tcp = m.tcp,
                .liveness = std::chrono::duration_cast<std::chrono::milliseconds>(m.liveness)};
  const bridge::MessagePolicy messages{.accepted_types = config.messages.types, .max_body = config.messages.max_size, .rate = config.messages.rate,
                                       .burst = config.messages.burst};
  node.legs.messages = messages;
  node.legs.sdp.video_codecs = config.rooms.video_codecs;
  node.legs.sdp.sdes = config.media.sdes == MediaSettings::Sdes::kOffer ? sdp::SdesPolicy::kOffer : sdp::SdesPolicy::kAccept;
  node.agent.session_expires = config.session_expires;
  node.pbx = pbx_config(config, messages);
  auto keys = load_token_keys(config);
  if (!keys) return std::unexpected(keys.error());
  node.pbx.tokens = std::move(*keys);
  pbx::Pbx::prepare(node.agent);
  return node;
}

void print_addresses(const Config& config, const Node& node) {
  for (std::size_t i = 0; i < config.http.size(); ++i) {
    const auto& address = node.http_address(i);
    const auto scheme = config.http[i].tls ? "https" : "http";
    const auto host = address.is_any() || address.is_loopback() ? "localhost" : address.host();
    fmt::print("Open {}://{}:{}/  (WebSocket: {}://{}:{}{})\n", scheme, host, address.port(), config.http[i].tls ? "wss" : "ws", host, address.port(),
               config.websocket_paths.empty() ? "" : config.websocket_paths.front());
  }
  for (std::size_t i = 0; i < config.sip.size(); ++i) {
    static constexpr std::array<const char*, 3> kNames{"UDP", "TCP", "TLS"};
    fmt::print("SIP over {} on {}\n", kNames[static_cast<std::size_t>(config.sip[i].transport)], node.sip_address(i).to_string());
  }
  std::fflush(stdout);
}

void warn_of_accounts(const Config& config, const std::vector<pbx::Account>& accounts) {
  std::vector<std::string> known;
  for (const auto& account : accounts) known.push_back(account.name);
  for (const auto& line : unknown_accounts(config, known)) spdlog::warn("{}", line);
}

void update_accounts(AccountsFeed& accounts, Node& node) {
  const auto as_of = node.account_changes();   // before the store is read: what the API changes meanwhile is younger
  if (auto changed = accounts.poll()) node.set_accounts(std::move(*changed), as_of);
}

// Waits for the signals that end the program; what happens meanwhile is on other threads.
void wait_for_end(const sigset_t& signals, Certificates& certificates, AccountsFeed& accounts, Node& node) {
  for (;;) {
    const timespec interval{.tv_sec = kAccountsInterval.count(), .tv_nsec = 0};
    const int signal = ::sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) certificates.reload();
    update_accounts(accounts, node);
  }
}

}  // namespace

int serve(const Config& config) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);   // every thread inherits it: the main thread alone takes them
  spdlog::set_level(spdlog::level::from_str(config.log_level));

  const auto fail = [](const base::Error& error) {
    fmt::print(stderr, "parley: {}\n", error.detail);
    return 2;
  };
  auto accounts = AccountsFeed::open(config);
  if (!accounts) return fail(accounts.error());
  if (auto made = ensure_admin_token(config); !made) return fail(made.error());
  Certificates certificates(config);
  auto wanted = node_config(config, certificates);
  if (!wanted) return fail(wanted.error());
  if (auto all = (*accounts)->poll()) {
    warn_of_accounts(config, *all);
    wanted->accounts = std::move(*all);
  }
  auto node = Node::start(std::move(*wanted));
  if (!node) return fail(node.error());
  print_addresses(config, **node);
  wait_for_end(signals, certificates, **accounts, **node);
  spdlog::info("ending all calls");
  (*node)->shut_down(kEndOfCalls);
  return 0;
}

}  // namespace app
