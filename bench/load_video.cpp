// Forwarding of video: one publisher to N watchers, or a room where everybody publishes and watches all. DTLS-SRTP with
// AEAD_AES_128_GCM, VP8, 1,100-byte packets, nothing retransmitted; signalling over WebSocket, no audio unless asked for.
// The server's CPU for each million of forwarded packets, losses, latency, memory. Beside it the floor: protect and sendmmsg
// of the same packets in one thread.
//
//   load_video --server PROGRAM [--watchers 100 | --room 8] [--rate 200 (packets a second of each publisher)] [--seconds 10]
//              [--size 1100] [--audio 0|1 (an Opus m-line in every offer, and events)]
#include <atomic>
#include <thread>

#include "load/rtc_peer.hpp"

namespace {

using namespace load;


// One thread: each packet is copied, protected for each receiver's own session, and all go by sendmmsg.
double floor_us(std::size_t receivers, std::size_t size, double rate, double duration) {
  std::vector<int> sinks(receivers);
  std::vector<sockaddr_in> to;
  for (int& sink : sinks) {
    sink = udp_socket();
    to.push_back(loopback(port_of(sink)));
  }
  std::atomic<bool> done{false};
  std::uint64_t packets = 0;
  double cpu = 0;
  std::thread server([&] {
    std::vector<webrtc::SrtpSession> sessions(receivers);
    webrtc::SrtpKey key;
    for (auto& session : sessions) {
      base::random_bytes(key.bytes);
      static_cast<void>(session.open(key, webrtc::SrtpDirection::kOutbound));
    }
    const int own = udp_socket();
    std::vector<base::Bytes> buffers(receivers, base::Bytes(2048));
    base::Bytes source = support::rtp_packet(7, 0, size - 12);
    std::vector<iovec> vectors(receivers);
    std::vector<mmsghdr> out(receivers);
    const double before = cpu_of(RUSAGE_THREAD);
    Pace pace(rate);
    const auto end = now_us() + static_cast<std::uint64_t>(duration * 1e6);
    std::uint16_t sequence = 0;
    while (now_us() < end) {
      if (!pace.due()) {
        pace.sleep();
        continue;
      }
      base::store_be16(source.data() + 2, ++sequence);
      for (std::size_t i = 0; i < receivers; ++i) {
        std::copy(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(size), buffers[i].begin());
        vectors[i] = {buffers[i].data(), sessions[i].protect_rtp(buffers[i], size)};
        out[i] = {};
        out[i].msg_hdr.msg_iov = &vectors[i];
        out[i].msg_hdr.msg_iovlen = 1;
        out[i].msg_hdr.msg_name = &to[i];
        out[i].msg_hdr.msg_namelen = sizeof to[i];
      }
      for (std::size_t at = 0; at < receivers; at += 64) {
        static_cast<void>(::sendmmsg(own, out.data() + at, static_cast<unsigned>(std::min<std::size_t>(64, receivers - at)), 0));
      }
      packets += receivers;
    }
    cpu = cpu_of(RUSAGE_THREAD) - before;
    ::close(own);
    done = true;
  });
  // Emptied now and then, so that the sender need not wake anybody.
  while (!done) {
    ::usleep(2000);
    for (const int sink : sinks) Receiver::shared().drain(sink, [](const std::uint8_t*, std::size_t) {});
  }
  server.join();
  for (const int sink : sinks) ::close(sink);
  return cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, packets));
}

class Run {
 public:
  Run(const Options& options, Server& server)
      : watchers_(options.count("room", 0) != 0 ? 0 : options.count("watchers", 100)), publishers_(options.count("room", 1)),
        rate_(options.number("rate", 200)), size_(options.count("size", 1100)), audio_(options.count("audio", 0) != 0), server_(server) {}

  void join() {
    for (std::size_t i = 0; i < publishers_ + watchers_; ++i) {
      PeerConfig config;
      config.audio = audio_;
      config.publishes = i < publishers_;
      config.packet_size = size_;
      auto leg = std::make_unique<Leg>(make_link("ws", loop_, server_), i, "bench");
      peers_.push_back(std::make_unique<RtcPeer>(loop_, std::move(leg), config));
      peers_.back()->invite(audio_);
      if (i % 10 == 9) wait_until_connected();
    }
    wait_until_connected();
    wait(1.0);   // offers of what the others publish
  }

  // Rounds of a keyframe each second; all publishers at the same rate.
  void send_for(double duration) {
    Pace pace(rate_ * static_cast<double>(publishers_));
    const auto end = now_us() + static_cast<std::uint64_t>(duration * 1e6);
    const auto per_frame = std::max(1.0, rate_ / 30);
    loop_.run(static_cast<std::uint64_t>(duration * 1e6) + 1, [&] { return now_us() >= end; }, [&] {
      const auto now = now_us();
      for (auto& peer : peers_) peer->tick(now);
      while (pace.due()) {
        const auto number = sent_++ / publishers_;
        const auto frame = static_cast<std::uint64_t>(static_cast<double>(number) / per_frame);
        const bool first = number == 0 || frame != static_cast<std::uint64_t>(static_cast<double>(number - 1) / per_frame);
        const bool last = frame != static_cast<std::uint64_t>(static_cast<double>(number + 1) / per_frame);
        peers_[sent_ % publishers_]->send_video(static_cast<std::uint32_t>(frame * 3000), last, first && frame % 30 == 0, now_us());
      }
    });
    wait(0.3);
  }

  void measure(double duration) {
    std::uint64_t sent_before = 0;
    for (auto& peer : peers_) {
      sent_before += peer->sent;
      peer->latency.clear();
      for (auto& i : peer->incoming) i.packets = 0;
    }
    const double cpu = server_.cpu(), own = cpu_of(RUSAGE_SELF);
    loop_.take_worst_turn_us();
    const auto start = now_us();
    send_for(duration);
    const double elapsed = static_cast<double>(now_us() - start) / 1e6;
    const double used = server_.cpu() - cpu;
    std::uint64_t sent = 0, received = 0, again = 0, wrong = 0, sampled = 0;
    Samples latency;
    for (auto& peer : peers_) {
      sent += peer->sent;
      wrong += peer->undecipherable;
      sampled += peer->sampled;
      for (const auto& i : peer->incoming) {
        if (i.payload_type == kVp8) received += i.packets;
        if (i.payload_type == kRtx) again += i.packets;
      }
      for (const double p : {50.0, 99.0}) latency.add(peer->latency.percentile(p));
    }
    sent -= sent_before;
    const auto expected = sent * (peers_.size() - 1);
    report("publishers", publishers_);
    report("participants", peers_.size());
    report("sent", sent);
    report("forwarded", received);
    report("forwarded_per_second", static_cast<double>(received) / elapsed);
    report("lost", static_cast<std::int64_t>(expected) - static_cast<std::int64_t>(received));
    report("retransmitted", again);
    report("sampled", sampled);
    report("undecipherable", wrong);
    report_latency();
    report("client_worst_turn_ms", static_cast<double>(loop_.take_worst_turn_us()) / 1000);
    report("cpu_s_per_million", used * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, received)));
    report("server_cpu_share", used / elapsed);
    report("client_cpu_share", (cpu_of(RUSAGE_SELF) - own) / elapsed);
    report("server_rss_mb", server_.resident_mb());
    report("server_threads", server_.cpu_by_thread());
  }
  double floor(double duration) const {
    return floor_us(peers_.size() - 1, size_, rate_ * static_cast<double>(publishers_), duration);
  }

 private:
  void report_latency() {
    double middle = 0, worst = 0;
    for (auto& peer : peers_) {
      if (peer->latency.size() == 0) continue;
      middle = std::max(middle, peer->latency.percentile(50));
      worst = std::max(worst, peer->latency.percentile(99));
    }
    report("latency_p50_ms_worst_peer", middle / 1000);
    report("latency_p99_ms_worst_peer", worst / 1000);
  }
  void wait(double duration) {
    loop_.run(static_cast<std::uint64_t>(duration * 1e6), [] { return false; }, [&] {
      const auto now = now_us();
      for (auto& peer : peers_) peer->tick(now);
    });
  }
  void wait_until_connected() {
    const bool all = loop_.run(10'000'000, [&] { return std::all_of(peers_.begin(), peers_.end(), [](const auto& p) { return p->connected(); }); }, [&] {
      const auto now = now_us();
      for (auto& peer : peers_) peer->tick(now);
    });
    if (!all) die("peers did not connect");
  }

  const std::size_t watchers_, publishers_;
  const double rate_;
  const std::size_t size_;
  const bool audio_;
  Server& server_;
  Loop loop_;
  std::vector<std::unique_ptr<RtcPeer>> peers_;
  std::uint64_t sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  Server server(options.text("server", "build/release/parley"), options.text("config", ""));
  report("rss_mb_empty", server.resident_mb());
  Run run(options, server);
  run.join();
  run.send_for(2);
  run.measure(options.number("seconds", 10));
  report("floor_us_per_packet", run.floor(std::min(5.0, options.number("seconds", 10))));
  return 0;
}
