// Calls of two phones by plain RTP (G.711, 20 ms, both talk): first with one codec on both sides, which is relayed as it comes, then with
// mu-law on one side and A-law on the other, which is decoded and encoded anew. Beside them the floor: one thread that takes as many
// such packets from as many sockets and sends each on, and does no more.
//
//   load_calls_audio --server PROGRAM [--calls 100] [--joins 100 (legs a second)] [--seconds 10]
#include <atomic>
#include <thread>

#include "load/sip_leg.hpp"

namespace {

using namespace load;

constexpr std::uint8_t kPcmu = 0, kPcma = 8;

std::string offer(std::uint16_t port, std::uint8_t codec) {
  return fmt::format("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP {} 101\r\na=rtpmap:{} {}/8000\r\n"
                     "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n", port, codec, codec, codec == kPcmu ? "PCMU" : "PCMA");
}

// One end of a call: sends noise every 20 ms, counts what comes.
class Phone final : public Readable {
 public:
  Phone(Loop& loop, std::size_t index, std::uint8_t codec) : fd_(udp_socket()), index_(index), codec_(codec) { loop.add(fd_, *this); }
  ~Phone() override { ::close(fd_); }
  void call(std::unique_ptr<Leg> leg) {
    leg_ = std::move(leg);
    leg_->on_established = [this](Leg&, std::string_view sdp) { connect_to(media_port(sdp)); };
    leg_->invite(offer(port_of(fd_), codec_), false);
  }
  void connect_to(std::uint16_t port) {
    const auto to = loopback(port);
    ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    ready_ = true;
  }
  void send_rtp() {
    if (!ready_) return;
    std::array<std::uint8_t, 172> packet{0x80, codec_};
    const auto put = [&packet](std::size_t at, std::uint32_t value, int bytes) {
      for (int i = 0; i < bytes; ++i) packet[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
    };
    put(2, sequence_, 2);
    put(4, sequence_ * 160u, 4);
    put(8, static_cast<std::uint32_t>(index_ + 1), 4);
    for (std::size_t i = 12; i < packet.size(); ++i) {
      random_ = random_ * 1664525u + 1013904223u;
      packet[i] = static_cast<std::uint8_t>((random_ >> 24 & 0x80) | (0x20 + (random_ >> 20 & 0x1f)));
    }
    static_cast<void>(::send(fd_, packet.data(), packet.size(), 0));
    ++sequence_;
  }
  void on_readable() override {
    Receiver::shared().drain(fd_, [this](const std::uint8_t*, std::size_t) { ++received; });
  }
  int fd() const { return fd_; }
  Leg* leg() { return leg_.get(); }
  bool ready() const { return ready_; }
  std::uint64_t received = 0;

 private:
  const int fd_;
  const std::size_t index_;
  const std::uint8_t codec_;
  std::unique_ptr<Leg> leg_;
  bool ready_ = false;
  std::uint16_t sequence_ = 0;
  std::uint32_t random_ = 1;
};

// What the kernel alone takes: a thread with two sockets a call.
class Floor {
 public:
  explicit Floor(const std::vector<std::unique_ptr<Phone>>& phones) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const auto& phone : phones) {
      const auto to = loopback(port_of(phone->fd()));
      sockets_.push_back(udp_socket(&to));
      epoll_event event{.events = EPOLLIN, .data = {.u64 = sockets_.size() - 1}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, sockets_.back(), &event);
      phone->connect_to(port_of(sockets_.back()));
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Floor() {
    stopped_ = true;
    thread_.join();
    for (const int fd : sockets_) ::close(fd);
    ::close(epoll_);
  }
  double cpu() const { return cpu_; }

 private:
  void run() {
    std::array<epoll_event, 128> events;
    while (!stopped_) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20);
      for (int i = 0; i < count; ++i) {
        const auto from = events[static_cast<std::size_t>(i)].data.u64;
        Receiver::shared().drain(sockets_[from], [&](const std::uint8_t* data, std::size_t size) {
          static_cast<void>(::send(sockets_[from ^ 1], data, size, MSG_DONTWAIT));
        });
      }
      cpu_ = cpu_of(RUSAGE_THREAD);
    }
  }
  const int epoll_;
  std::vector<int> sockets_;
  std::atomic<bool> stopped_{false};
  std::atomic<double> cpu_{0};
  std::thread thread_;
};

class Run {
 public:
  Run(const Options& options, Server& server)
      : calls_(options.count("calls", 100)), join_rate_(options.number("joins", 100)), seconds_(options.number("seconds", 10)), server_(server) {}

  void calls(std::string_view name, std::uint8_t first, std::uint8_t second) {
    Pace pace(join_rate_);
    const auto connected = [this] {
      return phones_.size() == 2 * calls_ && std::all_of(phones_.begin(), phones_.end(), [](const auto& p) { return p->ready(); });
    };
    const auto limit = static_cast<std::uint64_t>(static_cast<double>(2 * calls_) / join_rate_ * 1e6) + 10'000'000;
    const bool all = loop_.run(limit, connected, [&] {
      if (phones_.size() < 2 * calls_ && pace.due()) {
        const auto i = phones_.size();
        phones_.push_back(std::make_unique<Phone>(loop_, i, i % 2 == 0 ? first : second));
        phones_.back()->call(std::make_unique<Leg>(make_link("udp", loop_, server_), i, fmt::format("{}{}", name, i / 2)));
      }
      tick();
    });
    if (!all) die("not every call was connected");
    wait(1);
    measure(name, [this] { return server_.cpu(); });
    for (const auto& p : phones_) p->leg()->bye();
    wait(0.5);
    phones_.clear();
  }

  void floor() {
    for (std::size_t i = 0; i < 2 * calls_; ++i) phones_.push_back(std::make_unique<Phone>(loop_, i, kPcmu));
    const Floor floor(phones_);
    wait(0.5);
    measure("floor", [&floor] { return floor.cpu(); });
    phones_.clear();
  }

 private:
  template <typename Cpu>
  void measure(std::string_view name, Cpu&& cpu) {
    for (auto& p : phones_) p->received = 0;
    const double before = cpu();
    const auto start = now_us();
    wait(seconds_);
    const double elapsed = static_cast<double>(now_us() - start) / 1e6;
    const double used = cpu() - before;
    std::uint64_t received = 0;
    for (const auto& p : phones_) received += p->received;
    report(fmt::format("{}_cpu_us_per_call_s", name), used * 1e6 / elapsed / static_cast<double>(calls_));
    report(fmt::format("{}_us_per_packet", name), used * 1e6 / static_cast<double>(received));
    report(fmt::format("{}_packets_per_second", name), static_cast<double>(received) / elapsed / static_cast<double>(phones_.size()));
    if (name != "floor") report(fmt::format("{}_rss_mb", name), server_.resident_mb());
  }
  void tick() {
    if (phones_.empty()) return;
    const auto slot = (now_us() / 1000) % 20;
    while (slot_ != slot) {
      slot_ = (slot_ + 1) % 20;
      for (std::size_t i = slot_; i < phones_.size(); i += 20) phones_[i]->send_rtp();
    }
  }
  void wait(double duration) {
    loop_.run(static_cast<std::uint64_t>(duration * 1e6), [] { return false; }, [this] { tick(); });
  }

  const std::size_t calls_;
  const double join_rate_, seconds_;
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
  run.calls("relayed", kPcmu, kPcmu);
  run.calls("mixed", kPcmu, kPcma);
  run.floor();
  return 0;
}
