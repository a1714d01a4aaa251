// What signalling costs a server: registrations, messages between two accounts, calls. One kind of work at a steady rate over UDP, the
// server's CPU for each, and beside it the floor: the same datagrams both ways in one thread that does nothing else.
//
//   load_signalling --work register|refresh|message|call --server PROGRAM [--peer kamailio] [--rate 2000 (a second)] [--seconds 5]
//                   [--accounts 500] [--callee echo (Parley answers; "account": another account does, as at a proxy)]
#include <atomic>
#include <charconv>
#include <thread>

#include "base/random.hpp"
#include "load/peer.hpp"
#include "load/sip_leg.hpp"
#include "sip/digest.hpp"

namespace {

using namespace load;

constexpr std::string_view kPassword = "password";

// What goes to the server in one piece of work, and what comes back; 0: nothing does.
struct Step {
  std::size_t in = 0, out = 0;
};

// One thread that takes and answers such datagrams, one by one; its CPU for each piece of work, in µs.
double floor_us(const std::vector<Step>& steps, double rate, double duration) {
  const int own = udp_socket();
  const auto address = loopback(port_of(own));
  const int peer = udp_socket(&address);
  std::atomic<bool> done{false};
  double cpu = 0;
  std::thread server([&] {
    std::array<char, 65536> buffer{};
    const double before = cpu_of(RUSAGE_THREAD);
    while (!done) {
      pollfd wait{own, POLLIN, 0};
      if (::poll(&wait, 1, 50) <= 0) continue;
      sockaddr_in from{};
      for (;;) {
        socklen_t size = sizeof from;
        const auto got = ::recvfrom(own, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got <= 0) break;
        const auto out = steps[static_cast<std::size_t>(buffer[0])].out;
        if (out != 0) static_cast<void>(::sendto(own, buffer.data(), out, 0, reinterpret_cast<sockaddr*>(&from), size));
      }
    }
    cpu = cpu_of(RUSAGE_THREAD) - before;
  });
  std::string datagram(65536, 'x');
  const auto send = [&](std::size_t step) {
    for (; step < steps.size(); ++step) {
      datagram[0] = static_cast<char>(step);
      static_cast<void>(::send(peer, datagram.data(), steps[step].in, 0));
      if (steps[step].out != 0) return;
    }
  };
  std::uint64_t works = 0;
  Pace pace(rate);
  std::array<char, 65536> answer{};
  for (const auto end = now_us() + static_cast<std::uint64_t>(duration * 1e6); now_us() < end;) {
    while (pace.due()) {
      ++works;
      send(0);
    }
    pollfd wait{peer, POLLIN, 0};
    if (::poll(&wait, 1, 1) <= 0) continue;
    while (::recv(peer, answer.data(), answer.size(), 0) > 0) send(static_cast<std::size_t>(answer[0]) + 1);
  }
  done = true;
  server.join();
  ::close(own);
  ::close(peer);
  return cpu * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, works));
}

// All lines of a header, as they are.
std::string lines_of(std::string_view text, std::string_view name) {
  std::string out;
  const auto end = text.find("\r\n\r\n");
  for (std::size_t at = text.find("\r\n"); at < end;) {
    const auto begin = at + 2;
    at = text.find("\r\n", begin);
    const auto line = text.substr(begin, at - begin);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') out.append(line).append("\r\n");
  }
  return out;
}
std::string_view value_of(std::string_view text, std::string_view name) {
  const auto at = text.find(fmt::format("\r\n{}: ", name));
  if (at == text.npos) return {};
  const auto begin = at + name.size() + 4;
  return text.substr(begin, text.find("\r\n", begin) - begin);
}
// The challenge that names MD5, of several headers.
std::optional<sip::DigestChallenge> md5_challenge(std::string_view text) {
  for (std::size_t at = 0; (at = text.find("\r\nWWW-Authenticate: ", at)) != text.npos;) {
    at += 20;
    auto challenge = sip::parse_challenge(text.substr(at, text.find("\r\n", at) - at));
    if (challenge && challenge->algorithm == sip::DigestAlgorithm::kMd5) return std::move(*challenge);
  }
  return std::nullopt;
}

struct Account {
  std::string name;
  std::optional<sip::DigestChallenge> challenge;
  std::uint32_t count = 0, cseq = 0;
  std::string call_id;
};

// One piece of work under way.
struct Work {
  std::size_t account = 0;
  std::uint32_t cseq = 0;
  bool challenged = false, talking = false;
  std::uint64_t began = 0;
  std::string contact, route, to;
};

class Run final : public Readable {
 public:
  Run(const Options& options, Peer& peer)
      : kind_(options.text("work", "register")), callee_(options.text("callee", "echo")), rate_(options.number("rate", 2000)), peer_(peer) {
    const auto server = loopback(peer.sip_port());
    fd_ = udp_socket(&server);
    const int size = 8 << 20;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    loop_.add(fd_, *this);
    host_ = fmt::format("127.0.0.1:{}", port_of(fd_));
    server_ = fmt::format("127.0.0.1:{}", peer.sip_port());
    for (std::size_t i = 0; i < options.count("accounts", 500); ++i) accounts_.push_back({.name = fmt::format("user{}", i), .challenge = {}, .call_id = base::random_token(12)});
    prefix_ = base::random_token(6);
  }
  ~Run() override { ::close(fd_); }

  // Everybody is registered, and has a nonce.
  void prepare() {
    const auto kind = std::exchange(kind_, "refresh");
    for (std::size_t i = 0; i < accounts_.size(); ++i) {
      begin(i);
      if (i % 50 == 49 || i + 1 == accounts_.size()) wait("registrations");
    }
    kind_ = kind;
    for (auto& account : accounts_) {
      if (kind_ == "register") account.challenge.reset();
    }
    reset();
  }
  void measure(double duration) {
    for (const double span : {1.0, duration}) {   // the first warms up
      reset();
      const double cpu = peer_.cpu();
      const auto start = now_us();
      Pace pace(rate_);
      loop_.run(static_cast<std::uint64_t>(span * 1e6), [] { return false; }, [&] {
        while (works_.size() < 2000 && pace.due()) begin(next_++ % accounts_.size());
      });
      const auto elapsed = static_cast<double>(now_us() - start) / 1e6;
      loop_.run(3'000'000, [this] { return works_.empty(); });
      used_ = peer_.cpu() - cpu;
      elapsed_ = elapsed;
    }
    report("work", kind_);
    report("done", done_);
    report("done_per_second", static_cast<double>(done_) / elapsed_);
    report("challenged", challenged_);
    report("failed", failed_);
    report("unanswered", works_.size());
    report("server_cpu_us", used_ * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, done_)));
    report("latency_p50_ms", latency_.percentile(50) / 1000);
    report("latency_p99_ms", latency_.percentile(99) / 1000);
    report("client_worst_turn_ms", static_cast<double>(loop_.take_worst_turn_us()) / 1000);
  }
  double floor(double duration) const { return floor_us(steps(), rate_, duration); }

  void on_readable() override {
    Receiver::shared().drain(fd_, [this](const std::uint8_t* data, std::size_t size) {
      const std::string_view text(reinterpret_cast<const char*>(data), size);
      text.starts_with("SIP/2.0 ") ? on_response(text) : on_request(text);
    });
  }

 private:
  void reset() {
    done_ = failed_ = challenged_ = 0;
    latency_.clear();
    loop_.take_worst_turn_us();
  }
  void wait(std::string_view what) {
    if (!loop_.run(10'000'000, [this] { return works_.empty(); })) die(fmt::format("{} were not answered", what));
    if (failed_ != 0) die(fmt::format("{}: {} failed, the last with {}", what, failed_, last_failure_));
  }
  bool registers() const { return kind_ == "register" || kind_ == "refresh"; }
  // The account that the i-th sends to.
  std::string target(const Work& work) const {
    if (registers()) return {};
    if (kind_ == "message" || callee_ == "account") return accounts_[(work.account + 1) % accounts_.size()].name;
    return callee_;
  }

  void begin(std::size_t account) {
    auto id = fmt::format("{}-{}", prefix_, ++last_);
    auto& work = works_[id];
    work.account = account;
    work.began = now_us();
    work.cseq = registers() ? ++accounts_[account].cseq : 1;
    send_first(id, work);
  }

  void send_first(const std::string& id, Work& work) {
    auto& account = accounts_[work.account];
    const std::string_view method = registers() ? "REGISTER" : kind_ == "message" ? "MESSAGE" : "INVITE";
    const auto uri = registers() ? "sip:" + server_ : fmt::format("sip:{}@{}", target(work), server_);
    std::string extra;
    if (account.challenge) {
      extra = "Authorization: " + sip::answer_challenge(*account.challenge, {account.name, kPassword}, method, uri, ++account.count, "0a4f113b") + "\r\n";
    }
    if (method != "MESSAGE") extra += fmt::format("Contact: <sip:{}@{}>\r\n", account.name, host_);
    std::string body;
    if (method == "REGISTER") extra += "Expires: 600\r\n";
    if (method == "MESSAGE") {
      extra += "Content-Type: text/plain\r\n";
      body.assign(100, 'm');
    }
    if (method == "INVITE") {
      extra += "Content-Type: application/sdp\r\n";
      body = audio_offer(20'000);
    }
    const auto to = registers() ? fmt::format("<sip:{}@{}>", account.name, server_) : fmt::format("<{}>", uri);
    const auto size = send(fmt::format("{} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{}.{}\r\nMax-Forwards: 70\r\nFrom: <sip:{}@{}>;tag={}\r\nTo: {}\r\n"
                     "Call-ID: {}\r\nCSeq: {} {}\r\n{}Content-Length: {}\r\n\r\n{}",
                     method, uri, host_, id, work.cseq, account.name, server_, account.call_id, to, id, work.cseq, method, extra, body.size(), body));
    (account.challenge ? sizes_.again : sizes_.first) = size;
  }

  std::size_t in_dialog(const std::string& id, const Work& work, std::string_view method, std::uint32_t cseq) {
    const auto& account = accounts_[work.account];
    return send(fmt::format("{} {} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{}.{}{}\r\nMax-Forwards: 70\r\nFrom: <sip:{}@{}>;tag={}\r\nTo: {}\r\n{}"
                     "Call-ID: {}\r\nCSeq: {} {}\r\nContent-Length: 0\r\n\r\n",
                     method, work.contact, host_, id, cseq, method == "ACK" ? "a" : "", account.name, server_, account.call_id, work.to, work.route, id, cseq, method));
  }

  void on_response(std::string_view text) {
    const auto f = read_fields(text);
    const auto id = std::string(Fields::value(f.call_id));
    const auto found = works_.find(id);
    if (found == works_.end() || f.status < 200) return;
    auto& work = found->second;
    auto& account = accounts_[work.account];
    if (f.status == 401 && !work.challenged) {
      ++challenged_;
      sizes_.challenge = text.size();
      if (f.method() == "INVITE") ack_failure(id, work, text);
      work.challenged = true;
      account.challenge = md5_challenge(text);
      account.count = 0;
      work.cseq = registers() ? ++account.cseq : work.cseq + 1;
      return account.challenge ? send_first(id, work) : fail(found, 401);
    }
    if (f.status >= 300) {
      if (f.method() == "INVITE") ack_failure(id, work, text);
      return fail(found, f.status);
    }
    if (f.method() == "INVITE") {
      if (work.talking) return;
      sizes_.accepted = text.size();
      work.talking = true;
      const auto contact = value_of(text, "Contact");
      const auto open = contact.find('<');
      work.contact = contact.substr(open + 1, contact.find('>') - open - 1);
      work.to = Fields::value(f.to);
      work.route = lines_of(text, "Record-Route");
      for (std::size_t at = 0; (at = work.route.find("Record-", at)) != work.route.npos;) work.route.erase(at, 7);
      sizes_.ack = in_dialog(id, work, "ACK", work.cseq);
      sizes_.bye = in_dialog(id, work, "BYE", work.cseq + 1);
      return;
    }
    if (registers() && kind_ == "register") account.challenge.reset();
    latency_.add(static_cast<double>(now_us() - work.began));
    ++done_;
    sizes_.answer = text.size();
    works_.erase(found);
  }

  void ack_failure(const std::string& id, const Work& work, std::string_view text) {
    const auto& account = accounts_[work.account];
    const auto uri = fmt::format("sip:{}@{}", target(work), server_);
    send(fmt::format("ACK {} SIP/2.0\r\nVia: SIP/2.0/UDP {};rport;branch=z9hG4bK{}.{}\r\nMax-Forwards: 70\r\nFrom: <sip:{}@{}>;tag={}\r\n{}"
                     "Call-ID: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
                     uri, host_, id, work.cseq, account.name, server_, account.call_id, lines_of(text, "To"), id, work.cseq));
  }
  void fail(std::unordered_map<std::string, Work>::iterator found, int status) {
    ++failed_;
    last_failure_ = status;
    accounts_[found->second.account].challenge.reset();
    works_.erase(found);
  }

  // The other side: takes messages and calls.
  void on_request(std::string_view text) {
    const auto method = text.substr(0, text.find(' '));
    if (method == "ACK") return;
    if (method != "BYE") sizes_.relayed = text.size();
    auto to = lines_of(text, "To");
    if (to.find(";tag=") == to.npos) to.insert(to.size() - 2, ";tag=callee");
    const std::string body = method == "INVITE" ? audio_offer(22'000) : std::string();
    const auto extra = method == "INVITE" ? fmt::format("Contact: <sip:callee@{}>\r\nContent-Type: application/sdp\r\n", host_) : std::string();
    const auto size = send(fmt::format("SIP/2.0 200 OK\r\n{}{}{}{}{}{}{}Content-Length: {}\r\n\r\n{}", lines_of(text, "Via"), lines_of(text, "Record-Route"), lines_of(text, "From"), to,
                                    lines_of(text, "Call-ID"), lines_of(text, "CSeq"), extra, body.size(), body));
    if (method != "BYE") sizes_.callee = size;
  }

  std::size_t send(const std::string& text) {
    static_cast<void>(::send(fd_, text.data(), text.size(), 0));
    return text.size();
  }
  // The last piece of work, as datagrams.
  std::vector<Step> steps() const {
    const auto& z = sizes_;
    if (kind_ == "register") return {{z.first, z.challenge}, {z.again, z.answer}};
    if (kind_ == "refresh") return {{z.again, z.answer}};
    if (kind_ == "message") return {{z.again, z.relayed}, {z.callee, z.answer}};
    if (callee_ == "account") return {{z.again, z.relayed}, {z.callee, z.accepted}, {z.ack, z.ack}, {z.bye, z.bye}, {z.bye, z.answer}};
    return {{z.again, z.accepted}, {z.ack, 0}, {z.bye, z.answer}};
  }

  std::string kind_, callee_;
  const double rate_;
  Peer& peer_;
  Loop loop_;
  int fd_;
  std::string host_, server_, prefix_;
  std::vector<Account> accounts_;
  std::unordered_map<std::string, Work> works_;
  std::uint64_t last_ = 0, next_ = 0, done_ = 0, failed_ = 0, challenged_ = 0;
  int last_failure_ = 0;
  Samples latency_;
  struct {
    std::size_t first = 0, challenge = 0, again = 0, answer = 0;   // without and with credentials; a 401, the last answer
    std::size_t relayed = 0, callee = 0, accepted = 0, ack = 0, bye = 0;
  } sizes_;
  double used_ = 0, elapsed_ = 0;
};

std::string accounts_toml(std::size_t count) {
  std::string toml = "guests = false\n[[rule]]\npattern = \"echo\"\nto = \"echo\"\n";
  for (std::size_t i = 0; i < count; ++i) toml += fmt::format("[[account]]\nname = \"user{}\"\npassword = \"{}\"\n", i, kPassword);
  return toml;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  std::unique_ptr<Peer> peer;
  if (options.text("peer", "") == "kamailio") {
    peer = std::make_unique<KamailioPeer>(options.text("kamailio", "/usr/sbin/kamailio"));
  } else {
    peer = std::make_unique<ParleyPeer>(options.text("server", "build/release/parley"), accounts_toml(options.count("accounts", 500)));
  }
  Run run(options, *peer);
  run.prepare();
  run.measure(options.number("seconds", 5));
  report("floor_us", run.floor(std::min(3.0, options.number("seconds", 5))));
  return 0;
}
