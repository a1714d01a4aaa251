// Transfers: what a REFER asks, what its sender is told, and calls that take another's place.
#include "sip/refer.hpp"
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::HeaderId;

sip::UserAgentConfig transfers() {
  sip::UserAgentConfig config;
  config.refer = config.replaces = config.notify = true;
  return config;
}

class ReferTest : public SipScript {
 protected:
  ReferTest() : SipScript(transfers()) {
    handler.during_request = [this] { take(); };
  }
  void TearDown() override { notifier.reset(); }
  // RequestId alone reaches the recording handler, so the text is kept here.
  void take() {
    if (!last) return;
    const auto id = handler.requests.back();
    if (last->method() == sip::Method::kSubscribe) {
      if (!notifier || !notifier->on_subscribe(id, *last)) session->respond(id, {.status = 481});
      return;
    }
    auto refer = sip::parse_refer(*last);
    if (!refer) return session->respond(id, refer.error());
    asked = *refer;
    notifier = std::make_unique<sip::ReferNotifier>(*session, timeline, id, *last, asked);
  }
  void send(const std::string& method, const std::string& headers) {
    const std::string text = in_dialog(method, {.cseq = next_cseq++, .headers = headers});
    last = parse(text);
    feed(text);
  }
  void refer(const std::string& to, const std::string& headers = {}) { send("REFER", "Refer-To: " + to + "\n" + headers); }
  static sip::ReferRequest parsed(const std::string& to, const std::string& more = {}) {
    const auto text = "REFER sip:a@b SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: i\nCSeq: 7 REFER\nRefer-To: " + to + "\n" + more;
    auto outcome = sip::parse_refer(*parse(wire(text)));
    EXPECT_TRUE(outcome.has_value()) << to;
    return outcome.value_or(sip::ReferRequest{});
  }
  static int refused(const std::string& header) {
    const auto text = "REFER sip:a@b SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: i\nCSeq: 7 REFER\n" + header + "\n";
    const auto outcome = sip::parse_refer(*parse(wire(text)));
    return outcome ? 0 : outcome.error().status;
  }

  sip::MessagePtr last;
  sip::ReferRequest asked;
  std::unique_ptr<sip::ReferNotifier> notifier;
};

// RFC 3515 2.4.1, RFC 3891 6.1
TEST_F(ReferTest, ReadsReferTo) {
  EXPECT_EQ(parsed("<sip:carol@example.org;transport=tcp>").target, "sip:carol@example.org;transport=tcp");
  EXPECT_EQ(parsed("sip:carol@example.org").target, "sip:carol@example.org");
  EXPECT_EQ(parsed("<tel:+3612345>").target, "tel:+3612345");
  EXPECT_EQ(parsed("\"Carol\" <sip:c@d;method=INVITE;x=1>").target, "sip:c@d;x=1");
  EXPECT_EQ(parsed("\"Carol\" <sip:c@d>").display_name, "Carol");
  const auto attended = parsed("<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994&From=evil>");
  EXPECT_EQ(attended.target, "sip:dave@denver.example.org");
  ASSERT_TRUE(attended.replaces.has_value());
  EXPECT_EQ(attended.replaces->call_id, "12345@192.168.118.3");
  EXPECT_EQ(attended.replaces->to_tag, "12345");
  EXPECT_EQ(attended.replaces->from_tag, "5FFE-3994");
  EXPECT_FALSE(attended.replaces->early_only);
  EXPECT_EQ(attended.replaces->to_string(), "12345@192.168.118.3;to-tag=12345;from-tag=5FFE-3994");
  // RFC 3892, RFC 4488
  const auto more = parsed("<sip:c@d>", "Referred-By: \"Bob\" <sip:bob@example.org?Subject=x>;cid=1\nRefer-Sub: FALSE ;x=1\n");
  EXPECT_EQ(more.referred_by, "sip:bob@example.org");
  EXPECT_FALSE(more.subscribe);
  EXPECT_TRUE(parsed("<sip:c@d>", "Refer-Sub: true\n").subscribe);
}

// RFC 3515 2.4.2; nothing that is unescaped may start a header
TEST_F(ReferTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(refused("X-A: b"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b>, <sip:c@d>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b;method=MESSAGE>"), 403);
  EXPECT_EQ(refused("Refer-To: <sip:a@b>\nReferred-By: <sip:x"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x%0D%0AX-Evil%3A1%3Bto-tag%3D1%3Bfrom-tag%3D2>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX-Evil:%201>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1%3Bto-tag%3D1%3Bfrom-tag%3D2>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>"), 400);
  EXPECT_EQ(refused("Refer-To: <sip:" + std::string(1500, 'a') + "@b>"), 414);
  EXPECT_EQ(refused("Refer-To: <sip:a@b?Replaces=" + std::string(2000, 'a') + "%3Bto-tag%3D1%3Bfrom-tag%3D2>"), 400);
}

// RFC 3515 2.4.4, 2.4.5, 2.4.6, 2.4.7
TEST_F(ReferTest, TheTransferorIsTold) {
  peer = websocket();
  call_in();
  const std::uint32_t cseq = next_cseq;
  refer("<sip:carol@example.org>", "Referred-By: <sip:bob@example.org>\n");
  EXPECT_EQ(asked.target, "sip:carol@example.org");
  const Sent accepted = expect("SIP/2.0 202");
  EXPECT_TRUE(accepted.message->contact().has_value());
  const Sent trying = expect("NOTIFY ");
  EXPECT_EQ(trying.message->value(HeaderId::kEvent), "refer;id=" + std::to_string(cseq));
  EXPECT_EQ(trying.message->value(HeaderId::kSubscriptionState), "active;expires=300");
  EXPECT_EQ(trying.message->media_type(), "message/sipfrag");
  EXPECT_EQ(trying.message->body(), "SIP/2.0 100 Trying\r\n");
  EXPECT_TRUE(trying.message->contact().has_value());
  notifier->progress(180);
  notifier->progress(183, "Early\r\nX-Evil: 1");
  expect_nothing();   // one at a time, the newest
  feed(response(trying, 200));
  const Sent ringing = expect("NOTIFY ");
  EXPECT_EQ(ringing.message->body(), "SIP/2.0 183 Early  X-Evil: 1\r\n");
  feed(response(ringing, 200));
  notifier->finish(486);
  notifier->progress(180);
  notifier->finish(200);
  const Sent last_one = expect("NOTIFY ");
  EXPECT_EQ(last_one.message->body(), "SIP/2.0 486 Busy Here\r\n");
  EXPECT_EQ(last_one.message->value(HeaderId::kSubscriptionState), "terminated;reason=noresource");
  EXPECT_TRUE(notifier->active());
  feed(response(last_one, 200));
  EXPECT_FALSE(notifier->active());
  advance(400s);
  expect_nothing();
  EXPECT_EQ(handler.ended, 0);
}

// RFC 4488 4
TEST_F(ReferTest, ReferSubFalseIsHonoured) {
  call_in();
  refer("<sip:carol@example.org>", "Refer-Sub: false\nRequire: norefersub\n");
  EXPECT_EQ(expect("SIP/2.0 202").message->value("Refer-Sub"), "false");
  notifier->progress(180);
  notifier->finish(200);
  advance(400s);
  expect_nothing();
  EXPECT_FALSE(notifier->active());
}

// RFC 5057 5.1: a 481 to that NOTIFY is not the call's end
TEST_F(ReferTest, WhoRefusesANotifyIsToldNoMore) {
  call_in();
  refer("<sip:carol@example.org>");
  expect("SIP/2.0 202");
  feed(response(expect("NOTIFY "), 481));
  EXPECT_FALSE(notifier->active());
  notifier->finish(200);
  expect_nothing();
  EXPECT_EQ(handler.ended, 0);
  EXPECT_TRUE(session->established());
}

// RFC 6665 4.2.2
TEST_F(ReferTest, WhoDoesNotAnswerANotifyIsToldNoMore) {
  call_in();
  refer("<sip:carol@example.org>");
  advance(33s);
  EXPECT_FALSE(notifier->active());
  EXPECT_EQ(handler.ended, 0);
}

// RFC 3515 2.4.4: it expires
TEST_F(ReferTest, ItExpires) {
  peer = websocket();
  call_in();
  refer("<sip:carol@example.org>");
  expect("SIP/2.0 202");
  feed(response(expect("NOTIFY "), 200));
  advance(300s);
  const Sent end = expect("NOTIFY ");
  EXPECT_EQ(end.message->value(HeaderId::kSubscriptionState), "terminated;reason=timeout");
  EXPECT_EQ(end.message->body(), "SIP/2.0 100 Trying\r\n");
  notifier->finish(200);
  expect_nothing();
}

// RFC 3515 2.4.4: SUBSCRIBE in the dialog refreshes and ends it
TEST_F(ReferTest, MayBeRefreshedAndEnded) {
  peer = websocket();
  call_in();
  const std::string id = std::to_string(next_cseq);
  refer("<sip:carol@example.org>");
  expect("SIP/2.0 202");
  feed(response(expect("NOTIFY "), 200));
  send("SUBSCRIBE", "Event: refer;id=999\nExpires: 60\n");
  expect("SIP/2.0 481");
  send("SUBSCRIBE", "Event: refer;id=" + id + "\nExpires: 60\n");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "60");
  const Sent active = expect("NOTIFY ");
  EXPECT_EQ(active.message->value(HeaderId::kSubscriptionState), "active;expires=60");
  feed(response(active, 200));
  send("SUBSCRIBE", "Event: refer\nExpires: 0\n");
  expect("SIP/2.0 200");
  const Sent end = expect("NOTIFY ");
  EXPECT_EQ(end.message->value(HeaderId::kSubscriptionState), "terminated;reason=timeout");
  feed(response(end, 200));
  EXPECT_FALSE(notifier->active());
}

TEST_F(ReferTest, TheCallMayEndMeanwhile) {
  call_in();
  refer("<sip:carol@example.org>");
  expect("SIP/2.0 202");
  expect("NOTIFY ");
  feed(in_dialog("BYE"));
  expect("SIP/2.0 200");
  EXPECT_EQ(handler.ended, 1);
  EXPECT_FALSE(notifier->active());
  notifier->finish(200);
  expect_nothing();
}

// RFC 3515 2.2: outside a dialog it is a request that the handler refuses
TEST_F(ReferTest, OutsideADialogTheHandlerIsAsked) {
  feed(request("REFER", {.headers = "Refer-To: <sip:a@b>\n"}));
  ASSERT_EQ(outside.size(), 1U);
  agent->respond(outside[0].first, {.status = 403});
  expect("SIP/2.0 403");
}

// RFC 3261 20.5, 20.37
TEST_F(ReferTest, AbilitiesAreTold) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_TRUE(ok.message->lists(HeaderId::kAllow, "REFER"));
  EXPECT_TRUE(ok.message->lists(HeaderId::kAllow, "NOTIFY"));
  EXPECT_FALSE(ok.message->lists(HeaderId::kAllow, "SUBSCRIBE"));
  EXPECT_TRUE(ok.message->lists(HeaderId::kSupported, "replaces"));
  EXPECT_TRUE(ok.message->lists(HeaderId::kSupported, "norefersub"));
  EXPECT_EQ(ok.message->value(HeaderId::kAllowEvents), "refer");
}

class ReplacesTest : public ReferTest {
 protected:
  sip::ReplacedCall replaced(const std::string& value, const std::string& more = {}) {
    const auto text = request("INVITE", {.headers = "Replaces: " + value + "\nRequire: replaces\n" + more, .body = "o", .call_id = "new"});
    return sip::find_replaced(*agent, *parse(text));
  }
  static int status(const sip::ReplacedCall& call) { return call.refusal ? call.refusal->status : 0; }
};

// RFC 3891 3
TEST_F(ReplacesTest, FindsAConfirmedDialog) {
  call_in();
  const auto found = replaced("call-1;from-tag=peer;to-tag=" + local_tag);
  EXPECT_EQ(found.session, session);
  EXPECT_FALSE(found.refusal.has_value());
  EXPECT_EQ(status(replaced("call-1;to-tag=" + local_tag + ";from-tag=peer;early-only")), 486);
  EXPECT_EQ(status(replaced("call-1;to-tag=peer;from-tag=" + local_tag)), 481);
  EXPECT_EQ(status(replaced("call-2;to-tag=" + local_tag + ";from-tag=peer")), 481);
  const auto none = sip::find_replaced(*agent, *parse(request("INVITE", {.body = "o"})));
  EXPECT_EQ(none.session, nullptr);
  EXPECT_FALSE(none.refusal.has_value());
}

// RFC 3891 3: one that has ended
TEST_F(ReplacesTest, ATerminatedDialogIsDeclined) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->accept("our answer");
  local_tag = expect("SIP/2.0 200").message->to_tag();
  session->end();   // its BYE waits for the ACK
  EXPECT_EQ(status(replaced("call-1;from-tag=peer;to-tag=" + local_tag)), 603);
}

// RFC 3891 3: an early dialog that we did not begin
TEST_F(ReplacesTest, AnEarlyDialogOfThePeersIsNotFound) {
  feed(request("INVITE", {.body = "peer offer"}));
  session->provisional(180);
  local_tag = expect("SIP/2.0 180").message->to_tag();
  EXPECT_EQ(status(replaced("call-1;from-tag=peer;to-tag=" + local_tag)), 481);
}

// RFC 3891 3, 7.1: an early dialog of ours
TEST_F(ReplacesTest, AnEarlyDialogOfOursIsFound) {
  session = &agent->invite(outgoing(peer), handler);
  const Sent invite = expect("INVITE ");
  feed(response(invite, 180, "bobtag", kContact));
  const std::string id(invite.message->call_id());
  const std::string ours(invite.message->from_tag());
  const auto found = replaced(id + ";to-tag=" + ours + ";from-tag=bobtag;early-only");
  EXPECT_EQ(found.session, session);
  EXPECT_FALSE(found.refusal.has_value());
}

// RFC 3891 6.1, 3
TEST_F(ReplacesTest, MalformedOnesGet400) {
  call_in();
  for (const char* wrong : {"call-1", "call-1;to-tag=a", "call-1;to-tag=a;from-tag", ";to-tag=a;from-tag=b", "a b;to-tag=a;from-tag=b",
                            "call-1;to-tag=a;from-tag=b;from-tag=c", "call-1;to-tag=a;from-tag=b,x;to-tag=a;from-tag=b"}) {
    EXPECT_EQ(status(replaced(wrong)), 400) << wrong;
  }
  EXPECT_EQ(status(replaced("call-1;to-tag=" + local_tag + ";from-tag=peer", "Join: x;to-tag=1;from-tag=2\n")), 400);
}

}  // namespace
