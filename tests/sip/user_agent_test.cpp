// What belongs to no session.
#include "support/sip_script.hpp"

namespace {

using namespace test;

class UserAgentTest : public SipScript {};

// RFC 3261 8.2
TEST_F(UserAgentTest, RequestsOutsideGoToTheHandler) {
  feed(request("OPTIONS", {}));
  ASSERT_EQ(outside.size(), 1U);
  agent->respond(outside[0].first, {.headers = {{"X-A", "b\r\nX-Evil: 1"}}});
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_TRUE(ok.message->lists(sip::HeaderId::kAllow, "PRACK"));   // RFC 3261 11.2
  EXPECT_FALSE(ok.message->to_tag().empty());
  EXPECT_EQ(ok.message->find("X-Evil"), nullptr);
  agent->respond(outside[0].first, {.status = 500});   // answered already
  expect_nothing();
  agent->respond(12345, {});                            // never was
  expect_nothing();
}

// RFC 3261 8.2.1, 21.5.2
TEST_F(UserAgentTest, UnknownMethodsGet501) {
  feed(request("DANCE", {}));
  EXPECT_TRUE(expect("SIP/2.0 501").message->find(sip::HeaderId::kAllow) != nullptr);
  EXPECT_TRUE(outside.empty());
}

// RFC 3261 8.2.2.1
TEST_F(UserAgentTest, UnknownSchemesGet416) {
  std::string text = request("OPTIONS", {});
  text.replace(text.find("sip:room@192.0.2.1"), 18, "nobody:room");
  feed(text);
  expect("SIP/2.0 416");
}

// RFC 3261 8.2.2.3
TEST_F(UserAgentTest, UnknownExtensionsGet420) {
  feed(request("INVITE", {.headers = "Require: timer, 100rel, nothingSupportsThis\n", .body = "o"}));
  EXPECT_EQ(expect("SIP/2.0 420").message->value(sip::HeaderId::kUnsupported), "nothingSupportsThis");
  EXPECT_EQ(invites, 0);
}

// Spec enhanced-messaging A.3; RFC 3261 8.2.5
TEST_F(UserAgentTest, AcceptOfEventsAloneIsTaken) {
  feed(request("INVITE", {.headers = "Accept: application/x-asterisk-confbridge-event+json\n", .body = "o"}));
  EXPECT_EQ(invites, 1);
  feed(request("INVITE", {.headers = "Accept: text/html\n", .body = "o", .call_id = "other"}));
  expect("SIP/2.0 406");
  EXPECT_EQ(invites, 1);
}

// RFC 3261 12.2.2
TEST_F(UserAgentTest, RequestsOfNoDialogGet481) {
  for (const char* method : {"BYE", "INVITE", "MESSAGE", "UPDATE", "INFO"}) {
    feed(request(method, {.to_tag = "nothing"}));
    expect("SIP/2.0 481");
  }
  feed(request("PRACK", {}));
  expect("SIP/2.0 481");
  feed(request("ACK", {.to_tag = "nothing"}));
  expect_nothing();
}

// RFC 3261 8.2.3
TEST_F(UserAgentTest, InvitesWithOtherBodiesGet415) {
  feed(request("INVITE", {.body = "x", .content_type = "multipart/mixed;boundary=a"}));
  expect("SIP/2.0 415");
}

// RFC 3261 8.1.1.8
TEST_F(UserAgentTest, InvitesWithoutContactGet400) {
  feed(request("INVITE", {.body = "x", .contact = ""}));
  expect("SIP/2.0 400");
  EXPECT_EQ(agent->sessions(), 0U);
}

TEST_F(UserAgentTest, AnInviteThatNobodyTakesGets480) {
  refuse_invites = true;
  feed(request("INVITE", {.body = "x"}));
  expect("SIP/2.0 480");
  EXPECT_EQ(agent->sessions(), 0U);
}

// RFC 3261 8.1
TEST_F(UserAgentTest, SendsRequestsOutside) {
  std::vector<int> results;
  const auto done = [&](const sip::MessagePtr& r) { results.push_back(r ? r->status() : 0); };
  agent->send_request(sip::Target::back_to(peer), "MESSAGE", "sip:bob@x", "sip:a@x", "\"B\" <sip:bob@x>", "X-A: 1\r\n", "text/plain",
                      base::share("hello"), done);
  const Sent message = expect("MESSAGE sip:bob@x SIP/2.0");
  EXPECT_FALSE(message.message->from_tag().empty());
  EXPECT_EQ(message.message->to().display(), "B");
  EXPECT_EQ(message.message->value("X-A"), "1");
  EXPECT_EQ(message.message->body(), "hello");
  feed(response(message, 202, "t"));
  agent->send_request(sip::Target::back_to(peer), "OPTIONS", "sip:bob@x", "sip:a@x", "sip:bob@x", {}, {}, nullptr, done);
  advance(32s);
  EXPECT_EQ(results, (std::vector<int>{202, 0}));
}

TEST_F(UserAgentTest, NothingIsLeftAfterItsLife) {
  call_in();
  session->reoffer();
  session->send_request("INFO", {}, {}, {}, {});
  agent.reset();
  advance(100s);
}

}  // namespace
