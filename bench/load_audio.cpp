// Phones in one room: N participants by plain RTP (G.711, 20 ms), some of whom talk, joined at a steady rate. What joining
// takes, whether each is confirmed and welcomed, the CPU of mixing, memory.
//
//   load_audio --server PROGRAM [--participants 200] [--talkers 3] [--joins 50 (a second)] [--events 0|1] [--media 0|1]
//              [--transport udp|ws] [--seconds 10] [--rounds 0 (so many times all leave and come again: what stays in memory)]
#include "load/sip_leg.hpp"

namespace {

using namespace load;

// One participant's RTP: sent every 20 ms, what comes back is counted.
class Phone final : public Readable {
 public:
  Phone(Loop& loop, std::unique_ptr<Leg> leg, bool talks) : fd_(udp_socket()), leg_(std::move(leg)), talks_(talks) {
    loop.add(fd_, *this);
    leg_->on_established = [this](Leg&, std::string_view sdp) {
      const auto to = loopback(media_port(sdp));
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    };
    leg_->on_message = [this](Leg&, const Fields& f) {
      ++events;
      const bool welcome = f.body.substr(0, 80).find("ConfbridgeWelcome") != f.body.npos;
      if (welcome && welcomed_at == 0) {
        welcomed_at = now_us();
        welcome_bytes = f.body.size();
      }
    };
  }
  ~Phone() override { ::close(fd_); }
  Leg& leg() { return *leg_; }
  void invite(bool with_events) { leg_->invite(audio_offer(port_of(fd_)), with_events); }

  void send_rtp() {
    if (!leg_->established()) return;
    std::array<std::uint8_t, 172> packet;
    packet[0] = 0x80;
    packet[1] = 0;
    const auto put = [&packet](std::size_t at, std::uint32_t value, int bytes) {
      for (int i = 0; i < bytes; ++i) packet[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
    };
    put(2, sequence_, 2);
    put(4, sequence_ * 160u, 4);
    put(8, static_cast<std::uint32_t>(leg_->index + 1), 4);
    for (std::size_t i = 12; i < packet.size(); ++i) {
      // Noise at about a quarter of full scale, or silence.
      random_ = random_ * 1664525u + 1013904223u;
      packet[i] = talks_ ? static_cast<std::uint8_t>((random_ >> 24 & 0x80) | (0x20 + (random_ >> 20 & 0x1f))) : std::uint8_t{0xff};
    }
    static_cast<void>(::send(fd_, packet.data(), packet.size(), 0));
    ++sequence_;
  }
  void on_readable() override {
    Receiver::shared().drain(fd_, [this](const std::uint8_t*, std::size_t) { ++received; });
  }

  std::uint64_t received = 0, events = 0, welcomed_at = 0;
  std::size_t welcome_bytes = 0;

 private:
  const int fd_;
  std::unique_ptr<Leg> leg_;
  const bool talks_;
  std::uint16_t sequence_ = 0;
  std::uint32_t random_ = 1;
};

class Run {
 public:
  Run(const Options& options, Server& server)
      : count_(options.count("participants", 200)), talkers_(options.count("talkers", 3)), join_rate_(options.number("joins", 50)),
        events_(options.count("events", 0) != 0), media_(options.count("media", 1) != 0), transport_(options.text("transport", "udp")), server_(server) {}

  void join() {
    const double cpu = server_.cpu();
    Pace pace(join_rate_);
    const auto all = [this] {
      return phones_.size() == count_ && std::all_of(phones_.begin(), phones_.end(), [this](const auto& p) {
               return p->leg().established() && (!events_ || p->welcomed_at != 0);
             });
    };
    const bool joined = loop_.run(static_cast<std::uint64_t>(static_cast<double>(count_) / join_rate_ * 1e6) + 10'000'000, all, [&] {
      if (phones_.size() < count_ && pace.due()) add();
      tick();
    });
    wait(1);   // events that are still on their way
    const double used = server_.cpu() - cpu;
    Samples confirmed, welcomed;
    std::uint64_t events = 0;
    std::size_t late = 0, missing = 0, unwelcomed = 0;
    for (const auto& p : phones_) {
      events += p->events;
      if (!p->leg().established()) ++missing;
      if (events_ && p->welcomed_at == 0) ++unwelcomed;
      const double took = static_cast<double>(p->leg().established_at - p->leg().invited_at) / 1000;
      confirmed.add(took);
      if (took > 500) ++late;
      welcomed.add(static_cast<double>(p->welcomed_at - p->leg().invited_at) / 1000);
    }
    report("participants", phones_.size());
    report("all_joined", joined);
    report("never_confirmed", missing);
    report("confirmed_late", late);
    report("confirmed_p50_ms", confirmed.percentile(50));
    report("confirmed_max_ms", confirmed.percentile(100));
    if (events_) {
      report("not_welcomed", unwelcomed);
      report("welcomed_max_ms", welcomed.percentile(100));
      report("events_received", events);
      report("last_welcome_bytes", phones_.back()->welcome_bytes);
    }
    report("join_cpu_s", used);
    report("rss_mb_joined", server_.resident_mb());
  }

  void churn(std::size_t rounds) {
    for (std::size_t round = 0; round < rounds; ++round) {
      for (auto& p : phones_) p->leg().bye();
      wait(0.5);
      phones_.clear();
      wait(0.5);
      if (round == 0) report("rss_mb_left_once", server_.resident_mb());
      for (Pace pace(join_rate_); phones_.size() < count_; wait(0.001)) {
        while (phones_.size() < count_ && pace.due()) add();
      }
      wait(1);
      for (const auto& p : phones_) {
        if (!p->leg().established()) die("a phone could not come back");
      }
    }
    report("rss_mb_joined_again", server_.resident_mb());
    for (auto& p : phones_) p->leg().bye();
    wait(0.5);
    phones_.clear();
    wait(35);   // transactions over UDP are kept for 32 s
    report("rss_mb_left", server_.resident_mb());
  }

  void measure(double duration) {
    for (auto& p : phones_) p->received = 0;
    const double cpu = server_.cpu(), own = cpu_of(RUSAGE_SELF);
    const auto start = now_us();
    wait(duration);
    const double elapsed = static_cast<double>(now_us() - start) / 1e6;
    const double used = server_.cpu() - cpu;
    std::uint64_t received = 0;
    for (const auto& p : phones_) received += p->received;
    report("mixed_packets_per_second", static_cast<double>(received) / elapsed / static_cast<double>(phones_.size()));
    report("cpu_us_per_participant_s", used * 1e6 / elapsed / static_cast<double>(phones_.size()));
    report("server_cpu_share", used / elapsed);
    report("client_cpu_share", (cpu_of(RUSAGE_SELF) - own) / elapsed);
    report("rss_mb", server_.resident_mb());
    report("server_threads", server_.cpu_by_thread());
  }

 private:
  void add() {
    const auto i = phones_.size();
    auto leg = std::make_unique<Leg>(make_link(transport_, loop_, server_), i, "bench");
    phones_.push_back(std::make_unique<Phone>(loop_, std::move(leg), i < talkers_));
    phones_.back()->invite(events_);
  }
  // Everybody's packets are spread over the 20 ms, as phones' are.
  void tick() {
    if (!media_ || phones_.empty()) return;
    const auto slot = (now_us() / 1000) % 20;
    while (slot_ != slot) {
      slot_ = (slot_ + 1) % 20;
      for (std::size_t i = slot_; i < phones_.size(); i += 20) phones_[i]->send_rtp();
    }
  }
  void wait(double duration) {
    loop_.run(static_cast<std::uint64_t>(duration * 1e6), [] { return false; }, [this] { tick(); });
  }

  const std::size_t count_, talkers_;
  const double join_rate_;
  const bool events_, media_;
  const std::string transport_;
  Server& server_;
  Loop loop_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::uint64_t slot_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  Server server(options.text("server", "build/release/parley"), options.text("config", ""));
  report("rss_mb_empty", server.resident_mb());
  Run run(options, server);
  run.join();
  if (const auto rounds = options.count("rounds", 0)) {
    run.churn(rounds);
  } else {
    run.measure(options.number("seconds", 10));
  }
  return 0;
}
