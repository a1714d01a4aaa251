// A WebRTC leg on another thread than that of its port: how its packets go out all the same.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/media_worker.hpp"

namespace runtime {

// Thread: that of the worker where the leg lives. UDP goes out by the home's socket (sending is any thread's), what
// belongs to an ICE-TCP connection by a lane to the home.
class MediaWorker::Guest final : public MediaWay {
 public:
  Guest(bridge::LegId leg, MediaWorker& here, MediaWorker& home, MediaOutput& output, std::vector<base::SocketAddress> tcp)
      : leg_(leg), here_(here), home_(home), output_(output), tcp_(std::move(tcp)) {}

  MediaWorker& home() { return home_; }
  std::vector<base::SocketAddress>& tcp() { return tcp_; }

  // Before a datagram that came by a connection is given to the leg: the answer goes back by it.
  void note_tcp(const base::SocketAddress& from) {
    if (std::find(tcp_.begin(), tcp_.end(), from) != tcp_.end()) return;
    if (tcp_.size() >= kMaxTcp) tcp_.erase(tcp_.begin());
    tcp_.push_back(from);
  }
  // After a check: true when the home port is to be told that `from` is this leg's peer.
  bool wants_telling(const base::SocketAddress& from, base::TimePoint now) {
    if (from == told_ && now - told_at_ < kTellAgain) return false;
    told_ = from;
    told_at_ = now;
    return true;
  }

  // MediaWay
  MediaOutput& output() override { return output_; }
  bool send_tcp(const base::SocketAddress& to, base::ByteView packet) override {
    if (tcp_.empty() || std::find(tcp_.begin(), tcp_.end(), to) == tcp_.end()) return false;
    here_.lane_to(home_).push(MediaLane::Kind::kToTcp, leg_, to, packet);
    return true;
  }

 private:
  static constexpr std::size_t kMaxTcp = 8;
  static constexpr base::Duration kTellAgain = std::chrono::seconds(1);

  const bridge::LegId leg_;
  MediaWorker& here_;
  MediaWorker& home_;
  MediaOutput& output_;
  std::vector<base::SocketAddress> tcp_;      // of its peer, by connections to the home; bounded
  base::SocketAddress told_;
  base::TimePoint told_at_{};
};

}  // namespace runtime
