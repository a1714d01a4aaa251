// The media threads of one shard, as signalling sees them.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bridge/media_engine.hpp"
#include "net/local_addresses.hpp"
#include "runtime/media_worker.hpp"
#include "runtime/shard.hpp"
#include "runtime/sound_loader.hpp"

namespace runtime {

struct MediaConfig {
  std::vector<base::SocketAddress> addresses;     // that are offered, ports ignored; empty: every one that is up
  base::SocketAddress bind;                       // invalid: every address
  std::uint16_t port = 0;                         // UDP port of the first thread, the next ones follow; 0: the system's choice
  std::uint16_t rtp_port_min = 0, rtp_port_max = 0;   // for plain RTP; 0: the system's choice
  base::SocketAddress external;                   // our address as seen from behind our NAT; invalid: none
  unsigned threads = 0;                           // 0: one less than there are cores
  bool tcp = true;
  std::chrono::milliseconds liveness{12'000};
};

// Thread: the shard's, but for what it says of itself.
class MediaPool final : public bridge::MediaEngine, private MediaWorkerEvents {
 public:
  // `events` is called on the shard; set before the first leg.
  static base::Result<std::unique_ptr<MediaPool>> start(const MediaConfig& config, Shard& shard);
  ~MediaPool() override;
  void set_events(bridge::MediaEvents& events) { events_ = &events; }

  // bridge::MediaEngine
  bridge::BridgeId create_bridge(const bridge::MixOptions& options) override;
  void remove_bridge(bridge::BridgeId bridge) override;
  base::Result<bridge::WebRtcEndpoint> create_webrtc_leg(bridge::LegId leg, bridge::BridgeId bridge) override;
  base::Result<bridge::RtpEndpoint> create_rtp_leg(bridge::LegId leg, bridge::BridgeId bridge, const base::SocketAddress& peer) override;
  std::pair<std::string, std::string> restart_ice(bridge::LegId leg) override;
  void configure(bridge::LegId leg, const bridge::LegMedia& media) override;
  void join(bridge::LegId leg) override;
  void set_muted(bridge::LegId leg, bool muted) override;
  void remove_leg(bridge::LegId leg) override;
  void move_leg(bridge::LegId leg, bridge::BridgeId to) override;
  void play(bridge::LegId leg, const bridge::Sound& sound) override;
  void stop_sound(bridge::LegId leg) override;
  void set_echo(bridge::LegId leg, bool echo) override;
  void send_dtmf(bridge::LegId leg, std::string_view digits) override;

 private:
  MediaPool(MediaConfig config, Shard& shard) : config_(std::move(config)), shard_(shard) {}
  void post_media_event(std::function<void(bridge::MediaEvents&)> event) override;
  void post_sound_ended(bridge::LegId leg, std::uint64_t serial) override;
  void sound_ended(bridge::LegId leg, std::uint64_t serial, bool played);
  base::Result<MediaLeg::Plain> bind_pair(const base::SocketAddress& local);
  std::vector<base::SocketAddress> offered_addresses();
  MediaWorker* worker_of(bridge::LegId leg);
  template <typename F>
  void tell(bridge::LegId leg, F&& command) {
    if (auto* worker = worker_of(leg)) give(*worker, [leg, run = std::forward<F>(command)](MediaWorker& w) { w.run_for(leg, run); });
  }

  // All that one turn of the shard has to say to a worker wakes it once.
  void give(MediaWorker& worker, std::function<void(MediaWorker&)> command) {
    if (worker.add(std::move(command))) to_wake_.push_back(&worker);
  }

  const MediaConfig config_;
  Shard& shard_;
  Shard::HookId hook_ = 0;
  std::vector<MediaWorker*> to_wake_;
  bridge::MediaEvents* events_ = nullptr;
  std::shared_ptr<const webrtc::DtlsContext> dtls_;
  std::vector<std::unique_ptr<MediaWorker>> workers_;
  std::unordered_map<bridge::BridgeId, MediaWorker*> bridges_;
  std::unordered_map<bridge::LegId, MediaWorker*> legs_;
  std::vector<base::SocketAddress> addresses_;
  base::TimePoint addresses_read_{};
  net::RouteSources routes_;
  std::unordered_map<bridge::LegId, std::uint64_t> sounds_;   // which one each leg hears, or waits for
  std::uint64_t last_bridge_ = 0, last_sound_ = 0;
  std::uint16_t next_port_ = 0;
  SoundLoader loader_;                            // goes first: it calls back
};

}  // namespace runtime
