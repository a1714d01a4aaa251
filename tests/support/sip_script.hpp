// For tests of the SIP layer: a network that remembers what was sent, a user agent in virtual time, and a peer whose messages
// are written as text.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/timeline.hpp"
#include "sip/user_agent.hpp"

namespace test {

using namespace std::chrono_literals;

struct Sent {
  sip::Target target;
  std::string text;
  bool utf8 = true;
  sip::MessagePtr message;
};

class FakeNetwork final : public sip::Network {
 public:
  void send(const sip::Target& target, const sip::Packet& packet) override {
    std::string text = *packet.head + (packet.body ? *packet.body : "");
    auto parsed = sip::Message::parse(base::share(text));
    EXPECT_TRUE(parsed.has_value()) << text;
    sent.push_back({target, text, packet.utf8, parsed.value_or(nullptr)});
  }
  std::string local_host(const sip::Target& target) override {
    return target.transport == sip::Transport::kWs ? "192.0.2.1:7777" : "192.0.2.1:5060";
  }
  std::deque<Sent> sent;
};

// "\n" becomes CRLF in the head, and Content-Length is added.
inline std::string wire(std::string_view head, std::string_view body = {}) {
  std::string out;
  while (!head.empty() && head.back() == '\n') head.remove_suffix(1);
  for (const char c : head) out += c == '\n' ? "\r\n" : std::string(1, c);
  out += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out.append(body);
}

inline sip::MessagePtr parse(std::string text) {
  auto message = sip::Message::parse(base::share(text));
  EXPECT_TRUE(message.has_value()) << (message ? "" : message.error().detail) << "\n" << text;
  return message.value_or(nullptr);
}

inline sip::Source udp(std::uint16_t port = 5070, std::string_view ip = "198.51.100.7") {
  return {sip::Transport::kUdp, *base::SocketAddress::parse(ip, port), *base::SocketAddress::parse("192.0.2.1", 5060), 0, 1};
}
inline sip::Source stream(sip::Transport transport, std::uint64_t flow) {
  return {transport, *base::SocketAddress::parse("198.51.100.7", 40000), *base::SocketAddress::parse("192.0.2.1", 5060), flow, 2};
}
inline sip::Source websocket(std::uint64_t flow = 7) { return stream(sip::Transport::kWs, flow); }

// Writes down what it is told, and answers by its members.
class RecordingHandler final : public sip::SessionHandler {
 public:
  base::Result<std::string> on_offer(std::string_view sdp) override {
    log.push_back("offer " + std::string(sdp));
    if (during_offer) during_offer();
    return answer;
  }
  void on_answer(std::string_view sdp) override { log.push_back("answer " + std::string(sdp)); }
  std::optional<std::string> make_offer() override {
    log.push_back("make_offer");
    return offer;
  }
  void on_offer_failed(int status) override { log.push_back("offer_failed " + std::to_string(status)); }
  void on_progress(const sip::Message& response) override { log.push_back("progress " + std::to_string(response.status())); }
  void on_established(const sip::Message&) override {
    log.push_back("established");
    if (during_established) during_established();
  }
  void on_request(sip::RequestId id, const sip::MessagePtr& request) override {
    log.push_back("request " + std::string(request->method_text()));
    requests.push_back(id);
    if (during_request) during_request();
  }
  void on_message_done(std::uint64_t token, int status) override {
    log.push_back("done " + std::to_string(token) + " " + std::to_string(status));
  }
  void on_flow_lost() override { log.push_back("flow_lost"); }
  sip::FlowChange on_flow_change(const sip::Message&, const sip::Source&) override {
    log.push_back("flow_change");
    return allow_flow_change ? sip::FlowChange::kMove : sip::FlowChange::kRefuse;
  }
  void on_ended(const sip::SessionEnd& end_of_it) override {
    end = end_of_it;
    ++ended;
  }
  bool has(std::string_view entry) const { return count(entry) > 0; }
  int count(std::string_view entry) const { return static_cast<int>(std::count(log.begin(), log.end(), entry)); }

  std::vector<std::string> log;
  std::vector<sip::RequestId> requests;
  base::Result<std::string> answer = "our answer";
  std::optional<std::string> offer = "our offer";
  std::function<void()> during_offer, during_established, during_request;
  bool allow_flow_change = false;
  sip::SessionEnd end{};
  int ended = 0;
};

// What a peer's request says besides the ordinary.
struct Ask {
  std::uint32_t cseq = 1;
  std::string branch;            // "": a new one
  std::string headers;           // lines ending in \n
  std::string body;
  std::string content_type = "application/sdp";
  std::string to_tag, from_tag = "peer";
  std::string call_id = "call-1";
  std::string contact = "<sip:bob@198.51.100.7:5070>";
};

class SipScript : public ::testing::Test, public sip::UserAgentHandler {
 protected:
  explicit SipScript(sip::UserAgentConfig config = {}) : agent(std::make_unique<sip::UserAgent>(config, timeline, network, *this)) {}

  sip::SessionHandler* on_invite(sip::Session& new_session, const sip::MessagePtr&, const sip::Source&) override {
    session = &new_session;
    ++invites;
    if (during_invite) during_invite(new_session);
    return refuse_invites ? nullptr : &handler;
  }
  void on_request(sip::RequestId id, const sip::MessagePtr& request, const sip::Source&) override {
    outside.emplace_back(id, std::string(request->method_text()));
  }

  void feed(std::string text, const sip::Source& source) {
    if (const auto message = parse(std::move(text))) agent->on_message(message, source);
  }
  void feed(std::string text) { feed(std::move(text), peer); }
  void advance(base::Duration by) { timeline.advance(by); }

  // The next message sent, whose start line must begin so.
  Sent expect(std::string_view start) {
    if (network.sent.empty()) {
      ADD_FAILURE() << "nothing was sent, expected " << start;
      return {};
    }
    Sent sent = std::move(network.sent.front());
    network.sent.pop_front();
    EXPECT_EQ(sent.text.substr(0, start.size()), start) << sent.text;
    return sent;
  }
  void expect_nothing() {
    EXPECT_TRUE(network.sent.empty()) << network.sent.front().text;
    network.sent.clear();
  }
  std::string expect_retransmissions(std::string_view start, std::size_t count) {
    EXPECT_EQ(network.sent.size(), count);
    std::string last;
    while (!network.sent.empty()) last = expect(start).text;
    return last;
  }

  std::string via(const std::string& branch) const {
    const bool ws = peer.transport == sip::Transport::kWs;
    return "Via: SIP/2.0/" + std::string(sip::to_string(peer.transport)) + (ws ? " abc.invalid" : " 198.51.100.7:5070") +
           ";rport;branch=" + branch + "\n";
  }
  std::string new_branch() { return "z9hG4bKpeer" + std::to_string(++branches); }

  std::string request(const std::string& method, const Ask& ask) {
    std::string text = method + " sip:room@192.0.2.1 SIP/2.0\n" + via(ask.branch.empty() ? new_branch() : ask.branch);
    text += "Max-Forwards: 70\nFrom: <sip:bob@example.org>;tag=" + ask.from_tag + "\nTo: <sip:room@192.0.2.1>" +
            (ask.to_tag.empty() ? "" : ";tag=" + ask.to_tag) + "\nCall-ID: " + ask.call_id + "\nCSeq: " +
            std::to_string(ask.cseq) + " " + method + "\n";
    if (!ask.contact.empty()) text += "Contact: " + ask.contact + "\n";
    text += ask.headers;
    if (!ask.body.empty()) text += "Content-Type: " + ask.content_type + "\n";
    return wire(text, ask.body);
  }
  // The peer's response to what was sent.
  static std::string response(const Sent& to, int status, const std::string& tag = {}, const std::string& headers = {},
                              const std::string& body = {}) {
    const sip::Message& request = *to.message;
    std::string text = "SIP/2.0 " + std::to_string(status) + " Whatever\nVia: " + std::string(request.value(sip::HeaderId::kVia));
    text += "\nFrom: " + std::string(request.value(sip::HeaderId::kFrom)) + "\nTo: " + std::string(request.value(sip::HeaderId::kTo));
    if (request.to_tag().empty() && !tag.empty()) text += ";tag=" + tag;
    text += "\nCall-ID: " + std::string(request.call_id()) + "\nCSeq: " + std::string(request.value(sip::HeaderId::kCSeq)) + "\n";
    text += headers;
    if (!body.empty()) text += "Content-Type: application/sdp\n";
    return wire(text, body);
  }

  // A call from the peer up to its ACK; `local_tag` is ours.
  void call_in(Ask ask = {}) {
    if (ask.body.empty()) ask.body = "peer offer";
    next_cseq = ask.cseq + 1;
    feed(request("INVITE", ask));
    ASSERT_NE(session, nullptr);
    session->accept("our answer");
    const Sent ok = expect("SIP/2.0 200");
    local_tag = ok.message->to_tag();
    feed(in_dialog("ACK", {.cseq = ask.cseq}));
    ASSERT_TRUE(handler.has("established"));
  }
  std::string in_dialog(const std::string& method, Ask ask = {.cseq = 0}) {
    if (ask.cseq == 0) ask.cseq = next_cseq++;
    ask.to_tag = local_tag;
    return request(method, ask);
  }
  sip::OutgoingInvite outgoing(const sip::Source& to) {
    sip::OutgoingInvite invite;
    invite.target = sip::Target::back_to(to);
    invite.request_uri = "sip:bob@198.51.100.7:5070";
    invite.from_uri = "sip:room@192.0.2.1";
    invite.to_uri = "sip:bob@example.org";
    invite.sdp = "our offer";
    invite.session_timer = false;
    return invite;
  }
  inline static const std::string kContact = "Contact: <sip:bob@198.51.100.7:5070>\n";
  // A call to the peer up to our ACK.
  void call_out(const std::string& headers = {}) {
    session = &agent->invite(outgoing(peer), handler);
    const Sent invite = expect("INVITE ");
    local_tag = invite.message->from_tag();
    feed(response(invite, 200, "bobtag", kContact + headers, "peer answer"));
    expect("ACK ");
    ASSERT_TRUE(handler.has("established"));
    out_call_id = invite.message->call_id();
  }

  base::Timeline timeline;
  FakeNetwork network;
  RecordingHandler handler;
  std::unique_ptr<sip::UserAgent> agent;
  sip::Source peer = udp();
  sip::Session* session = nullptr;
  std::function<void(sip::Session&)> during_invite;
  bool refuse_invites = false;
  int invites = 0;
  std::vector<std::pair<sip::RequestId, std::string>> outside;
  std::string local_tag, out_call_id;
  std::uint32_t next_cseq = 2;
  int branches = 0;
};

}  // namespace test
