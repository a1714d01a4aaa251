// Browsers in one room, sound alone: N participants by DTLS-SRTP (AEAD_AES_128_GCM) with Opus and audio levels (RFC 6464), some
// of whom talk; signalling over WebSocket, events asked for. The CPU of mixing, and memory.
//
//   load_opus --server PROGRAM [--participants 50] [--talkers 3] [--seconds 10]
#include "load/rtc_peer.hpp"
#include "media/opus_codec.hpp"

namespace {

using namespace load;

constexpr std::size_t kLoop = 50;   // packets: a second of noise, and of silence, encoded once

std::vector<base::Bytes> encode_loop(bool noise) {
  media::OpusMonoEncoder encoder;
  std::vector<base::Bytes> loop;
  std::uint32_t random = 1;
  for (std::size_t k = 0; k < 2 * kLoop; ++k) {
    std::vector<std::int16_t> pcm(960);
    for (auto& s : pcm) {
      random = random * 1664525u + 1013904223u;
      s = noise ? static_cast<std::int16_t>(static_cast<std::int32_t>(random) >> 18) : std::int16_t{0};
    }
    base::Bytes payload(1275);
    payload.resize(encoder.encode(pcm, payload));
    if (k >= kLoop) loop.push_back(std::move(payload));
  }
  return loop;
}

class Run {
 public:
  Run(const Options& options, Server& server)
      : count_(options.count("participants", 50)), talkers_(options.count("talkers", 3)), server_(server), loud_(encode_loop(true)), quiet_(encode_loop(false)) {}

  void join() {
    for (std::size_t i = 0; i < count_; ++i) {
      PeerConfig config;
      config.audio = true;
      config.video = false;
      auto leg = std::make_unique<Leg>(make_link("ws", loop_, server_), i, "bench");
      peers_.push_back(std::make_unique<RtcPeer>(loop_, std::move(leg), config));
      peers_.back()->invite(true);
      if (i % 10 != 9 && i + 1 != count_) continue;
      const auto connected = [this] { return std::all_of(peers_.begin(), peers_.end(), [](const auto& p) { return p->connected(); }); };
      if (!loop_.run(10'000'000, connected, [this] { tick(); })) die("peers did not connect");
    }
  }
  void wait(double duration) {
    loop_.run(static_cast<std::uint64_t>(duration * 1e6), [] { return false; }, [this] { tick(); });
  }
  void measure(double duration) {
    for (auto& p : peers_) p->incoming.clear();
    const double cpu = server_.cpu(), own = cpu_of(RUSAGE_SELF);
    const auto start = now_us();
    wait(duration);
    const double elapsed = static_cast<double>(now_us() - start) / 1e6;
    const double used = server_.cpu() - cpu;
    std::uint64_t received = 0;
    for (const auto& p : peers_) {
      for (const auto& i : p->incoming) received += i.packets;
    }
    report("participants", peers_.size());
    report("mixed_packets_per_second", static_cast<double>(received) / elapsed / static_cast<double>(peers_.size()));
    report("cpu_us_per_participant_s", used * 1e6 / elapsed / static_cast<double>(peers_.size()));
    report("server_cpu_share", used / elapsed);
    report("client_cpu_share", (cpu_of(RUSAGE_SELF) - own) / elapsed);
    report("rss_mb", server_.resident_mb());
    report("server_threads", server_.cpu_by_thread());
  }

 private:
  // Everybody's packets are spread over the 20 ms.
  void tick() {
    const auto now = now_us();
    for (auto& p : peers_) p->tick(now);
    const auto slot = (now / 1000) % 20;
    while (slot_ != slot) {
      slot_ = (slot_ + 1) % 20;
      if (slot_ == 0) ++round_;
      for (std::size_t i = slot_; i < peers_.size(); i += 20) {
        if (!peers_[i]->connected()) continue;
        const bool talks = i < talkers_;
        peers_[i]->send_audio(static_cast<std::uint32_t>(round_ * 960), (talks ? loud_ : quiet_)[round_ % kLoop], talks ? 25 : 127);
      }
    }
  }

  const std::size_t count_, talkers_;
  Server& server_;
  const std::vector<base::Bytes> loud_, quiet_;
  Loop loop_;
  std::vector<std::unique_ptr<RtcPeer>> peers_;
  std::uint64_t slot_ = 0, round_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  Server server(options.text("server", "build/release/parley"), options.text("config", ""));
  Run run(options, server);
  run.join();
  run.wait(1);
  run.measure(options.number("seconds", 10));
  return 0;
}
