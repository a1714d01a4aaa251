// What it costs to tell a thousand subscribers of one state: a NOTIFY to each with the shared body, and the 200s that come
// back, parsed and matched. Time per NOTIFY is the figure of items.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace {

constexpr int kSubscribers = 1000;

class Wire final : public sip::Network {
 public:
  void send(const sip::Target& target, const sip::Packet& packet) override {
    bytes += packet.size();
    if (keep) sent.emplace_back(target.flow, packet.head);
  }
  std::string local_host(const sip::Target&) override { return "192.0.2.1:5060"; }
  std::vector<std::pair<std::uint64_t, base::SharedBytes>> sent;
  std::size_t bytes = 0;
  bool keep = true;
};

class Line final : public sip::UserAgentHandler, public sip::SubscriptionHandler {
 public:
  explicit Line(sip::Transport transport) : agent_(config(), timeline_, wire, *this), transport_(transport) {
    for (int i = 0; i < kSubscribers; ++i) subscribe(static_cast<std::uint64_t>(i) + 1);
    answer_all();
  }

  sip::SessionHandler* on_invite(sip::Session&, const sip::MessagePtr&, const sip::Source&) override { return nullptr; }
  void on_request(sip::RequestId, const sip::MessagePtr&, const sip::Source&) override {}
  sip::SubscriptionHandler* on_subscribe(sip::Subscription& subscription, const sip::MessagePtr&, const sip::Source&) override {
    subscription.accept();
    subscribers_.push_back(&subscription);
    return this;
  }
  void on_refresh(sip::Subscription&, std::chrono::seconds) override {}
  void on_terminated(sip::Subscription&, const sip::SubscriptionEnd&) override {}

  bool tell(const base::SharedBytes& body) {
    bool good = true;
    for (sip::Subscription* one : subscribers_) good = one->notify("application/dialog-info+xml", body).has_value() && good;
    return good;
  }
  void answer_all() {
    for (const auto& [flow, head] : std::exchange(wire.sent, {})) {
      if (head->starts_with("NOTIFY")) feed(answer(*head), flow);
    }
    timeline_.advance(std::chrono::milliseconds(1));
  }
  std::size_t ready() const { return agent_.subscriptions(); }

  base::Timeline timeline_;
  Wire wire;

 private:
  static sip::UserAgentConfig config() {
    sip::UserAgentConfig out;
    out.subscriptions.events = "dialog";
    return out;
  }
  void feed(std::string text, std::uint64_t flow) {
    sip::Source source{transport_, *base::SocketAddress::parse("198.51.100.7", static_cast<std::uint16_t>(5000 + flow)), {},
                       sip::is_reliable(transport_) ? flow : 0, 1};
    if (const auto message = sip::Message::parse(base::share(std::move(text)))) agent_.on_message(*message, source);
  }
  void subscribe(std::uint64_t number) {
    const std::string n = std::to_string(number);
    feed("SUBSCRIBE sip:line@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/" + std::string(sip::to_string(transport_)) +
             " abc.invalid;rport;branch=z9hG4bK" + n + "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.org>;tag=peer" + n +
             "\r\nTo: <sip:line@192.0.2.1>\r\nCall-ID: call" + n + "\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:x@198.51.100.7:5070>\r\n" +
             "Event: dialog\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
         number);
  }
  static std::string answer(const std::string& head) {
    const auto line = [&](std::string_view name) {
      const std::size_t at = head.find(name);
      return head.substr(at, head.find("\r\n", at) + 2 - at);
    };
    return "SIP/2.0 200 OK\r\n" + line("Via: ") + line("From: ") + line("To: ") + line("Call-ID: ") + line("CSeq: ") +
           "Content-Length: 0\r\n\r\n";
  }

  sip::UserAgent agent_;
  const sip::Transport transport_;
  std::vector<sip::Subscription*> subscribers_;
};

const base::SharedBytes kBody = base::share(std::string(600, 'x'));

// The sending alone; the answers come outside of the measured time.
void notify_thousand(benchmark::State& state) {
  Line line(sip::Transport::kWs);
  if (line.ready() != kSubscribers) state.SkipWithError("not subscribed");
  for (auto _ : state) {
    if (!line.tell(kBody)) state.SkipWithError("not sent");
    state.PauseTiming();
    if (line.wire.sent.size() != kSubscribers) state.SkipWithError("not all were told");
    line.answer_all();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kSubscribers);
}
BENCHMARK(notify_thousand)->Unit(benchmark::kMicrosecond);

// Both ways, with the benchmark's own making of the 200s within.
void notify_thousand_answered(benchmark::State& state) {
  Line line(sip::Transport::kWs);
  if (line.ready() != kSubscribers) state.SkipWithError("not subscribed");
  for (auto _ : state) {
    if (!line.tell(kBody)) state.SkipWithError("not sent");
    line.answer_all();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kSubscribers);
}
BENCHMARK(notify_thousand_answered)->Unit(benchmark::kMicrosecond);

// States that wait for the answer to the one before: the newest replaces the rest.
void coalesce_thousand(benchmark::State& state) {
  Line line(sip::Transport::kWs);
  line.tell(kBody);
  for (auto _ : state) line.tell(kBody);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kSubscribers);
}
BENCHMARK(coalesce_thousand)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
