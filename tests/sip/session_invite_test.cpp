// INVITEs of ours, forks, CANCEL, reliable provisional responses of both sides.
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::EndCause;

class SessionInviteTest : public SipScript {};

// RFC 3261 13.2
TEST_F(SessionInviteTest, CallsAndIsAnswered) {
  auto call = outgoing(peer);
  call.from_display = "Room \"1\"";
  call.headers = "X-Room: 1\r\n";
  call.session_timer = true;
  session = &agent->invite(call, handler);
  const Sent invite = expect("INVITE sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(invite.message->from().display(), "Room \"1\"");
  EXPECT_EQ(invite.message->value("X-Room"), "1");
  EXPECT_EQ(invite.message->body(), "our offer");
  EXPECT_EQ(invite.message->value(sip::HeaderId::kSessionExpires), "90");
  feed(response(invite, 180, "bobtag", kContact));
  feed(response(invite, 200, "bobtag", kContact, "peer answer"));
  const Sent ack = expect("ACK sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(ack.message->cseq().number, invite.message->cseq().number);
  EXPECT_NE(ack.message->top_via().branch(), invite.message->top_via().branch());
  EXPECT_EQ(handler.log, (std::vector<std::string>{"progress 180", "answer peer answer", "established"}));
  EXPECT_EQ(session->remote_tag(), "bobtag");
  // RFC 3261 13.2.2.4: a repeated 2xx is acknowledged again
  feed(response(invite, 200, "bobtag", kContact, "peer answer"));
  EXPECT_EQ(expect("ACK ").text, ack.text);
  advance(40s);   // the transaction is over
  feed(response(invite, 200, "bobtag", kContact, "peer answer"));
  EXPECT_EQ(expect("ACK ").text, ack.text);
  session->end();
  const Sent bye = expect("BYE ");
  EXPECT_EQ(bye.message->cseq().number, invite.message->cseq().number + 1);
  EXPECT_EQ(bye.message->to_tag(), "bobtag");
}

// RFC 3261 13.2.1
TEST_F(SessionInviteTest, WithoutAnOfferAnswersInTheAck) {
  auto call = outgoing(peer);
  call.sdp.clear();
  session = &agent->invite(call, handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 200, "bobtag", kContact, "peer offer"));
  EXPECT_EQ(expect("ACK ").message->body(), "our answer");
  EXPECT_EQ(handler.log, (std::vector<std::string>{"offer peer offer", "established"}));
}

TEST_F(SessionInviteTest, AnOfferIn2xxThatCantBeMetEndsTheCall) {
  handler.answer = base::fail(base::ErrorCode::kUnsupported, "no codec");
  auto call = outgoing(peer);
  call.sdp.clear();
  session = &agent->invite(call, handler);
  feed(response(expect("INVITE "), 200, "bobtag", kContact, "peer offer"));
  expect("ACK ");
  expect("BYE ");
  EXPECT_EQ(handler.end.status, 488);
}

// RFC 3261 13.2.2.3
TEST_F(SessionInviteTest, IsRefused) {
  session = &agent->invite(outgoing(peer), handler);
  feed(response(expect("INVITE "), 486, "bobtag", "Reason: Q.850;cause=17;text=\"busy\"\n"));
  expect("ACK ");
  EXPECT_EQ(handler.end.cause, EndCause::kRejected);
  EXPECT_EQ(handler.end.status, 486);
  EXPECT_EQ(handler.end.reason, "busy");
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 17.1.1.2
TEST_F(SessionInviteTest, NobodyAnswers) {
  session = &agent->invite(outgoing(peer), handler);
  advance(32s);
  EXPECT_EQ(handler.end.cause, EndCause::kTimeout);
  EXPECT_EQ(handler.end.status, 408);
}

TEST_F(SessionInviteTest, ConnectionClosesWhileCalling) {
  peer = websocket();
  session = &agent->invite(outgoing(peer), handler);
  agent->on_flow_closed(peer.flow);
  EXPECT_EQ(handler.end.status, 503);
  EXPECT_EQ(agent->sessions() + agent->transactions(), 0U);
}

// RFC 3261 9.1
TEST_F(SessionInviteTest, Cancels) {
  session = &agent->invite(outgoing(peer), handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 180, "bobtag", kContact));
  session->end("SIP;cause=200;text=\"Call completed elsewhere\"");
  const Sent cancel = expect("CANCEL ");
  EXPECT_EQ(cancel.message->value(sip::HeaderId::kReason), "SIP;cause=200;text=\"Call completed elsewhere\"");
  advance(0s);
  EXPECT_EQ(handler.end.cause, EndCause::kCancelled);
  feed(response(cancel, 200));
  feed(response(invite, 487, "bobtag"));
  expect("ACK ");
  EXPECT_EQ(agent->sessions(), 0U);
  EXPECT_EQ(handler.ended, 1);
}

// RFC 3261 9.1: the CANCEL crosses the 200
TEST_F(SessionInviteTest, CancelCrossesThe200) {
  session = &agent->invite(outgoing(peer), handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 180, "bobtag", kContact));
  session->end();
  expect("CANCEL ");
  feed(response(invite, 200, "bobtag", kContact, "peer answer"));
  expect("ACK ");
  expect("BYE ");
  EXPECT_EQ(handler.ended, 1);
  EXPECT_FALSE(handler.has("established"));
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 13.2.2.4
TEST_F(SessionInviteTest, TheFirst2xxWinsAndOtherForksAreEnded) {
  session = &agent->invite(outgoing(peer), handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 180, "one", kContact));
  feed(response(invite, 180, "two", kContact));
  feed(response(invite, 200, "two", kContact, "answer two"));
  EXPECT_EQ(expect("ACK ").message->to_tag(), "two");
  feed(response(invite, 200, "one", kContact, "answer one"));
  EXPECT_EQ(expect("ACK ").message->to_tag(), "one");
  EXPECT_EQ(expect("BYE ").message->to_tag(), "one");
  feed(response(invite, 200, "one", kContact, "answer one"));
  EXPECT_EQ(expect("ACK ").message->to_tag(), "one");
  expect_nothing();
  EXPECT_EQ(session->remote_tag(), "two");
  EXPECT_EQ(handler.count("established"), 1);
  EXPECT_FALSE(handler.has("answer answer one"));
}

// RFC 4028 7.3
TEST_F(SessionInviteTest, IsAskedAgainWithThePeersMinimum) {
  auto call = outgoing(peer);
  call.session_timer = true;
  session = &agent->invite(call, handler);
  const Sent first = expect("INVITE ");
  feed(response(first, 422, "b", "Min-SE: 600\n"));
  expect("ACK ");
  const Sent second = expect("INVITE ");
  EXPECT_EQ(second.message->value(sip::HeaderId::kSessionExpires), "600");
  EXPECT_EQ(second.message->value(sip::HeaderId::kMinSe), "600");
  EXPECT_EQ(second.message->cseq().number, first.message->cseq().number + 1);
  EXPECT_EQ(second.message->call_id(), first.message->call_id());
}

// RFC 3262 4
TEST_F(SessionInviteTest, AcknowledgesReliableProvisionals) {
  session = &agent->invite(outgoing(peer), handler);
  const Sent invite = expect("INVITE ");
  EXPECT_TRUE(invite.message->lists(sip::HeaderId::kSupported, "100rel"));
  const std::string reliable = kContact + "Require: 100rel\nRSeq: 17\n";
  feed(response(invite, 183, "bobtag", reliable, "early answer"));
  const Sent prack = expect("PRACK sip:bob@198.51.100.7:5070");
  EXPECT_EQ(prack.message->value(sip::HeaderId::kRAck), "17 " + std::to_string(invite.message->cseq().number) + " INVITE");
  EXPECT_TRUE(handler.has("answer early answer"));
  feed(response(invite, 183, "bobtag", reliable, "early answer"));   // the same again
  expect_nothing();
  feed(response(invite, 180, "bobtag", kContact + "Require: 100rel\nRSeq: 19\n"));   // out of order
  expect_nothing();
  feed(response(invite, 180, "bobtag", kContact + "Require: 100rel\nRSeq: 18\n"));
  const Sent second = expect("PRACK ");
  EXPECT_GT(second.message->cseq().number, prack.message->cseq().number);
  feed(response(invite, 200, "bobtag", kContact));
  expect("ACK ");
  EXPECT_EQ(handler.count("answer early answer"), 1);
  EXPECT_TRUE(session->established());
  session->end();
  EXPECT_GT(expect("BYE ").message->cseq().number, second.message->cseq().number);
}

// RFC 3262 5: an offer in a reliable response is answered in its PRACK
TEST_F(SessionInviteTest, AnswersInThePrack) {
  auto call = outgoing(peer);
  call.sdp.clear();
  session = &agent->invite(call, handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 183, "bobtag", kContact + "Require: 100rel\nRSeq: 1\n", "peer offer"));
  EXPECT_EQ(expect("PRACK ").message->body(), "our answer");
  feed(response(invite, 200, "bobtag", kContact));
  EXPECT_TRUE(expect("ACK ").message->body().empty());
}

// RFC 3262 3
TEST_F(SessionInviteTest, SendsReliablyWherePeerRequiresIt) {
  feed(request("INVITE", {.headers = "Require: 100rel\n", .body = "peer offer"}));
  session->provisional(183, "early answer");
  session->provisional(180);   // waits for the PRACK
  session->accept("early answer");   // and so does this
  Sent early = expect("SIP/2.0 183");
  EXPECT_TRUE(early.message->lists(sip::HeaderId::kRequire, "100rel"));
  EXPECT_EQ(early.message->body(), "early answer");
  const std::string rseq(early.message->value(sip::HeaderId::kRSeq));
  advance(3500ms);
  EXPECT_EQ(parse(expect_retransmissions("SIP/2.0 183", 3))->value(sip::HeaderId::kRSeq), rseq);
  local_tag = early.message->to_tag();
  feed(in_dialog("PRACK", {.cseq = 2, .headers = "RAck: 1 1 INVITE\n"}));
  expect("SIP/2.0 481");
  feed(in_dialog("PRACK", {.cseq = 3, .headers = "RAck: " + rseq + "  1 INVITE\n"}));
  EXPECT_EQ(expect("SIP/2.0 200").message->method(), sip::Method::kPrack);
  const Sent ringing = expect("SIP/2.0 180");
  const std::string next(ringing.message->value(sip::HeaderId::kRSeq));
  EXPECT_EQ(std::stoul(next), std::stoul(rseq) + 1);
  expect_nothing();
  feed(in_dialog("PRACK", {.cseq = 4, .headers = "RAck: " + next + " 1 INVITE\n"}));
  expect("SIP/2.0 200");
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_EQ(ok.message->method(), sip::Method::kInvite);
  EXPECT_TRUE(ok.message->body().empty());   // the answer was given
  feed(in_dialog("ACK", {.cseq = 1}));
  EXPECT_TRUE(session->established());
}

// RFC 3262 3: 64*T1 without PRACK
TEST_F(SessionInviteTest, NoPrackEndsTheCall) {
  feed(request("INVITE", {.headers = "Require: 100rel\n", .body = "peer offer"}));
  session->provisional(180);
  advance(31s);
  network.sent.clear();
  advance(1s);
  while (network.sent.size() > 1) network.sent.pop_front();
  expect("SIP/2.0 504");
  EXPECT_EQ(handler.ended, 1);
}

TEST_F(SessionInviteTest, RingsUnreliablyWherePeerOnlySupportsIt) {
  feed(request("INVITE", {.headers = "Supported: 100rel\n", .body = "peer offer"}));
  session->provisional(180);
  EXPECT_FALSE(expect("SIP/2.0 180").message->lists(sip::HeaderId::kRequire, "100rel"));
  session->provisional(183, "early answer");
  EXPECT_TRUE(expect("SIP/2.0 183").message->lists(sip::HeaderId::kRequire, "100rel"));
}

TEST_F(SessionInviteTest, TooManySessionsAreRefused) {
  sip::UserAgentConfig config;
  config.max_sessions = 1;
  agent = std::make_unique<sip::UserAgent>(config, timeline, network, *this);
  feed(request("INVITE", {.body = "x", .call_id = "one"}));
  feed(request("INVITE", {.body = "x", .call_id = "two"}));
  EXPECT_EQ(expect("SIP/2.0 503").message->call_id(), "two");
  RecordingHandler other;
  agent->invite(outgoing(peer), other);
  EXPECT_EQ(other.ended, 0);   // not before the caller has its session
  advance(0s);
  EXPECT_EQ(other.ended, 1);
  EXPECT_EQ(other.end.status, 503);
}

}  // namespace
