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
#include "runtime/media_lane.hpp"
#include "runtime/media_leg.hpp"
#include "runtime/media_tcp.hpp"

namespace runtime {

// Called on the media thread; passes it on to a shard.
class MediaWorkerEvents {
 public:
  virtual ~MediaWorkerEvents() = default;
  virtual void post_media_event(std::function<void(bridge::MediaEvents&)> event) = 0;
  virtual void post_sound_ended(bridge::LegId /*leg*/, std::uint64_t /*serial*/) {}
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
  // Any other thread: the legs say goodbye, the thread ends; idempotent. All that legs have been moved among are stopped
  // before the first is destroyed: they write to each other's ports.
  void stop();

  std::uint16_t udp_port() const { return socket_.local().port(); }
  std::uint16_t tcp_port() const { return tcp_ ? tcp_->port() : 0; }   // 0: none
  bool dual_stack() const { return dual_stack_; }

  // Any thread, in order: runs `command` on the media thread before the next packet. Never dropped.
  void post(std::function<void(MediaWorker&)> command);
  // The same without waking it. True: whoever adds must call wake() soon.
  bool add(std::function<void(MediaWorker&)> command);
  // Any thread: there is something in a lane.
  void wake();
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
  void play(bridge::LegId id, std::uint64_t serial, const media::SoundSpec& sound);
  void stop_sound(bridge::LegId id);
  void set_echo(bridge::LegId id, bool echo);
  void send_dtmf(bridge::LegId id, std::string_view digits);
  void remove_leg(bridge::LegId id);

  // Moves (media_move.cpp). A command about a leg that is on its way to here waits for it.
  void run_for(bridge::LegId id, std::function<void(MediaWorker&)> command);
  void expect(bridge::LegId id) { expected_.try_emplace(id); }
  void move_within(bridge::LegId id, bridge::BridgeId bridge);
  // `to` expects it.
  void depart(bridge::LegId id, bridge::BridgeId bridge, MediaWorker& to);

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
  void on_sound_ended(bridge::LegId leg, std::uint64_t serial) override;
  void mix_soon() override { next_mix_ = now_; }

 private:
  // The way from this worker's port to a leg: here, or on another thread by a lane.
  struct Route {
    bridge::LegId leg;
    MediaLeg* here = nullptr;
    MediaLane* away = nullptr;
  };
  // A leg that lives here while its peer speaks to another worker's port.
  class Guest;
  struct Travel {
    std::unique_ptr<MediaLeg> leg;             // null: there was none
    bridge::BridgeId bridge;
    MediaWorker* home = nullptr;               // null: a plain leg, which has its own sockets with it
    std::vector<base::SocketAddress> tcp;      // addresses of its peer that are connections to `home`
  };

  MediaWorker(MediaWorkerConfig config, MediaWorkerEvents& events);
  base::Status open();
  void run();
  void run_commands();
  void receive_port();
  void receive_plain(MediaLeg& leg, bool rtcp);
  void on_datagram(base::MutableByteView datagram, const base::SocketAddress& from, bool tcp);
  Route* route_of(base::ByteView datagram, const base::SocketAddress& from);
  void give(MediaLeg& leg, base::MutableByteView datagram, const base::SocketAddress& from);
  void flush();
  void add_route(MediaLeg& leg, const std::string& ufrag);
  void forget_route(bridge::LegId id);
  void arrive(bridge::LegId id, Travel travel);
  void watch_plain(const MediaLeg& leg);
  void take_lane(MediaLane& lane, std::size_t until);
  MediaLane& lane_to(MediaWorker& other);
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
  std::unordered_map<bridge::LegId, Route> routes_;
  std::unordered_map<std::string, Route*> by_ufrag_;
  std::unordered_map<base::SocketAddress, Route*> by_address_;
  std::unordered_map<bridge::LegId, std::unique_ptr<Guest>> guests_;
  std::unordered_map<bridge::LegId, std::vector<std::function<void(MediaWorker&)>>> expected_;   // and what waits for them
  std::unordered_map<MediaWorker*, std::unique_ptr<MediaOutput>> outputs_;                       // by others' ports
  std::unordered_map<MediaWorker*, std::shared_ptr<MediaLane>> lanes_out_;
  std::vector<std::shared_ptr<MediaLane>> lanes_in_;
  std::vector<std::size_t> marks_;
  base::TimePoint now_{}, next_feedback_{}, next_check_{}, next_mix_ = base::kNever, next_dtls_ = base::kNever;
  bool poll_now_ = false, rewire_ = false;

  std::mutex command_mutex_;
  std::vector<std::function<void(MediaWorker&)>> commands_, running_;
  std::atomic<std::size_t> load_{0};
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

}  // namespace runtime
