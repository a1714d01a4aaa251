// Copies of messages to a leg: what they look like, their order, their limits.
#include "support/sip_script.hpp"

namespace {

using namespace test;

class SessionMessageTest : public SipScript {
 protected:
  void text(const std::string& body, std::uint64_t token = 0) {
    session->send_message({.content_type = "text/plain", .body = base::share(body), .token = token});
  }
};

// RFC 3428, spec enhanced-messaging A.2
TEST_F(SessionMessageTest, LooksAsRecipientsExpect) {
  peer = websocket();
  call_in({.contact = "<sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob>"});
  session->send_message({.from_display = "Bob \"B\" \\",
                         .to_display = "All",
                         .content_type = "application/X-chat+json;  a=B",
                         .headers = "Parley-Sequence: 1\r\nParley-Participant: 7\r\n",
                         .body = base::share(std::string("{\0}", 3))});
  const Sent copy = expect("MESSAGE sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob SIP/2.0\r\n");
  EXPECT_EQ(copy.target.flow, 7U);
  EXPECT_EQ(copy.message->top_via().transport, sip::Transport::kWs);
  EXPECT_EQ(copy.message->from().display(), "Bob \"B\" \\");
  EXPECT_EQ(copy.message->from().uri_text, "sip:room@192.0.2.1");
  EXPECT_EQ(copy.message->from_tag(), local_tag);
  EXPECT_EQ(copy.message->to().display(), "All");
  EXPECT_EQ(copy.message->to().uri_text, "sip:bob@example.org");
  EXPECT_EQ(copy.message->to_tag(), "peer");
  EXPECT_EQ(copy.message->call_id(), "call-1");
  EXPECT_EQ(copy.message->content_type(), "application/X-chat+json;  a=B");
  EXPECT_EQ(copy.message->value("Parley-Sequence"), "1");
  EXPECT_EQ(copy.message->body(), std::string_view("{\0}", 3));
  EXPECT_TRUE(copy.utf8);
  session->send_message({.content_type = "text/plain", .body = base::share("\xff"), .utf8 = false});
  EXPECT_FALSE(expect("MESSAGE ").utf8);
  session->send_message({.from_display = "\xc3", .content_type = "text/plain", .body = base::share("x")});
  EXPECT_FALSE(expect("MESSAGE ").utf8);
}

TEST_F(SessionMessageTest, ADisplayNameCantStartAHeader) {
  call_in();
  session->send_message({.from_display = "a\r\nX-Evil: 1", .content_type = "text/plain", .body = base::share("x")});
  EXPECT_EQ(expect("MESSAGE ").message->find("X-Evil"), nullptr);
}

// Spec B.1: pipelined on a stream, in order
TEST_F(SessionMessageTest, AThousandArePipelinedOnAStream) {
  peer = websocket();
  call_in();
  std::uint32_t last = 0;
  for (std::uint64_t i = 1; i <= 1000; ++i) text(std::to_string(i), i);
  ASSERT_EQ(network.sent.size(), 1000U);
  std::vector<Sent> all(network.sent.begin(), network.sent.end());
  network.sent.clear();
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].message->body(), std::to_string(i + 1));
    EXPECT_GT(all[i].message->cseq().number, last);
    last = all[i].message->cseq().number;
  }
  for (const Sent& copy : all) feed(response(copy, 200));
  EXPECT_EQ(handler.count("done 1 200") + handler.count("done 1000 200"), 2);
  EXPECT_EQ(handler.log.size(), 1U + 1000U);   // established, and each once
  EXPECT_EQ(agent->transactions(), 1U);        // the INVITE's
}

// Spec B.1, RFC 3261 12.2.2: one at a time on UDP
TEST_F(SessionMessageTest, OneAtATimeOnUdp) {
  call_in();
  text("1", 1);
  text("2", 2);
  text("3", 3);
  const Sent first = expect("MESSAGE ");
  expect_nothing();
  feed(response(first, 200));
  const Sent second = expect("MESSAGE ");
  EXPECT_EQ(second.message->body(), "2");
  EXPECT_GT(second.message->cseq().number, first.message->cseq().number);
  advance(500ms);
  expect("MESSAGE ");   // timer E: the same again
  expect_nothing();
  network.sent.clear();
  advance(32s);          // a time-out alone ends nothing
  EXPECT_TRUE(handler.has("done 2 408"));
  EXPECT_EQ(handler.ended, 0);
  while (network.sent.size() > 1) network.sent.pop_front();
  EXPECT_EQ(expect("MESSAGE ").message->body(), "3");
}

TEST_F(SessionMessageTest, TheQueueIsBounded) {
  sip::UserAgentConfig config;
  config.message_queue = 2;
  agent = std::make_unique<sip::UserAgent>(config, timeline, network, *this);
  call_in();
  for (std::uint64_t i = 1; i <= 4; ++i) text("x", i);
  EXPECT_EQ(handler.count("done 4 0"), 1);
  session->end();
  advance(0s);
  EXPECT_EQ(handler.count("done 1 0") + handler.count("done 2 0") + handler.count("done 3 0"), 3);
}

// RFC 3261 12.2.2: what a higher number overtook is sent again, once
TEST_F(SessionMessageTest, AnOvertakenCopyIsSentAgain) {
  call_in();
  text("x", 1);
  const Sent copy = expect("MESSAGE ");
  session->send_request("INFO", {}, {}, {}, {});
  expect("INFO ");
  feed(response(copy, 500));
  const Sent again = expect("MESSAGE ");
  EXPECT_GT(again.message->cseq().number, copy.message->cseq().number + 1);
  feed(response(again, 500));
  EXPECT_TRUE(handler.has("done 1 500"));
}

TEST_F(SessionMessageTest, WaitsForTheDialog) {
  feed(request("INVITE", {.body = "peer offer"}));
  text("early");
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  expect_nothing();
  feed(in_dialog("ACK", {.cseq = 1}));
  EXPECT_EQ(expect("MESSAGE ").message->body(), "early");
}

// Spec A.2, RFC 5057
TEST_F(SessionMessageTest, A481EndsTheLegAndOthersDoNot) {
  peer = websocket();
  call_in();
  for (const int status : {405, 415, 501, 500, 404, 408}) {
    text("x", static_cast<std::uint64_t>(status));
    feed(response(expect("MESSAGE "), status));
    EXPECT_TRUE(handler.has("done " + std::to_string(status) + " " + std::to_string(status)));
    EXPECT_EQ(handler.ended, 0) << status;
  }
  text("x", 1);
  feed(response(expect("MESSAGE "), 481));
  EXPECT_EQ(handler.end.cause, sip::EndCause::kDialogGone);
  expect_nothing();
}

// RFC 3261 18.1.1, spec A.2
TEST_F(SessionMessageTest, BigOnesOfAUdpLegGoByTcpOrElseByUdp) {
  call_in();
  text(std::string(2000, 'x'), 1);
  const Sent by_tcp = expect("MESSAGE ");
  EXPECT_EQ(by_tcp.target.transport, sip::Transport::kTcp);
  EXPECT_EQ(by_tcp.target.remote.to_string(), "198.51.100.7:5070");
  EXPECT_EQ(by_tcp.message->top_via().transport, sip::Transport::kTcp);
  text("small", 2);
  expect_nothing();
  agent->on_send_failed(by_tcp.target);
  const Sent by_udp = expect("MESSAGE ");
  EXPECT_EQ(by_udp.target.transport, sip::Transport::kUdp);
  EXPECT_EQ(by_udp.message->top_via().transport, sip::Transport::kUdp);
  EXPECT_EQ(by_udp.message->body().size(), 2000U);
  EXPECT_GT(by_udp.message->cseq().number, by_tcp.message->cseq().number);
  feed(response(by_udp, 200));
  EXPECT_TRUE(handler.has("done 1 200"));
  feed(response(expect("MESSAGE "), 200));
  text(std::string(2000, 'y'), 3);   // remembered
  feed(response(expect("MESSAGE "), 200));
  text(std::string(61000, 'z'), 4);
  expect_nothing();
  EXPECT_TRUE(handler.has("done 4 0"));
}

TEST_F(SessionMessageTest, TcpIsKeptWhereItWorks) {
  call_in();
  for (int i = 0; i < 2; ++i) {
    text(std::string(2000, 'x'), 1);
    const Sent copy = expect("MESSAGE ");
    EXPECT_EQ(copy.target.transport, sip::Transport::kTcp);
    feed(response(copy, 200), stream(sip::Transport::kTcp, 50));
  }
  EXPECT_EQ(handler.count("done 1 200"), 2);
  text("small");
  EXPECT_EQ(expect("MESSAGE ").target.transport, sip::Transport::kUdp);
}

// Nobody makes us connect to somebody else's address.
TEST_F(SessionMessageTest, AStrangersContactIsNotConnectedTo) {
  call_in({.contact = "<sip:bob@203.0.113.9:22>"});
  text(std::string(2000, 'x'));
  const Sent copy = expect("MESSAGE ");
  EXPECT_EQ(copy.target.transport, sip::Transport::kUdp);
  EXPECT_EQ(copy.target.remote.to_string(), "198.51.100.7:5070");
}

TEST_F(SessionMessageTest, AfterTheEndCopiesAreSkipped) {
  call_in();
  handler.during_request = [this] {
    session->end();
    text("x", 9);
  };
  feed(in_dialog("INFO"));
  EXPECT_TRUE(handler.has("done 9 0"));
  EXPECT_EQ(handler.ended, 1);
}

}  // namespace
