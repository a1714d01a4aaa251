// re-INVITE and UPDATE both ways, glare, session timers of both roles.
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::EndCause;

class SessionOfferTest : public SipScript {
 protected:
  // When the next message is sent, in milliseconds from now; -1: not within `span`.
  int next_sent(int span) {
    for (int ms = 0; ms <= span; ms += 10, advance(10ms)) {
      if (!network.sent.empty()) return ms;
    }
    return -1;
  }
};

// RFC 3261 14.1
TEST_F(SessionOfferTest, Reoffers) {
  call_in();
  session->reoffer();
  const Sent invite = expect("INVITE sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(invite.message->body(), "our offer");
  EXPECT_EQ(invite.message->content_type(), "application/sdp");
  EXPECT_EQ(invite.message->to_tag(), "peer");
  session->reoffer();
  session->reoffer();   // merged, and waiting for the first
  expect_nothing();
  feed(response(invite, 100));
  feed(response(invite, 200, "", "Contact: <sip:bob@198.51.100.7:5099>\n", "their answer"));
  const Sent ack = expect("ACK sip:bob@198.51.100.7:5099 SIP/2.0");   // RFC 3261 12.2.1.2: target refresh
  EXPECT_EQ(ack.message->cseq().number, invite.message->cseq().number);
  EXPECT_TRUE(handler.has("answer their answer"));
  const Sent second = expect("INVITE ");
  EXPECT_GT(second.message->cseq().number, invite.message->cseq().number);
  feed(response(invite, 200, "", "", "their answer"));
  EXPECT_EQ(expect("ACK ").text, ack.text);
  feed(response(second, 200, "", kContact, "second answer"));
  expect("ACK ");
  expect_nothing();
}

TEST_F(SessionOfferTest, WaitsForTheAckOfThe200) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  session->reoffer();
  expect_nothing();
  feed(in_dialog("ACK", {.cseq = 1}));
  expect("INVITE ");
}

TEST_F(SessionOfferTest, NothingToOfferAnyMore) {
  call_in();
  handler.offer = std::nullopt;
  session->reoffer();
  expect_nothing();
}

// RFC 3261 14.1: the one who was called waits 0 to 2 s, the caller 2.1 to 4 s
TEST_F(SessionOfferTest, GlareIsRetriedByBothRules) {
  call_in();
  for (int i = 0; i < 20; ++i) {
    session->reoffer();
    feed(response(expect("INVITE "), 491));
    expect("ACK ");
    const int when = next_sent(2000);
    ASSERT_GE(when, 0);
    feed(response(expect("INVITE "), 200, "", kContact, "a"));
    expect("ACK ");
  }
  session->end();
  feed(response(expect("BYE "), 200));
  handler.log.clear();
  call_out();
  for (int i = 0; i < 20; ++i) {
    session->reoffer();
    feed(response(expect("INVITE "), 491));
    expect("ACK ");
    const int when = next_sent(4000);
    ASSERT_GE(when, 2100);
    feed(response(expect("INVITE "), 200, "", kContact, "a"));
    expect("ACK ");
  }
  EXPECT_FALSE(handler.has("offer_failed 491"));
}

// RFC 3261 14.2
TEST_F(SessionOfferTest, APeersReinviteCrossingOursGets491) {
  call_in();
  session->reoffer();
  expect("INVITE ");
  feed(in_dialog("INVITE", {.cseq = 2, .body = "new offer"}));
  expect("SIP/2.0 491");
  EXPECT_FALSE(handler.has("offer new offer"));
}

// RFC 3261 14.2: 500 with Retry-After; spec A.5: never give up a leg for it
TEST_F(SessionOfferTest, BusyPeerIsAskedAgain) {
  call_in();
  session->reoffer();
  feed(response(expect("INVITE "), 500, "", "Retry-After: 7\n"));
  expect("ACK ");
  advance(6900ms);
  expect_nothing();
  advance(100ms);
  feed(response(expect("INVITE "), 403));   // JsSIP before the ACK of its own 200
  expect("ACK ");
  ASSERT_GE(next_sent(2000), 0);
  feed(response(expect("INVITE "), 200, "", kContact, "a"));
  expect("ACK ");
  EXPECT_TRUE(handler.has("answer a"));
}

TEST_F(SessionOfferTest, A403ThatStaysIsTold) {
  call_in();
  session->reoffer();
  for (int i = 0; i < 6; ++i) {
    ASSERT_GE(next_sent(3000), 0);
    feed(response(expect("INVITE "), 403));
    expect("ACK ");
  }
  advance(10s);
  expect_nothing();
  EXPECT_TRUE(handler.has("offer_failed 403"));
  EXPECT_EQ(handler.ended, 0);
}

TEST_F(SessionOfferTest, A488IsTold) {
  call_in();
  session->reoffer();
  feed(response(expect("INVITE "), 488));
  expect("ACK ");
  EXPECT_TRUE(handler.has("offer_failed 488"));
  EXPECT_EQ(handler.ended, 0);
}

// RFC 5057: the time-out of one request is not the end of the call
TEST_F(SessionOfferTest, ATimeoutIsToldAndTheSessionStays) {
  call_in();
  session->reoffer();
  advance(32s);
  EXPECT_TRUE(handler.has("offer_failed 408"));
  EXPECT_EQ(handler.ended, 0);
}

// RFC 5057
TEST_F(SessionOfferTest, A481EndsTheSession) {
  call_in();
  session->reoffer();
  feed(response(expect("INVITE "), 481));
  expect("ACK ");
  EXPECT_EQ(handler.end.cause, EndCause::kDialogGone);
}

TEST_F(SessionOfferTest, AReinviteThatOnlyRingsIsCancelled) {
  call_in();
  session->reoffer();
  feed(response(expect("INVITE "), 180));
  advance(60s);
  expect("CANCEL ");
  network.sent.clear();
  advance(32s);
  EXPECT_TRUE(handler.has("offer_failed 408"));
  EXPECT_EQ(handler.ended, 0);
}

// RFC 3261 14.2, 12.2.2
TEST_F(SessionOfferTest, AnswersAReinvite) {
  call_in();
  feed(in_dialog("INVITE", {.cseq = 2, .body = "hold", .contact = "<sip:bob@198.51.100.7:5088>"}));
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_EQ(ok.message->body(), "our answer");
  EXPECT_EQ(session->remote_target(), "sip:bob@198.51.100.7:5088");
  EXPECT_TRUE(handler.has("offer hold"));
  session->reoffer();
  expect_nothing();   // until its ACK
  feed(in_dialog("ACK", {.cseq = 2}));
  expect("INVITE ");
}

// RFC 5407 3.1.4: the ACK was lost, but who asks anew has the 2xx
TEST_F(SessionOfferTest, AReinviteBeforeTheAckIsAnsweredLikeAnyOther) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  session->reoffer();
  for (std::uint32_t cseq = 2; cseq < 4; ++cseq) {        // the first 200's ACK is missing, then the second's
    feed(in_dialog("INVITE", {.cseq = cseq, .body = "hold"}));
    EXPECT_EQ(expect("SIP/2.0 200").message->cseq().number, cseq);
    EXPECT_EQ(handler.count("established"), 1);
  }
  feed(in_dialog("ACK", {.cseq = 1}));                    // late, and of no interest any more
  expect_nothing();                                       // what we offer waits
  advance(500ms);
  EXPECT_EQ(expect("SIP/2.0 200").message->cseq().number, 3U);
  feed(in_dialog("ACK", {.cseq = 3}));
  EXPECT_EQ(handler.count("established"), 1);
  expect("INVITE ");
  advance(10s);
  EXPECT_EQ(handler.ended, 0);
}

// RFC 3261 14.2: the ACK that is missing has an answer to bring
TEST_F(SessionOfferTest, AReinviteBeforeTheAckWithTheAnswerIsTooSoon) {
  call_in();
  feed(in_dialog("INVITE", {.cseq = 2}));
  EXPECT_EQ(expect("SIP/2.0 200").message->body(), "our offer");
  feed(in_dialog("INVITE", {.cseq = 3, .body = "too soon"}));
  EXPECT_FALSE(expect("SIP/2.0 500").message->value(sip::HeaderId::kRetryAfter).empty());
  feed(in_dialog("ACK", {.cseq = 2, .body = "their answer"}));
  EXPECT_TRUE(handler.has("answer their answer"));
}

TEST_F(SessionOfferTest, ReinviteWithoutAnOffer) {
  call_in();
  feed(in_dialog("INVITE", {.cseq = 2}));
  EXPECT_EQ(expect("SIP/2.0 200").message->body(), "our offer");
  feed(in_dialog("ACK", {.cseq = 2, .body = "their answer"}));
  EXPECT_TRUE(handler.has("answer their answer"));
}

TEST_F(SessionOfferTest, AnOfferThatCantBeMetGets488WithWarning) {
  call_in();
  handler.answer = base::fail(base::ErrorCode::kUnsupported, "m-line 2: no codec");
  feed(in_dialog("INVITE", {.cseq = 2, .body = "new offer"}));
  EXPECT_EQ(expect("SIP/2.0 488").message->value(sip::HeaderId::kWarning), "399 192.0.2.1:5060 \"m-line 2: no codec\"");
  feed(in_dialog("UPDATE", {.cseq = 3, .body = "new offer"}));
  expect("SIP/2.0 488");
  EXPECT_EQ(handler.ended, 0);
}

// RFC 3261 14.2, 13.3.1.4
TEST_F(SessionOfferTest, AReinvitesMissingAckEndsTheSession) {
  call_in();
  feed(in_dialog("INVITE", {.cseq = 2, .body = "new offer"}));
  advance(32s);
  EXPECT_EQ(handler.end.cause, EndCause::kTimeout);
}

// RFC 3311 5.2
TEST_F(SessionOfferTest, AnswersAnUpdate) {
  call_in();
  feed(in_dialog("UPDATE", {.cseq = 2, .body = "new offer", .contact = "<sip:bob@198.51.100.7:5088>"}));
  EXPECT_EQ(expect("SIP/2.0 200").message->body(), "our answer");
  EXPECT_EQ(session->remote_target(), "sip:bob@198.51.100.7:5088");
  session->reoffer();
  expect("INVITE ");
  feed(in_dialog("UPDATE", {.cseq = 3, .body = "new offer"}));
  expect("SIP/2.0 491");
  feed(in_dialog("UPDATE", {.cseq = 4}));   // no offer: no glare
  expect("SIP/2.0 200");
}

TEST_F(SessionOfferTest, OtherBodiesGet415) {
  call_in();
  feed(in_dialog("INVITE", {.cseq = 2, .body = "x", .content_type = "text/plain"}));
  EXPECT_EQ(expect("SIP/2.0 415").message->value(sip::HeaderId::kAccept), "application/sdp");
}

// RFC 4028 9
TEST_F(SessionOfferTest, ThePeerRefreshes) {
  feed(request("INVITE", {.headers = "Supported: timer\nSession-Expires: 90;refresher=uac\n", .body = "o"}));
  session->accept("our answer");
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_EQ(ok.message->value(sip::HeaderId::kSessionExpires), "90;refresher=uac");
  EXPECT_TRUE(ok.message->lists(sip::HeaderId::kRequire, "timer"));
  local_tag = ok.message->to_tag();
  feed(in_dialog("ACK", {.cseq = 1}));
  advance(50s);
  feed(in_dialog("UPDATE", {.cseq = 2, .headers = "Supported: timer\nSession-Expires: 90;refresher=uac\n"}));
  EXPECT_EQ(expect("SIP/2.0 200").message->value(sip::HeaderId::kSessionExpires), "90;refresher=uac");
  advance(59s);
  expect_nothing();
  // RFC 4028 10: a third before the end
  advance(1s);
  EXPECT_EQ(expect("BYE ").message->value(sip::HeaderId::kReason), "SIP;cause=408;text=\"Session expired\"");
  EXPECT_EQ(handler.end.cause, EndCause::kSessionExpired);
}

// RFC 4028 10: as refresher, by UPDATE where it is allowed
TEST_F(SessionOfferTest, WeRefreshByUpdate) {
  call_in({.headers = "Supported: timer\nAllow: INVITE, ACK, BYE, UPDATE\n"});
  advance(44900ms);
  expect_nothing();
  advance(100ms);
  const Sent update = expect("UPDATE ");
  EXPECT_EQ(update.message->value(sip::HeaderId::kSessionExpires), "90;refresher=uac");
  EXPECT_TRUE(update.message->body().empty());
  feed(response(update, 200, "", kContact + "Session-Expires: 90;refresher=uac\n"));
  advance(45s);
  const Sent again = expect("UPDATE ");
  feed(response(again, 481));
  EXPECT_EQ(handler.end.cause, EndCause::kDialogGone);
}

// RFC 4028 10
TEST_F(SessionOfferTest, WeRefreshByReinvite) {
  call_in({.headers = "Supported: timer\nAllow: INVITE, ACK, BYE\n"});
  advance(45s);
  const Sent invite = expect("INVITE ");
  EXPECT_EQ(invite.message->body(), "our offer");
  feed(response(invite, 200, "", kContact + "Session-Expires: 90;refresher=uac\n", "a"));
  expect("ACK ");
  handler.offer = std::nullopt;   // then without an offer
  advance(45s);
  const Sent second = expect("INVITE ");
  EXPECT_TRUE(second.message->body().empty());
  feed(response(second, 200, "", kContact + "Session-Expires: 90;refresher=uac\n", "their offer"));
  EXPECT_EQ(expect("ACK ").message->body(), "our answer");
  EXPECT_EQ(handler.ended, 0);
}

// RFC 4028 10: 408 to a refresh
TEST_F(SessionOfferTest, AnUnansweredRefreshEndsTheSession) {
  peer = websocket();
  call_in({.headers = "Supported: timer\nSession-Expires: 1800;refresher=uas\nAllow: UPDATE\n"});
  advance(900s);
  expect("UPDATE ");
  advance(32s);
  expect("BYE ");
  EXPECT_EQ(handler.end.cause, EndCause::kDialogGone);
  EXPECT_EQ(handler.end.status, 408);
}

// RFC 4028 8
TEST_F(SessionOfferTest, TooShortAnIntervalGets422) {
  feed(request("INVITE", {.headers = "Supported: timer\nSession-Expires: 60\n", .body = "o"}));
  EXPECT_EQ(expect("SIP/2.0 422").message->value(sip::HeaderId::kMinSe), "90");
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 4028 7.2, 7.4
TEST_F(SessionOfferTest, AsCallerTheRolesAreThe2xxs) {
  auto call = outgoing(peer);
  call.session_timer = true;
  session = &agent->invite(call, handler);
  feed(response(expect("INVITE "), 200, "b", kContact + "Session-Expires: 120;refresher=uas\n", "a"));
  expect("ACK ");
  session->reoffer();
  const Sent invite = expect("INVITE ");
  EXPECT_EQ(invite.message->value(sip::HeaderId::kSessionExpires), "120;refresher=uas");
  feed(response(invite, 200, "", kContact + "Session-Expires: 120;refresher=uas\n", "a"));
  expect("ACK ");
  advance(88s);
  expect("BYE ");   // the lesser of 32 s and a third
  EXPECT_EQ(handler.end.cause, EndCause::kSessionExpired);
}

TEST_F(SessionOfferTest, NoTimerWithoutSupport) {
  call_in();
  advance(24h);
  expect_nothing();
  EXPECT_TRUE(session->established());
}

}  // namespace
