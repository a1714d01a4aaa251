// A media thread: one UDP port (and a TCP one beside it) for all of its WebRTC legs, a pair of ports for each plain leg;
// mixing and forwarding. epoll and recvmmsg, no Asio.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/bounded_queue.hpp"
#include "bridge/media_engine.hpp"
#include "runtime/media_bridge.hpp"
#include "runtime/media_leg.hpp"
#include "runtime/media_tcp.hpp"

namespace runtime {

// Called on the media thread; passes it on to a shard.
class MediaWorkerEvents {
 public:
  virtual ~MediaWorkerEvents() = default;
  virtual void post_media_event(std::function<void(bridge::MediaEvents&)> event) = 0;
};

struct MediaWorkerConfig {
  base::SocketAddress address;                        // of the UDP port; the wildcard as a rule
  std::chrono::milliseconds liveness{12'000};         // a connected WebRTC leg that is silent for this long is lost
  std::chrono::milliseconds feedback_interval{15};
  bool tcp = true;
};

class MediaWorker final : public MediaLegHost, public MediaBridgeHost, private media::ForwardSink {
 public:
  static base::Result<std::unique_ptr<MediaWorker>> start(MediaWorkerConfig config, MediaWorkerEvents& events, const std::string& thread_name);
  ~MediaWorker() override;

  std::uint16_t udp_port() const { return socket_.local().port(); }
  std::uint16_t tcp_port() const { return tcp_ ? tcp_->port() : 0; }   // 0: none
  bool dual_stack() const { return dual_stack_; }

  // Any thread, in order: runs `command` on the media thread before the next packet. Never dropped.
  void post(std::function<void(MediaWorker&)> command);
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }   // legs

  // On the media thread.
  void add_bridge(bridge::BridgeId id, const bridge::MixOptions& options);
  void remove_bridge(bridge::BridgeId id);
  void add_webrtc_leg(bridge::LegId id, bridge::BridgeId bridge, webrtc::TransportConfig transport);
  void add_plain_leg(bridge::LegId id, bridge::BridgeId bridge, MediaLeg::Plain plain);
  void configure(bridge::LegId id, const bridge::LegMedia& media);
  void restart_ice(bridge::LegId id, webrtc::IceCredentials local);
  void join(bridge::LegId id);
  void set_muted(bridge::LegId id, bool muted);
  void remove_leg(bridge::LegId id);

  // MediaLegHost
  MediaOutput& output() override { return *output_; }
  bool send_tcp(const base::SocketAddress& to, base::ByteView packet) override { return tcp_ && tcp_->send(to, packet); }
  media::ForwardSink& forward_sink() override { return *this; }
  void on_leg_connected(MediaLeg& leg) override;
  void on_leg_failed(MediaLeg& leg, std::string_view reason) override;
  void poll_soon() override { poll_now_ = true; }
  // MediaBridgeHost
  void on_talking(bridge::LegId leg, bool talking) override;
  void on_digit(bridge::LegId leg, char digit) override;

 private:
  MediaWorker(MediaWorkerConfig config, MediaWorkerEvents& events);
  base::Status open();
  void run();
  void run_commands();
  void receive_port();
  void receive_plain(MediaLeg& leg, bool rtcp);
  void on_datagram(base::MutableByteView datagram, const base::SocketAddress& from);
  MediaLeg* leg_of(base::ByteView datagram, const base::SocketAddress& from);
  void run_timers();
  void poll_feedback();
  int timeout() const;
  MediaLeg* find(bridge::LegId id);
  void watch(int fd, std::uint64_t tag);
  // media::ForwardSink
  void emit(media::VideoWatcher& watcher, base::ByteView header, base::ByteView payload) override;

  const MediaWorkerConfig config_;
  MediaWorkerEvents& events_;
  net::UdpSocket socket_;
  bool dual_stack_ = false;
  net::Fd epoll_, wake_;
  std::unique_ptr<MediaOutput> output_;
  std::unique_ptr<MediaTcp> tcp_;
  net::ReceiveBatch batch_, plain_batch_;

  std::unordered_map<bridge::BridgeId, std::unique_ptr<MediaBridge>> bridges_;
  std::unordered_map<bridge::LegId, std::unique_ptr<MediaLeg>> legs_;
  std::unordered_map<std::string, MediaLeg*> by_ufrag_;
  std::unordered_map<base::SocketAddress, MediaLeg*> by_address_;
  base::TimePoint now_{}, next_feedback_{}, next_check_{}, next_mix_ = base::kNever, next_dtls_ = base::kNever;
  bool poll_now_ = false, rewire_ = false;

  std::mutex command_mutex_;
  std::vector<std::function<void(MediaWorker&)>> commands_, running_;
  std::atomic<std::size_t> load_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace runtime
