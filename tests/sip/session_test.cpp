// Sessions in virtual time: set-up, end, requests in the dialog.
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::EndCause;

class SessionTest : public SipScript {};

// RFC 3261 13.3
TEST_F(SessionTest, IsRungAnsweredAndEndedByThePeer) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->provisional(180);
  const Sent ringing = expect("SIP/2.0 180 Ringing");
  EXPECT_FALSE(ringing.message->to_tag().empty());
  session->accept("our answer", "X-Room: yes\r\n");
  const Sent ok = expect("SIP/2.0 200 OK");
  EXPECT_EQ(ok.message->to_tag(), ringing.message->to_tag());
  EXPECT_EQ(ok.message->body(), "our answer");
  EXPECT_EQ(ok.message->value("X-Room"), "yes");
  EXPECT_EQ(ok.message->value(sip::HeaderId::kContact), "<sip:192.0.2.1:5060>");
  EXPECT_TRUE(ok.message->lists(sip::HeaderId::kAllow, "MESSAGE"));
  EXPECT_FALSE(session->established());
  local_tag = ok.message->to_tag();
  feed(in_dialog("ACK", {.cseq = 1}));
  EXPECT_TRUE(session->established());
  EXPECT_EQ(session->remote_target(), "sip:bob@198.51.100.7:5070");
  feed(in_dialog("BYE", {.cseq = 2, .headers = "Reason: SIP;cause=200;text=\"enough\"\n"}));
  expect("SIP/2.0 200");
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(handler.end.cause, EndCause::kByeReceived);
  EXPECT_EQ(handler.end.reason, "enough");   // RFC 3326
  EXPECT_EQ(agent->sessions(), 0U);
  advance(70s);
  EXPECT_EQ(agent->transactions(), 0U);
}

// RFC 3261 13.3.1.3
TEST_F(SessionTest, IsRejected) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->reject({.status = 486});
  expect("SIP/2.0 486 Busy Here");
  advance(0s);
  EXPECT_EQ(handler.end.cause, EndCause::kRejected);
  EXPECT_EQ(handler.end.status, 486);
  EXPECT_EQ(agent->sessions(), 0U);
}

TEST_F(SessionTest, IsRejectedWithinOnInvite) {
  refuse_invites = true;
  during_invite = [](sip::Session& s) { s.reject({.status = 404}); };
  feed(request("INVITE", {.body = "peer offer"}));
  expect("SIP/2.0 404");
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 9.2
TEST_F(SessionTest, IsCancelled) {
  feed(request("INVITE", {.branch = "z9hG4bKx", .body = "peer offer"}));
  feed(request("CANCEL", {.branch = "z9hG4bKx", .headers = "Reason: SIP;cause=200;text=\"elsewhere\"\n"}));
  const Sent ok = expect("SIP/2.0 200");   // in this order: sipp and some phones wait for no other
  const Sent terminated = expect("SIP/2.0 487");
  EXPECT_EQ(ok.message->method(), sip::Method::kCancel);
  EXPECT_EQ(ok.message->to_tag(), terminated.message->to_tag());
  EXPECT_EQ(handler.end.cause, EndCause::kCancelled);
  EXPECT_EQ(handler.end.reason, "elsewhere");
}

// RFC 3261 9.2: after the final response CANCEL changes nothing
TEST_F(SessionTest, CancelThatCrossesThe200ChangesNothing) {
  feed(request("INVITE", {.branch = "z9hG4bKx", .body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  feed(request("CANCEL", {.branch = "z9hG4bKx"}));
  EXPECT_EQ(expect("SIP/2.0 200").message->method(), sip::Method::kCancel);
  feed(in_dialog("ACK", {.cseq = 1}));
  EXPECT_TRUE(session->established());
}

// RFC 3261 13.3.1.4
TEST_F(SessionTest, RepeatsThe200UntilItsAckOnAnyTransport) {
  for (const auto& source : {udp(), websocket()}) {
    peer = source;
    feed(request("INVITE", {.body = "peer offer", .call_id = "c" + std::to_string(peer.flow)}));
    session->accept("our answer");
    advance(7500ms);   // at 0.5, 1.5, 3.5, 7.5
    local_tag = parse(expect_retransmissions("SIP/2.0 200", 5))->to_tag();
    feed(in_dialog("ACK", {.cseq = 1, .call_id = "c" + std::to_string(peer.flow)}));
    advance(20s);
    expect_nothing();
    EXPECT_EQ(handler.ended, 0);
  }
}

// RFC 3261 13.3.1.4
TEST_F(SessionTest, EndsWhenNoAckComes) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  advance(31s);
  EXPECT_EQ(handler.ended, 0);
  network.sent.clear();
  advance(1001ms);
  expect("SIP/2.0 200");   // at 31.5 s
  expect("BYE sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(handler.end.cause, EndCause::kTimeout);
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 15: no BYE before the ACK
TEST_F(SessionTest, EndBeforeTheAckSendsByeAfterIt) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  session->end("done");
  advance(0s);
  EXPECT_EQ(handler.ended, 1);
  expect_nothing();
  feed(in_dialog("ACK", {.cseq = 1}));
  EXPECT_EQ(expect("BYE ").message->value(sip::HeaderId::kReason), "SIP;text=\"done\"");
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 13.2.1: offer in the 2xx, answer in the ACK
TEST_F(SessionTest, OffersWhereTheInviteHadNone) {
  feed(request("INVITE", {}));
  session->accept("");
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_EQ(ok.message->body(), "our offer");
  local_tag = ok.message->to_tag();
  feed(in_dialog("ACK", {.cseq = 1, .body = "peer answer"}));
  EXPECT_EQ(handler.log, (std::vector<std::string>{"make_offer", "answer peer answer", "established"}));
}

// RFC 3261 12.2.2, survival 4
TEST_F(SessionTest, RequestsMatchCallIdAndBothTags) {
  call_in();
  Ask ask{.cseq = 9, .to_tag = local_tag};
  ask.from_tag = "stranger";
  feed(request("BYE", ask));
  expect("SIP/2.0 481");
  ask.from_tag = "peer";
  ask.to_tag = "guess";
  feed(request("BYE", ask));
  expect("SIP/2.0 481");
  ask.to_tag = local_tag;
  ask.call_id = "other";
  feed(request("BYE", ask));
  expect("SIP/2.0 481");
  EXPECT_EQ(handler.ended, 0);
}

// RFC 3261 12.2.2
TEST_F(SessionTest, LowerCSeqIsRefused) {
  call_in({.cseq = 10});
  feed(in_dialog("INFO", {.cseq = 9}));
  expect("SIP/2.0 500");
  feed(in_dialog("INFO", {.cseq = 30}));
  session->respond(handler.requests.at(0), {.status = 200});
  expect("SIP/2.0 200");
}

// Survival 4
TEST_F(SessionTest, AnotherAddressOrFlowIsAskedFor) {
  call_in();
  feed(in_dialog("BYE", {.cseq = 2}), udp(5071));
  expect("SIP/2.0 403");
  EXPECT_EQ(handler.ended, 0);
  handler.allow_flow_change = true;
  feed(in_dialog("INFO", {.cseq = 3}), udp(5071));
  EXPECT_TRUE(handler.has("request INFO"));
  EXPECT_EQ(session->source().remote.port(), 5071);
  session->end();
  EXPECT_EQ(expect("BYE ").target.remote.port(), 5071);
}

TEST_F(SessionTest, BareAckMayComeByAnyWayButMovesNothing) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  feed(in_dialog("ACK", {.cseq = 1}), udp(6000));
  EXPECT_TRUE(session->established());
  EXPECT_EQ(session->source().remote.port(), 5070);
  EXPECT_FALSE(handler.has("flow_change"));
}

// RFC 3261 15.1.2
TEST_F(SessionTest, UnansweredRequestsGet487AtTheEnd) {
  call_in();
  feed(in_dialog("INFO"));
  feed(in_dialog("BYE"));
  EXPECT_EQ(expect("SIP/2.0 200").message->method(), sip::Method::kBye);
  EXPECT_EQ(expect("SIP/2.0 487").message->method(), sip::Method::kInfo);
}

TEST_F(SessionTest, EndWithinCallbacksIsSafe) {
  handler.during_established = [this] { session->end(); };
  handler.during_request = [this] { session->end(); };
  call_in();
  expect("BYE ");
  EXPECT_EQ(handler.ended, 1);
}

TEST_F(SessionTest, EndWithinAnOfferIsSafe) {
  call_in();
  handler.during_offer = [this] { session->end(); };
  feed(in_dialog("INVITE", {.cseq = 2, .body = "new offer"}));
  expect("BYE ");
  expect("SIP/2.0 487");
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 14.1, 15: BYE crossing our re-INVITE
TEST_F(SessionTest, ByeCrossesReinvite) {
  call_in();
  session->reoffer();
  const Sent reinvite = expect("INVITE ");
  feed(in_dialog("BYE"));
  expect("SIP/2.0 200");
  EXPECT_EQ(handler.ended, 1);
  feed(response(reinvite, 200, "", kContact, "late"));
  EXPECT_FALSE(handler.has("answer late"));
  feed(response(reinvite, 487));
}

// Survival 8
TEST_F(SessionTest, ConnectionClosesInTheMiddleOfEverything) {
  peer = websocket();
  call_in();
  session->reoffer();
  expect("INVITE ");
  session->send_message({.content_type = "text/plain", .body = base::share("x"), .token = 5});
  expect("MESSAGE ");
  feed(in_dialog("INFO"));
  agent->on_flow_closed(peer.flow);
  EXPECT_TRUE(handler.has("flow_lost"));
  EXPECT_TRUE(handler.has("offer_failed 503"));
  EXPECT_TRUE(handler.has("done 5 503"));
  EXPECT_EQ(handler.ended, 0);
  session->reoffer();                                     // waits for the peer
  session->send_message({.content_type = "text/plain", .body = base::share("kept"), .token = 6});
  session->respond(handler.requests.at(0), {.status = 200});
  expect_nothing();
  // The page is back on another connection.
  peer = websocket(8);
  handler.allow_flow_change = true;
  feed(in_dialog("INVITE", {.cseq = 20, .body = "ice restart"}));
  EXPECT_EQ(expect("SIP/2.0 200").target.flow, 8U);
  EXPECT_EQ(expect("MESSAGE ").target.flow, 8U);
  feed(in_dialog("ACK", {.cseq = 20}));
  EXPECT_EQ(expect("INVITE ").target.flow, 8U);
  agent->on_flow_closed(8);
  session->end();
  advance(1s);
  expect_nothing();                                       // WS: nobody to send BYE to
  EXPECT_EQ(agent->sessions(), 0U);
  advance(70s);
  EXPECT_EQ(agent->transactions(), 0U);
}

TEST_F(SessionTest, ConnectionClosesWhileRinging) {
  peer = websocket();
  feed(request("INVITE", {.body = "peer offer"}));
  agent->on_flow_closed(peer.flow);
  EXPECT_TRUE(handler.has("flow_lost"));
  session->reject({.status = 480});
  advance(70s);
  expect_nothing();
  EXPECT_EQ(agent->sessions() + agent->transactions(), 0U);
}

// RFC 3261 18.2.2 and 12.2.1.1: TCP is connected anew, to the numeric Contact
TEST_F(SessionTest, TcpPeerIsReachedByItsContactWhenItsConnectionCloses) {
  peer = stream(sip::Transport::kTcp, 3);
  call_in({.contact = "<sip:bob@198.51.100.7:5099;transport=tcp>"});
  agent->on_flow_closed(3);
  session->end();
  const Sent bye = expect("BYE ");
  EXPECT_EQ(bye.target.flow, 0U);
  EXPECT_EQ(bye.target.remote.to_string(), "198.51.100.7:5099");
}

// RFC 3261 12.1.1, 16.12.1.1
TEST_F(SessionTest, RouteSetIsKept) {
  call_in({.headers = "Record-Route: <sip:192.0.2.50:5080;lr>, <sip:far.example;lr>\n"});
  session->end();
  const Sent bye = expect("BYE sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(bye.target.remote.to_string(), "192.0.2.50:5080");
  EXPECT_EQ(bye.message->values(sip::HeaderId::kRoute).size(), 2U);
}

// RFC 3261 12.2.1.1: a strict router's URI is the request's, the target the last route
TEST_F(SessionTest, StrictRouter) {
  call_in({.headers = "Record-Route: <sip:192.0.2.50>\n"});
  session->end();
  const Sent bye = expect("BYE sip:192.0.2.50 SIP/2.0");
  EXPECT_EQ(bye.message->value(sip::HeaderId::kRoute), "<sip:bob@198.51.100.7:5070>");
}

// RFC 3581, survival: a private Contact is no way to a peer behind a NAT
TEST_F(SessionTest, PeerBehindNatIsReachedWhereItCameFrom) {
  peer = udp(61000);
  call_in({.contact = "<sip:bob@10.0.0.5:5060>"});
  session->end();
  EXPECT_EQ(expect("BYE sip:bob@10.0.0.5:5060 SIP/2.0").target.remote.to_string(), "198.51.100.7:61000");
}

TEST_F(SessionTest, ShutDownEndsAllAndRefusesNew) {
  call_in();
  agent->shut_down("maintenance");
  expect("BYE ");
  EXPECT_EQ(handler.ended, 1);
  feed(request("INVITE", {.body = "x", .call_id = "late"}));
  expect("SIP/2.0 503");
  EXPECT_EQ(agent->sessions(), 0U);
}

TEST_F(SessionTest, FindsByDialogId) {
  call_in();
  EXPECT_EQ(agent->find("call-1", local_tag, "peer"), session);
  EXPECT_EQ(agent->find("call-1", local_tag, "other"), nullptr);
}

TEST_F(SessionTest, OwnRequestsAreAnsweredOrTimeOut) {
  call_in();
  std::vector<int> results;
  const auto done = [&](const sip::MessagePtr& r) { results.push_back(r ? r->status() : 0); };
  session->send_request("INFO", "Info-Package: x\r\n", "application/x", "data", done);
  const Sent info = expect("INFO ");
  EXPECT_EQ(info.message->body(), "data");
  feed(response(info, 200));
  session->send_request("OPTIONS", {}, {}, {}, done);
  advance(33s);
  EXPECT_EQ(results, (std::vector<int>{200, 0}));
  EXPECT_EQ(handler.ended, 0);
}

// RFC 5057
TEST_F(SessionTest, A481ToARequestEndsTheSession) {
  call_in();
  session->send_request("INFO", {}, {}, {}, {});
  feed(response(expect("INFO "), 481));
  EXPECT_EQ(handler.end.cause, EndCause::kDialogGone);
  EXPECT_EQ(handler.end.status, 481);
}

}  // namespace
