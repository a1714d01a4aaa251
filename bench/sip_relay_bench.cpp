// What one relayed message copy costs in the SIP layer: send_message() on a leg, and its 200 parsed and matched.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace {

class Wire final : public sip::Network {
 public:
  void send(const sip::Target&, const sip::Packet& packet) override { last = packet.head; }
  std::string local_host(const sip::Target&) override { return "192.0.2.1:5060"; }
  base::SharedBytes last;
};

class Leg final : public sip::SessionHandler {
 public:
  base::Result<std::string> on_offer(std::string_view) override { return "answer"; }
  void on_answer(std::string_view) override {}
  std::optional<std::string> make_offer() override { return std::nullopt; }
  void on_offer_failed(int) override {}
  void on_progress(const sip::Message&) override {}
  void on_established(const sip::Message&) override {}
  void on_request(sip::RequestId, const sip::MessagePtr&) override {}
  void on_message_done(std::uint64_t, int) override {}
  void on_flow_lost() override {}
  sip::FlowChange on_flow_change(const sip::Message&, const sip::Source&) override { return sip::FlowChange::kMove; }
  void on_ended(const sip::SessionEnd&) override {}
};

class Relay final : public sip::UserAgentHandler {
 public:
  explicit Relay(bool udp) : agent_(sip::UserAgentConfig{}, timeline_, wire_, *this) {
    const auto remote = *base::SocketAddress::parse("198.51.100.7", 5070);
    source_ = {udp ? sip::Transport::kUdp : sip::Transport::kWs, remote, {}, udp ? 0U : 7U, 1};
    const std::string transport(sip::to_string(source_.transport));
    const auto request = [&](const std::string& method, const std::string& to_tag) {
      return method + " sip:room@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/" + transport + " abc.invalid;rport;branch=z9hG4bK" + method +
             "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.org>;tag=peer\r\nTo: <sip:room@192.0.2.1>" + to_tag +
             "\r\nCall-ID: call\r\nCSeq: 1 " + method + "\r\nContact: <sip:x@198.51.100.7:5070>\r\nContent-Length: 0\r\n\r\n";
    };
    feed(request("INVITE", ""));
    session_->accept("offer");
    const auto ok = sip::Message::parse(wire_.last);
    std::string ack = request("ACK", ";tag=" + std::string((*ok)->to_tag()));
    ack.replace(ack.find("\r\nContent-Length: 0\r\n\r\n"), 25, "\r\nContent-Type: application/sdp\r\nContent-Length: 1\r\n\r\nx");
    feed(ack);
  }
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr&, const sip::Source&) override {
    session_ = &session;
    return &leg_;
  }
  void on_request(sip::RequestId, const sip::MessagePtr&, const sip::Source&) override {}

  void feed(std::string text) {
    if (const auto message = sip::Message::parse(base::share(std::move(text)))) agent_.on_message(*message, source_);
  }
  void send(const base::SharedBytes& body) {
    session_->send_message({.from_display = "Bob", .to_display = {}, .content_type = "text/plain",
                            .headers = "Parley-Sequence: 17\r\nParley-Message-ID: 0123456789abcdef\r\n", .body = body});
  }
  std::string answer() const {
    const std::string& head = *wire_.last;
    const auto line = [&](std::string_view name) {
      const std::size_t at = head.find(name);
      return head.substr(at, head.find("\r\n", at) + 2 - at);
    };
    return "SIP/2.0 200 OK\r\n" + line("Via: ") + line("From: ") + line("To: ") + line("Call-ID: ") + line("CSeq: ") +
           "Content-Length: 0\r\n\r\n";
  }
  bool established() const { return session_->established(); }
  base::Timeline timeline_;

 private:
  Wire wire_;
  Leg leg_;
  sip::UserAgent agent_;
  sip::Source source_;
  sip::Session* session_ = nullptr;
};

const base::SharedBytes kBody = base::share(std::string(120, 'x'));

// Both, with the benchmark's own making of the 200 (about as much as a peer's) within.
void relay_one_copy(benchmark::State& state) {
  Relay relay(state.range(0) != 0);
  if (!relay.established()) state.SkipWithError("no dialog");
  std::int64_t n = 0;
  for (auto _ : state) {
    relay.send(kBody);
    relay.feed(relay.answer());
    if (++n % 64 == 0) relay.timeline_.advance(std::chrono::milliseconds(1));
  }
  state.SetItemsProcessed(n);
}
BENCHMARK(relay_one_copy)->ArgName("udp")->Arg(0)->Arg(1);

// The sending alone: a thousand copies pipelined, answered outside of the measured time.
void send_one_copy(benchmark::State& state) {
  Relay relay(false);
  std::vector<std::string> answers;
  std::int64_t n = 0;
  for (auto _ : state) {
    relay.send(kBody);
    answers.push_back(relay.answer());
    if (++n % 1000 != 0) continue;
    state.PauseTiming();
    for (std::string& answer : answers) relay.feed(std::move(answer));
    answers.clear();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(n);
}
BENCHMARK(send_one_copy);

}  // namespace

BENCHMARK_MAIN();
