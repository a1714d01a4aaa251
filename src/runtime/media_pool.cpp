#include "runtime/media_pool.hpp"

#include "base/log.hpp"
#include "webrtc/candidate.hpp"
#include "webrtc/certificate.hpp"
#include "webrtc/dtls.hpp"

namespace runtime {
namespace {

constexpr base::Duration kAddressAge = std::chrono::seconds(5);   // networks come and go
constexpr int kPortTries = 64;

base::SocketAddress wildcard(bool v6) { return *base::SocketAddress::parse(v6 ? "::" : "0.0.0.0", 0); }

}  // namespace

base::Result<std::unique_ptr<MediaPool>> MediaPool::start(const MediaConfig& config, Shard& shard) {
  std::unique_ptr<MediaPool> pool(new MediaPool(config, shard));
  auto certificate = webrtc::Certificate::make(std::chrono::system_clock::now());
  if (!certificate) return std::unexpected(certificate.error());
  auto dtls = webrtc::DtlsContext::make(*certificate);
  if (!dtls) return std::unexpected(dtls.error());
  pool->dtls_ = *dtls;
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  const auto threads = config.threads != 0 ? config.threads : std::max(1u, cores - 1);
  for (unsigned i = 0; i < threads; ++i) {
    auto address = config.bind.valid() ? config.bind : wildcard(true);
    address.set_port(config.port == 0 ? 0 : static_cast<std::uint16_t>(config.port + i));
    auto worker = MediaWorker::start({.address = address, .liveness = config.liveness, .tcp = config.tcp}, *pool, fmt::format("media-{}", i));
    if (!worker) return std::unexpected(worker.error());
    pool->workers_.push_back(std::move(*worker));
  }
  shard.run_and_wait([raw = pool.get(), &shard] {
    raw->hook_ = shard.on_turn_end([raw] {
      for (auto* worker : std::exchange(raw->to_wake_, {})) worker->wake();
    });
  });
  return pool;
}

// All threads end before the first worker goes: moved legs write to others' ports.
MediaPool::~MediaPool() {
  shard_.run_and_wait([this] { shard_.remove_hook(hook_); }, std::chrono::seconds(10));   // one that has ended runs no hooks
  for (auto& worker : workers_) worker->stop();
}

void MediaPool::post_media_event(std::function<void(bridge::MediaEvents&)> event) {
  shard_.post([this, event = std::move(event)] {
    if (events_) event(*events_);
  });
}

bridge::BridgeId MediaPool::create_bridge(const bridge::MixOptions& options) {
  const auto least = std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) { return a->load() < b->load(); });
  const bridge::BridgeId id{++last_bridge_};
  bridges_.emplace(id, least->get());
  give(**least, [id, options](MediaWorker& w) { w.add_bridge(id, options); });
  return id;
}

void MediaPool::remove_bridge(bridge::BridgeId bridge) {
  const auto found = bridges_.find(bridge);
  if (found == bridges_.end()) return;
  give(*found->second, [bridge](MediaWorker& w) { w.remove_bridge(bridge); });
  bridges_.erase(found);
}

MediaWorker* MediaPool::worker_of(bridge::LegId leg) {
  const auto found = legs_.find(leg);
  return found == legs_.end() ? nullptr : found->second;
}

// Loopback last: browsers hide it, and a page on this machine reaches every other address as well.
std::vector<base::SocketAddress> MediaPool::offered_addresses() {
  if (!config_.addresses.empty()) return config_.addresses;
  const auto now = shard_.timeline().now();
  if (!addresses_.empty() && now - addresses_read_ < kAddressAge) return addresses_;
  addresses_read_ = now;
  addresses_.clear();
  const bool v6 = workers_.front()->dual_stack() || config_.bind.is_v6();
  const bool v4 = workers_.front()->dual_stack() || !config_.bind.is_v6();
  const auto all = net::local_addresses();
  for (const bool loopback : {false, true}) {
    for (const auto& local : all) {
      if (local.loopback != loopback || (local.link_local && local.address.is_v6())) continue;
      if (local.address.is_v6() ? !v6 : !v4) continue;
      if (config_.bind.valid() && !config_.bind.is_any() && !config_.bind.same_ip(local.address)) continue;
      addresses_.push_back(local.address);
    }
  }
  return addresses_;
}

base::Result<bridge::WebRtcEndpoint> MediaPool::create_webrtc_leg(bridge::LegId leg, bridge::BridgeId bridge) {
  const auto found = bridges_.find(bridge);
  if (found == bridges_.end()) return base::fail(base::ErrorCode::kInternal, "no such bridge");
  auto& worker = *found->second;
  auto credentials = webrtc::make_ice_credentials();
  auto addresses = offered_addresses();
  if (config_.external.valid()) addresses.insert(addresses.begin(), config_.external);
  bridge::WebRtcEndpoint endpoint{.ufrag = credentials.ufrag, .pwd = credentials.pwd, .fingerprint_hash = dtls_->certificate().fingerprint().hash,
                                  .fingerprint = dtls_->certificate().fingerprint().value, .candidates = {}, .address = {}};
  const auto tcp = worker.tcp_port();
  for (const auto& candidate : webrtc::make_host_candidates(addresses, worker.udp_port(), tcp ? std::optional(tcp) : std::nullopt)) {
    endpoint.candidates.push_back(candidate.value());
  }
  endpoint.address = addresses.empty() ? *base::SocketAddress::parse("127.0.0.1", 0) : addresses.front();
  endpoint.address.set_port(worker.udp_port());
  legs_.emplace(leg, &worker);
  give(worker, [leg, bridge, dtls = dtls_, credentials = std::move(credentials)](MediaWorker& w) {
    w.add_webrtc_leg(leg, bridge, {.local = credentials, .remote = {}, .dtls = dtls});
  });
  return endpoint;
}

base::Result<MediaLeg::Plain> MediaPool::bind_pair(const base::SocketAddress& local) {
  // Even for RTP, the next for RTCP (RFC 3550 section 11), where both are free.
  const net::UdpOptions options{.dual_stack = false, .receive_buffer = 256 << 10, .send_buffer = 256 << 10};
  base::Error last{base::ErrorCode::kUnavailable, "no RTP port is free"};
  const bool ranged = config_.rtp_port_min != 0;
  for (int i = 0; i < kPortTries; ++i) {
    auto address = local;
    if (ranged) {
      if (next_port_ < config_.rtp_port_min || next_port_ + 1 > config_.rtp_port_max) next_port_ = static_cast<std::uint16_t>((config_.rtp_port_min + 1) & ~1);
      address.set_port(std::exchange(next_port_, static_cast<std::uint16_t>(next_port_ + 2)));
    }
    auto rtp = net::UdpSocket::bind(address, options);
    if (!rtp) {
      last = rtp.error();
      continue;
    }
    // The system's choice may be the odd one of a pair.
    const auto port = rtp->local().port();
    address.set_port(static_cast<std::uint16_t>(port ^ 1));
    auto rtcp = net::UdpSocket::bind(address, options);
    if (!rtcp) {
      last = rtcp.error();
      continue;
    }
    if (port % 2 != 0) std::swap(*rtp, *rtcp);
    return MediaLeg::Plain{std::move(*rtp), std::move(*rtcp)};
  }
  return std::unexpected(last);
}

base::Result<bridge::RtpEndpoint> MediaPool::create_rtp_leg(bridge::LegId leg, bridge::BridgeId bridge, const base::SocketAddress& peer) {
  const auto found = bridges_.find(bridge);
  if (found == bridges_.end()) return base::fail(base::ErrorCode::kInternal, "no such bridge");
  auto local = config_.bind.valid() && !config_.bind.is_any() ? config_.bind : wildcard(peer.is_v6());
  local.set_port(0);
  auto sockets = bind_pair(local);
  if (!sockets) return std::unexpected(sockets.error());
  auto advertised = routes_.find(peer, shard_.timeline().now()).value_or(*base::SocketAddress::parse("127.0.0.1", 0));
  const bool private_peer = peer.is_loopback() || advertised.is_loopback();
  if (config_.external.valid() && !private_peer) advertised = config_.external;
  advertised.set_port(sockets->rtp.local().port());
  bridge::RtpEndpoint endpoint{.rtp = advertised, .rtcp_port = sockets->rtcp.local().port()};
  legs_.emplace(leg, found->second);
  // std::function wants a copyable closure.
  auto shared = std::make_shared<MediaLeg::Plain>(std::move(*sockets));
  give(*found->second, [leg, bridge, shared](MediaWorker& w) { w.add_plain_leg(leg, bridge, std::move(*shared)); });
  return endpoint;
}

std::pair<std::string, std::string> MediaPool::restart_ice(bridge::LegId leg) {
  auto credentials = webrtc::make_ice_credentials();
  std::pair result{credentials.ufrag, credentials.pwd};
  tell(leg, [leg, credentials = std::move(credentials)](MediaWorker& w) { w.restart_ice(leg, credentials); });
  return result;
}

void MediaPool::configure(bridge::LegId leg, const bridge::LegMedia& media) {
  tell(leg, [leg, media](MediaWorker& w) { w.configure(leg, media); });
}

void MediaPool::join(bridge::LegId leg) {
  tell(leg, [leg](MediaWorker& w) { w.join(leg); });
}

void MediaPool::set_muted(bridge::LegId leg, bool muted) {
  tell(leg, [leg, muted](MediaWorker& w) { w.set_muted(leg, muted); });
}

void MediaPool::remove_leg(bridge::LegId leg) {
  tell(leg, [leg](MediaWorker& w) { w.remove_leg(leg); });
  legs_.erase(leg);
  sounds_.erase(leg);
}

void MediaPool::move_leg(bridge::LegId leg, bridge::BridgeId to) {
  const auto bridge = bridges_.find(to);
  const auto found = legs_.find(leg);
  if (bridge == bridges_.end() || found == legs_.end()) return;
  auto* target = bridge->second;
  if (found->second == target) return tell(leg, [leg, to](MediaWorker& w) { w.move_within(leg, to); });
  give(*target, [leg](MediaWorker& w) {
    w.run_for(leg, [leg](MediaWorker& here) { here.expect(leg); });
  });
  tell(leg, [leg, to, target](MediaWorker& w) { w.depart(leg, to, *target); });
  found->second = target;
}

void MediaPool::post_sound_ended(bridge::LegId leg, std::uint64_t serial) {
  shard_.post([this, leg, serial] { sound_ended(leg, serial, true); });
}

// An end that was on its way when another sound began, or when it was stopped, is not told.
void MediaPool::sound_ended(bridge::LegId leg, std::uint64_t serial, bool played) {
  const auto found = sounds_.find(leg);
  if (found == sounds_.end() || found->second != serial) return;
  sounds_.erase(found);
  if (events_) events_->on_sound_ended(leg, played);
}

void MediaPool::play(bridge::LegId leg, const bridge::Sound& sound) {
  if (!worker_of(leg)) return;
  const auto serial = ++last_sound_;
  sounds_[leg] = serial;
  using Kind = media::SoundSpec::Kind;
  media::SoundSpec spec{.hertz = sound.hertz, .clip = nullptr, .loop = sound.loop, .length = sound.length};
  switch (sound.kind) {
    case bridge::Sound::Kind::kRingback: spec.kind = Kind::kRingback; break;
    case bridge::Sound::Kind::kTone: spec.kind = Kind::kTone; break;
    case bridge::Sound::Kind::kMusic: spec.loop = true; [[fallthrough]];
    case bridge::Sound::Kind::kFile: spec.kind = Kind::kClip; break;
  }
  if (spec.kind != Kind::kClip) {
    return tell(leg, [leg, serial, spec](MediaWorker& w) { w.play(leg, serial, spec); });
  }
  tell(leg, [leg](MediaWorker& w) { w.stop_sound(leg); });   // what it replaces does not go on while a file is read
  const auto loaded = [this, leg, serial, spec](const base::Result<media::SoundClip>& clip) mutable {
    if (!clip) {
      spdlog::warn("a sound can't be played: {}", base::for_log(clip.error().detail));
    } else {
      spec.clip = *clip;
    }
    shard_.post([this, leg, serial, spec] {
      const auto found = sounds_.find(leg);
      if (found == sounds_.end() || found->second != serial) return;
      if (!spec.clip) return sound_ended(leg, serial, false);
      tell(leg, [leg, serial, spec](MediaWorker& w) { w.play(leg, serial, spec); });
    });
  };
  const bool builtin = sound.kind == bridge::Sound::Kind::kMusic && sound.file.empty();
  if (sound.file.empty() && !builtin) {
    shard_.post([this, leg, serial] { sound_ended(leg, serial, false); });
  } else if (!loader_.load(sound.file, loaded)) {
    shard_.post([this, leg, serial] { sound_ended(leg, serial, false); });
  }
}

void MediaPool::stop_sound(bridge::LegId leg) {
  sounds_.erase(leg);
  tell(leg, [leg](MediaWorker& w) { w.stop_sound(leg); });
}

void MediaPool::set_echo(bridge::LegId leg, bool echo) {
  tell(leg, [leg, echo](MediaWorker& w) { w.set_echo(leg, echo); });
}

void MediaPool::send_dtmf(bridge::LegId leg, std::string_view digits) {
  tell(leg, [leg, all = std::string(digits.substr(0, media::DtmfSender::kMaxQueued))](MediaWorker& w) { w.send_dtmf(leg, all); });
}

}  // namespace runtime
