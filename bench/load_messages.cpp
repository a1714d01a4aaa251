// Fan-out of messages in one room: N legs (plain RTP audio, no media sent, no events), some of which send. Deliveries a second,
// latency, losses, and the server's CPU for each delivery, the copy's 200 included. Beside it the floor: the same datagrams
// both ways by sendmmsg and recvmmsg in one thread.
//
//   load_messages --server PROGRAM [--legs 100] [--transport udp|ws] [--rate 10000 (deliveries a second)] [--senders 8]
//                 [--seconds 10] [--body 100] [--share 0|1 (one UDP socket for all legs, as sipp has it)]
#include <netinet/udp.h>

#include <atomic>
#include <thread>

#include "load/sip_leg.hpp"

namespace {

using namespace load;

// One thread that sends `legs` datagrams a burst and takes as many answers; its CPU for each.
double floor_us(std::size_t legs, std::size_t copy, std::size_t answer, double rate, double duration) {
  struct Echo final : Readable {
    int fd;
    std::string reply;
    void on_readable() override {
      Receiver::shared().drain(fd, [this](const std::uint8_t*, std::size_t) { static_cast<void>(::send(fd, reply.data(), reply.size(), 0)); });
    }
  };
  const int own = udp_socket();
  const int size = 4 << 20;
  ::setsockopt(own, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  const auto address = loopback(port_of(own));
  Loop loop;
  std::vector<Echo> echoes(legs);
  std::vector<sockaddr_in> to;
  for (auto& echo : echoes) {
    echo.fd = udp_socket(&address);
    echo.reply.assign(answer, 'a');
    to.push_back(loopback(port_of(echo.fd)));
    loop.add(echo.fd, echo);
  }
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> answered{0};
  double cpu = 0;
  std::thread server([&] {
    std::string datagram(copy, 'c');
    iovec vector{datagram.data(), datagram.size()};
    std::vector<mmsghdr> out(legs);
    for (std::size_t i = 0; i < legs; ++i) {
      out[i] = {};
      out[i].msg_hdr.msg_iov = &vector;
      out[i].msg_hdr.msg_iovlen = 1;
      out[i].msg_hdr.msg_name = &to[i];
      out[i].msg_hdr.msg_namelen = sizeof to[i];
    }
    const double before = cpu_of(RUSAGE_THREAD);
    Pace pace(rate / static_cast<double>(legs));
    const auto end = now_us() + static_cast<std::uint64_t>(duration * 1e6);
    Receiver receiver;
    while (now_us() < end) {
      if (pace.due()) {
        for (std::size_t at = 0; at < legs; at += 64) {
          static_cast<void>(::sendmmsg(own, out.data() + at, static_cast<unsigned>(std::min<std::size_t>(64, legs - at)), 0));
        }
      }
      pollfd wait{own, POLLIN, 0};
      if (::poll(&wait, 1, 1) > 0) receiver.drain(own, [&](const std::uint8_t*, std::size_t) { ++answered; });
    }
    cpu = cpu_of(RUSAGE_THREAD) - before;
    done = true;
  });
  while (!done) loop.poll(1);
  server.join();
  for (const auto& echo : echoes) ::close(echo.fd);
  ::close(own);
  return cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, answered.load()));
}

// A message's body names itself and when it was sent.
struct Stamp {
  std::uint64_t sent_us = 0;
  std::uint32_t number = 0;
};
std::string write_body(const Stamp& stamp, std::size_t size) {
  auto body = fmt::format("{:016x}{:08x} ", stamp.sent_us, stamp.number);
  body.resize(std::max(size, body.size()), '.');
  return body;
}
Stamp read_body(std::string_view body) {
  Stamp stamp;
  std::from_chars(body.data(), body.data() + 16, stamp.sent_us, 16);
  std::from_chars(body.data() + 16, body.data() + 24, stamp.number, 16);
  return stamp;
}

class Run {
 public:
  Run(const Options& options, Server& server)
      : legs_wanted_(options.count("legs", 100)), senders_(options.count("senders", 8)), body_(options.count("body", 100)),
        rate_(options.number("rate", 10'000)), transport_(options.text("transport", "udp")), server_(server) {
    if (options.count("share", 0) != 0) hub_.emplace(loop_, server.sip_port());
  }

  void join() {
    for (std::size_t i = 0; i < legs_wanted_; ++i) {
      auto& leg = *legs_.emplace_back(std::make_unique<Leg>(hub_ ? hub_->link() : make_link(transport_, loop_, server_), i, "bench"));
      leg.on_message = [this](Leg& to, const Fields& f) { received(to, f.body); };
      leg.on_message_answer = [this](Leg&, int status, std::uint32_t) { status == 202 ? ++accepted_ : ++refused_; };
      leg.invite(audio_offer(static_cast<std::uint16_t>(20'000 + 2 * i)), false);
      if (i % 20 == 19 || i + 1 == legs_wanted_) {
        const auto ready = [this] { return std::all_of(legs_.begin(), legs_.end(), [](const auto& l) { return l->established(); }); };
        if (!loop_.run(5'000'000, ready)) die("legs did not join");
      }
    }
  }

  void send_for(double duration) {
    first_ = last_ = number_;
    const auto expected = static_cast<std::size_t>(rate_ / static_cast<double>(legs_.size() - 1) * duration) + 2;
    seen_.assign(legs_.size(), std::vector<bool>(expected, false));
    latency_.clear();
    received_ = repeated_ = accepted_ = refused_ = sent_ = 0;
    Pace pace(rate_ / static_cast<double>(legs_.size() - 1));
    const auto end = now_us() + static_cast<std::uint64_t>(duration * 1e6);
    loop_.run(static_cast<std::uint64_t>(duration * 1e6) + 1, [&] { return now_us() >= end; }, [&] {
      while (sent_ < expected && pace.due()) {
        legs_[number_ % senders_]->message("text/plain", write_body({now_us(), number_}, body_));
        ++number_;
        ++sent_;
      }
    });
    const auto all = [this] { return received_ >= sent_ * (legs_.size() - 1) && accepted_ + refused_ >= sent_; };
    loop_.run(3'000'000, all);
  }

  void measure(double duration) {
    const double cpu = server_.cpu(), own = cpu_of(RUSAGE_SELF);
    loop_.take_worst_turn_us();
    const auto start = now_us();
    send_for(duration);
    const double elapsed = static_cast<double>(now_us() - start) / 1e6;
    const double used = server_.cpu() - cpu;
    report("transport", transport_);
    report("legs", legs_.size());
    report("messages", sent_);
    report("refused", refused_);
    report("deliveries", received_);
    report("deliveries_per_second", static_cast<double>(received_) / elapsed);
    report("lost", sent_ * (legs_.size() - 1) - received_);
    report("repeated", repeated_);
    report("latency_p50_ms", latency_.percentile(50) / 1000);
    report("latency_p99_ms", latency_.percentile(99) / 1000);
    report("latency_max_ms", latency_.percentile(100) / 1000);
    report("client_worst_turn_ms", static_cast<double>(loop_.take_worst_turn_us()) / 1000);
    report("server_cpu_us_per_delivery", used * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, received_)));
    report("server_cpu_share", used / elapsed);
    report("client_cpu_share", (cpu_of(RUSAGE_SELF) - own) / elapsed);
    report("server_rss_mb", server_.resident_mb());
    report("server_threads", server_.cpu_by_thread());
  }
  double floor(double duration) {
    const auto& some = *legs_.back();
    report("copy_bytes", some.copy_size);
    report("answer_bytes", some.answer_size);
    return floor_us(legs_.size() - 1, some.copy_size, some.answer_size, rate_, duration);
  }

 private:
  void received(const Leg& to, std::string_view body) {
    if (body.size() < 24) return;
    const auto stamp = read_body(body);
    if (stamp.number < first_ || stamp.number - first_ >= seen_[to.index].size()) return;
    std::vector<bool>::reference seen = seen_[to.index][stamp.number - first_];
    if (seen) {
      ++repeated_;
      return;
    }
    seen = true;
    ++received_;
    latency_.add(static_cast<double>(now_us() - stamp.sent_us));
  }

  const std::size_t legs_wanted_, senders_, body_;
  const double rate_;
  const std::string transport_;
  Server& server_;
  Loop loop_;
  std::optional<UdpHub> hub_;
  std::vector<std::unique_ptr<Leg>> legs_;
  std::vector<std::vector<bool>> seen_;
  Samples latency_;
  std::uint32_t number_ = 0, first_ = 0, last_ = 0;
  std::uint64_t received_ = 0, repeated_ = 0, accepted_ = 0, refused_ = 0, sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  Server server(options.text("server", "build/release/parley"), options.text("config", ""));
  Run run(options, server);
  run.join();
  run.send_for(1);
  run.measure(options.number("seconds", 10));
  const double floor = run.floor(std::min(5.0, options.number("seconds", 10)));
  report("floor_us_per_delivery", floor);
  return 0;
}
