// User agents joined by a network that loses, doubles and delays packets, in virtual time. What becomes of a packet is drawn from
// the seed, its way, its kind and how many of that kind went that way before: the same seed loses the same.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace test_support {

struct Losses {
  std::uint64_t seed = 1;
  double lost = 0.25, doubled = 0.05;
  std::chrono::milliseconds delay{300};   // at the most: what is sent later may come sooner
};

// A packet that one sent to another, lost or not.
struct Carried {
  std::string from, to;
  sip::MessagePtr message;
  base::TimePoint at;
  int arrived = 0;                        // how often
};

class LossyNetwork {
 public:
  // One machine. Its agent, which must go before this, is told of what arrives.
  class Node final : public sip::Network {
   public:
    Node(LossyNetwork& net, const std::string& ip) : net_(net), address(*base::SocketAddress::parse(ip, 5060)) { net.nodes_[ip] = this; }
    void send(const sip::Target& target, const sip::Packet& packet) override {
      net_.carry(*this, target.remote, *packet.head + (packet.body ? *packet.body : std::string()));
    }
    std::string local_host(const sip::Target&) override { return address.to_string(); }

   private:
    LossyNetwork& net_;

   public:
    const base::SocketAddress address;
    sip::UserAgent* agent = nullptr;
  };

  LossyNetwork(base::Timeline& time, Losses chosen) : timeline(time), losses(chosen) {}

  std::size_t lost() const {
    std::size_t count = 0;
    for (const auto& one : log) count += one.arrived == 0;
    return count;
  }
  // What went by in a few words, for a test that fails.
  std::string story() const {
    std::string out;
    for (const auto& one : log) {
      const auto& m = *one.message;
      out += std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(one.at - begun_).count()) + " ms " + one.from + " -> " + one.to + " ";
      out += m.is_request() ? std::string(m.method_text()) : std::to_string(m.status()) + " " + std::string(m.method_text());
      out += " " + std::to_string(m.cseq().number) + " " + std::string(m.call_id()) + (one.arrived == 0 ? " LOST\n" : one.arrived > 1 ? " twice\n" : "\n");
    }
    return out;
  }

  base::Timeline& timeline;
  Losses losses;
  std::vector<Carried> log;

 private:
  // 0 to 1; independent of the order in which packets are asked for.
  double draw(const std::string& what) {
    std::uint64_t state = losses.seed * 0x9e3779b97f4a7c15ULL;
    for (const char c : what) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    std::mt19937_64 random(state);
    return static_cast<double>(random() >> 11) * 0x1p-53;
  }

  void carry(Node& from, const base::SocketAddress& remote, std::string text) {
    auto parsed = sip::Message::parse(base::share(std::move(text)));
    ASSERT_TRUE(parsed.has_value());
    const auto& message = **parsed;
    std::string what = from.address.ip() + " " + remote.ip() + " ";
    what += message.is_request() ? "" : std::to_string(message.status()) + " ";
    what += message.method_text();
    what += " " + std::to_string(++sent_[what]);
    const bool lost = draw(what + " lost") < losses.lost;
    const int copies = lost ? 0 : draw(what + " doubled") < losses.doubled ? 2 : 1;
    log.push_back({from.address.ip(), remote.ip(), *parsed, timeline.now(), copies});
    const auto found = nodes_.find(remote.ip());
    if (found == nodes_.end()) return;
    for (int copy = 0; copy < copies; ++copy) {
      const auto delay = std::chrono::duration_cast<base::Duration>(losses.delay * draw(what + " after " + std::to_string(copy)));
      timeline.after(delay, [to = found->second, message = *parsed, source = from.address](base::TimePoint) {
        if (to->agent != nullptr) to->agent->on_message(message, {.transport = sip::Transport::kUdp, .remote = source, .local = to->address, .flow = 0, .listener = 1});
      });
    }
  }

  const base::TimePoint begun_ = timeline.now();
  std::map<std::string, Node*> nodes_;
  std::map<std::string, int> sent_;
};

// A phone: our own agent, and what its user does by and by.
class LossyPhone final : public sip::UserAgentHandler {
 public:
  // What somebody does when it rings, or during a call.
  struct Habits {
    enum class Ringing { kAnswers, kBusy, kLetsRing } ringing = Ringing::kAnswers;
    std::chrono::milliseconds rings{500}, answers{1500};       // 180 then, and the final answer so much later
    std::chrono::milliseconds gives_up{0};                     // the caller's; 0: never
    std::chrono::milliseconds hangs_up{0}, reoffers{0};        // after the call is established; 0: never
  };

  // One call of its.
  class Side final : public sip::SessionHandler {
   public:
    explicit Side(LossyPhone& phone) : phone_(phone) {}
    base::Result<std::string> on_offer(std::string_view) override { return phone_.sdp(); }
    void on_answer(std::string_view) override { ++answers; }
    std::optional<std::string> make_offer() override { return phone_.sdp(); }
    void on_offer_failed(int) override {}
    void on_progress(const sip::Message& response) override { progress = response.status(); }
    void on_established(const sip::Message&) override {
      ++established;
      later(phone_.habits.hangs_up, [this] { session->end(); });
      later(phone_.habits.reoffers, [this] { session->reoffer(); });
    }
    void on_request(sip::RequestId id, const sip::MessagePtr&) override { session->respond(id, {}); }
    void on_message_done(std::uint64_t, int) override {}
    void on_flow_lost() override {}
    sip::FlowChange on_flow_change(const sip::Message&, const sip::Source&) override { return sip::FlowChange::kRefuse; }
    void on_ended(const sip::SessionEnd& how) override {
      ++ended;
      end = how;
      session = nullptr;
    }
    // Unless it has ended by then.
    void later(std::chrono::milliseconds delay, std::function<void()> what) {
      if (delay.count() == 0) return;
      phone_.timeline_.after(delay, [this, what = std::move(what)](base::TimePoint) {
        if (session != nullptr && !session->ended()) what();
      });
    }

    sip::Session* session = nullptr;
    int established = 0, ended = 0, answers = 0, progress = 0;
    sip::SessionEnd end{};

   private:
    LossyPhone& phone_;
  };

  LossyPhone(LossyNetwork& net, const std::string& ip, base::SocketAddress server, const std::string& user, const std::string& password)
      : node(net, ip), agent({}, net.timeline, node, *this), timeline_(net.timeline), server_(server), user_(user),
        auth_(std::make_shared<sip::ClientAuth>(std::make_shared<sip::PeerCredentials>(
            "parley", sip::PasswordCredentials{user, password}, std::vector<base::SocketAddress>{server}))) {
    node.agent = &agent;
  }
  ~LossyPhone() override { node.agent = nullptr; }

  // Sent again by its transaction; `done` with the final answer, or null.
  void register_contact(std::function<void(int)> done) {
    sip::OutgoingRequest request;
    request.target = target();
    request.method = "REGISTER";
    request.request_uri = "sip:parley";
    request.from = request.to = "<sip:" + user_ + "@parley>";
    request.headers = "Contact: " + agent.contact(target(), user_) + "\r\nExpires: 3600\r\n";
    request.auth = auth_;
    agent.send_request(request, [done = std::move(done)](const sip::MessagePtr& response) { done(response ? response->status() : 408); });
  }
  Side& call(const std::string& user) {
    auto& side = *sides.emplace_back(std::make_unique<Side>(*this));
    sip::OutgoingInvite invite;
    invite.target = target();
    invite.request_uri = invite.to_uri = "sip:" + user + "@parley";
    invite.from_uri = "sip:" + user_ + "@parley";
    invite.sdp = sdp();
    invite.auth = auth_;
    side.session = &agent.invite(invite, side);
    side.later(habits.gives_up, [&side] { if (!side.session->established()) side.session->end(); });
    return side;
  }

  // sip::UserAgentHandler
  sip::SessionHandler* on_invite(sip::Session& session, const sip::MessagePtr&, const sip::Source&) override {
    auto& side = *sides.emplace_back(std::make_unique<Side>(*this));
    side.session = &session;
    side.later(habits.rings, [&side] { side.session->provisional(180); });
    if (habits.ringing != Habits::Ringing::kLetsRing) {
      side.later(habits.rings + habits.answers, [this, &side] {
        habits.ringing == Habits::Ringing::kAnswers ? side.session->accept(sdp()) : side.session->reject({.status = 486});
      });
    }
    return &side;
  }
  void on_request(sip::RequestId id, const sip::MessagePtr&, const sip::Source&) override { agent.respond(id, {}); }

  LossyNetwork::Node node;
  sip::UserAgent agent;
  Habits habits;
  std::vector<std::unique_ptr<Side>> sides;

 private:
  sip::Target target() const { return {sip::Transport::kUdp, server_, 0, 1}; }
  std::string sdp() {
    const auto ip = node.address.ip();
    return "v=0\r\no=- 1 " + std::to_string(++version_) + " IN IP4 " + ip + "\r\ns=-\r\nc=IN IP4 " + ip +
           "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";
  }

  base::Timeline& timeline_;
  const base::SocketAddress server_;
  const std::string user_;
  const std::shared_ptr<sip::ClientAuth> auth_;
  int version_ = 0;
};

}  // namespace test_support
