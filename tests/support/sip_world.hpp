// A world in virtual time for what lies on top of the SIP user agent: a network that remembers, a media engine that moves nothing,
// and scripted clients: a page (WebSocket, the SDP that Chromium sends) and a phone (UDP or TCP, plain RTP). No byte leaves the process.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "base/timeline.hpp"
#include "bridge/bridge.hpp"
#include "sip/digest.hpp"
#include "sip/user_agent.hpp"
#include "support/fake_media_engine.hpp"
#include "support/sdp_peer.hpp"

namespace test_support {

using namespace std::chrono_literals;

class SipWorld;
class Client;

// A packet of the server's.
struct Sent {
  sip::Target target;
  std::string text;
  bool utf8 = true;
  base::TimePoint at;
};
struct Received {
  sip::MessagePtr message;
  Sent sent;
};

class FakeNetwork final : public sip::Network {
 public:
  explicit FakeNetwork(base::Timeline& timeline) : timeline_(timeline) {}
  void send(const sip::Target& target, const sip::Packet& packet) override {
    queue.push_back({target, *packet.head + (packet.body ? *packet.body : std::string()), packet.utf8, timeline_.now()});
  }
  std::string local_host(const sip::Target& target) override {
    return target.transport == sip::Transport::kWs ? "198.51.100.1:7777" : "198.51.100.1:5060";
  }
  std::deque<Sent> queue;

 private:
  base::Timeline& timeline_;
};

// One dialog, seen by the client.
class ClientCall {
 public:
  ClientCall(Client& owner) : client(owner) {}

  int status() const { return response ? response->status() : 0; }   // final, of our INVITE
  bool provisional(int code) const { return std::find(provisionals.begin(), provisionals.end(), code) != provisionals.end(); }

  // In the dialog; the final answer's status (0: none yet).
  int request(std::string_view method, std::string_view headers = {}, std::string_view content_type = {}, std::string_view body = {});
  int message(std::string_view content_type, std::string_view body, std::string_view headers = {}) {
    return request("MESSAGE", headers, content_type, body);
  }
  int reinvite(std::string sdp, std::string_view headers = {});
  int bye(std::string_view headers = {}) {
    ended = true;
    return request("BYE", headers);
  }
  void cancel();
  void ack(std::string_view sdp = {});
  // The text of a request in this dialog, with a CSeq of its own.
  std::string text_of(std::string_view method, std::string_view headers, std::string_view content_type, std::string_view body);

  // A call that came in.
  void ring() { reply_to_invite(180); }
  void answer();
  void refuse(int code) { reply_to_invite(code); }
  void reply_to_invite(int code, std::string_view content_type = {}, std::string_view body = {}, std::string_view headers = {});

  // What came in the dialog.
  std::vector<const Received*> messages(std::string_view content_type = {}) const {
    std::vector<const Received*> result;
    for (const auto& r : inbox) {
      if (r.message->method() == sip::Method::kMessage && (content_type.empty() || r.message->content_type() == content_type)) result.push_back(&r);
    }
    return result;
  }
  std::vector<std::string> texts(std::string_view content_type = "text/plain") const {
    std::vector<std::string> result;
    for (const auto* r : messages(content_type)) result.emplace_back(r->message->body());
    return result;
  }
  std::vector<nlohmann::json> events(std::string_view type = {}) const {
    std::vector<nlohmann::json> result;
    for (const auto* r : messages("application/x-asterisk-confbridge-event+json")) {
      auto event = nlohmann::json::parse(r->message->body(), nullptr, false);
      if (type.empty() || (event.is_object() && event.value("type", "") == type)) result.push_back(std::move(event));
    }
    return result;
  }
  std::vector<const Received*> received(sip::Method method) const {
    std::vector<const Received*> result;
    for (const auto& r : inbox) {
      if (r.message->method() == method) result.push_back(&r);
    }
    return result;
  }
  sdp::Description last_offer() const { return *sdp::parse(received(sip::Method::kInvite).back()->message->body()); }
  std::string header(std::string_view name) const { return response ? std::string(response->value(name)) : std::string(); }
  std::string participant() const { return header("Parley-Participant"); }
  std::string token() const { return header("Parley-Resume"); }

  Client& client;
  std::string call_id, local_tag, remote_tag, local_uri, remote_uri, target, request_uri, local_display;
  std::uint32_t cseq = 0, invite_cseq = 0;
  std::string invite_text, invite_headers, description;   // description: the last of ours
  sip::MessagePtr response, invite, last;                  // last: the last final answer to anything
  std::vector<int> provisionals;
  std::vector<Received> inbox;                             // requests in the dialog, the first INVITE excepted
  std::deque<std::string> unanswered;                      // requests, kept back by Client::holds
  bool called = false, ended = false, cancelled = false, sends_ack = true, tried_password = false;
};

struct Invite {
  std::string headers{};          // whole lines
  std::string sdp{};              // "" : the client's own
  bool no_offer = false;
  std::string display{};          // of From; "" : the client's
  std::string body_type = "application/sdp";
  bool no_ack = false;            // of the 200
};

class Client {
 public:
  Client(SipWorld& w, std::string user, std::string name, sip::Source where)
      : world(w), account(std::move(user)), display(std::move(name)), source(std::move(where)) {}

  bool page() const { return source.transport == sip::Transport::kWs; }
  std::string domain = "parley";             // that it calls the server by
  std::string uri() const { return "sip:" + account + "@" + domain; }
  std::string contact() const;
  std::string from(std::string_view name = {}) const;
  ClientCall& invite(const std::string& uri, const Invite& options = {});
  // Outside a dialog; answers a challenge when there is a password. Null: no final answer.
  sip::MessagePtr request(std::string_view method, const std::string& uri, const std::string& headers = {}, const std::string& content_type = {},
                          const std::string& body = {});
  // REGISTER of its own contact; `contact_headers` "" : that contact for an hour.
  sip::MessagePtr register_contact(const std::string& headers = {});
  std::string own_offer() const;
  std::string phone_sdp() const;

  void lose_flow();                       // the connection closes
  void connect_again();                   // a new one, from a new port
  void write(const std::string& text);    // to the server
  void receive(const Sent& sent);
  std::string via() const;

  SipWorld& world;
  std::string account, display, password, user_of_digest;
  sip::Source source;
  bool deaf = false, listens_tcp = false, audio_only = false, holds = false;
  std::function<int(const sip::Message&)> message_status = [](const sip::Message&) { return 200; };   // 0: no answer
  int reinvite_status = 200;
  int update_status = 200;
  std::string retry_after{};
  std::set<std::string> refused_mids;
  enum class Incoming { kWait, kAnswer } incoming_policy = Incoming::kWait;
  std::list<ClientCall> calls;
  std::vector<ClientCall*> incoming;
  std::vector<sip::MessagePtr> stray;     // responses outside any dialog
  std::vector<sip::MessagePtr> pages;     // MESSAGEs outside any dialog (RFC 3428)
  std::string register_call_id;
  std::uint32_t register_cseq = 0;

 private:
  void on_response(const sip::MessagePtr& message);
  void on_invite_response(ClientCall& call, const sip::MessagePtr& message);
  void on_request(const sip::MessagePtr& message, const Sent& sent);
  void reply(const sip::Message& request, int status, std::string_view tag, std::string_view headers = {}, std::string_view content_type = {},
             std::string_view body = {});
  friend class ClientCall;
};

class SipWorld {
 public:
  explicit SipWorld(bridge::LegConfig legs = {}, sip::UserAgentConfig config = {}) : environment{timeline, media, std::move(legs)}, agent_config_(std::move(config)) {}
  ~SipWorld() { EXPECT_EQ(media.misuse, ""); }
  SipWorld(const SipWorld&) = delete;

  void start(sip::UserAgentHandler& handler) { agent = std::make_unique<sip::UserAgent>(agent_config_, timeline, network, handler); }

  Client& page(const std::string& user, const std::string& name = {}) { return add(user, name, sip::Transport::kWs); }
  Client& phone(const std::string& user, const std::string& name = {}, sip::Transport transport = sip::Transport::kUdp) {
    return add(user, name, transport);
  }

  // Everything that is on its way arrives; no time passes.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      while (!to_server_.empty() || !network.queue.empty()) {
        busy = true;
        if (!to_server_.empty()) {
          const auto [source, text] = std::move(to_server_.front());
          to_server_.pop_front();
          take(source, text);
        } else {
          auto sent = std::move(network.queue.front());
          network.queue.pop_front();
          deliver(sent);
          log.push_back(std::move(sent));
        }
      }
      if (timeline.timers().next() <= timeline.now()) {
        busy = true;
        timeline.advance(base::Duration::zero());
      }
    }
  }
  void advance(base::Duration by) {
    const auto end = timeline.now() + by;
    settle();
    while (timeline.timers().next() <= end) {
      timeline.advance(timeline.timers().next() - timeline.now());
      settle();
    }
    timeline.advance(end - timeline.now());
  }
  void to_server(const sip::Source& source, std::string text) { to_server_.emplace_back(source, std::move(text)); }
  sip::Source new_source(sip::Transport transport) {
    const auto n = ++last_client_;
    return {.transport = transport,
            .remote = *base::SocketAddress::parse("192.0.2." + std::to_string(n % 250 + 1), static_cast<std::uint16_t>(5060 + n / 250)),
            .local = *base::SocketAddress::parse("198.51.100.1", 5060),
            .flow = transport == sip::Transport::kUdp ? 0 : ++last_flow,
            .listener = 1};
  }
  std::string fresh(std::string_view prefix) { return std::string(prefix) + std::to_string(++last_token_); }

  bridge::Leg* leg_of(const ClientCall& call) {
    for (const auto& [id, leg] : environment.legs) {
      if (!leg->ended() && leg->session().call_id() == call.call_id) return leg;
    }
    return nullptr;
  }
  FakeMediaEngine::Leg& media_of(const ClientCall& call) { return media.legs.at(leg_of(call)->id()); }
  void close_flow(std::uint64_t flow) {
    agent->on_flow_closed(flow);
    if (on_flow_closed) on_flow_closed(flow);
    settle();
  }

  base::Timeline timeline{base::TimePoint{} + 1h, base::WallTime{std::chrono::seconds(1'790'000'000)} + 123ms};
  FakeNetwork network{timeline};
  FakeMediaEngine media;
  bridge::LegEnvironment environment;
  std::unique_ptr<sip::UserAgent> agent;
  std::list<Client> clients;
  std::vector<Sent> log;              // all that the server sent
  std::function<void(std::uint64_t)> on_flow_closed;
  std::uint64_t last_flow = 0;

 private:
  Client& add(const std::string& user, const std::string& name, sip::Transport transport) {
    return clients.emplace_back(*this, user, name, new_source(transport));
  }
  void take(const sip::Source& source, const std::string& text) {
    sip::ParseFailure failure;
    const auto message = sip::Message::parse(base::share(text), &failure);
    if (message) return agent->on_message(*message, source);
    if (auto answer = sip::make_failure_response(text, source, failure)) {
      network.send(sip::Target::back_to(source), {base::share(std::move(*answer)), nullptr, true});
    }
  }
  void deliver(const Sent& sent) {
    for (auto& client : clients) {
      const bool by_flow = sent.target.flow != 0 && sent.target.flow == client.source.flow;
      const bool by_address = sent.target.flow == 0 && sent.target.remote == client.source.remote;
      const bool other_way = by_address && sent.target.transport == sip::Transport::kTcp && client.source.transport == sip::Transport::kUdp;
      if (!by_flow && !(by_address && (sent.target.transport == client.source.transport || (other_way && client.listens_tcp)))) continue;
      if (!client.deaf) client.receive(sent);
      return;
    }
    // Nobody listens there: a stream says so.
    if (sip::is_reliable(sent.target.transport)) agent->on_send_failed(sent.target);
  }

  const sip::UserAgentConfig agent_config_;
  std::deque<std::pair<sip::Source, std::string>> to_server_;
  std::uint64_t last_token_ = 0;
  unsigned last_client_ = 0;
};

}  // namespace test_support

#include "support/sip_client.hpp"
