// Subscriptions to our events: what is refused, what is notified and when, how they end.
#include "support/subscription_script.hpp"

namespace {

using namespace test;
using sip::HeaderId;
using sip::SubscriptionCause;
using sip::SubscriptionState;

// RFC 6665 4.2.1.2, 4.2.2, RFC 3261 12.1.1
TEST_F(SubscriptionTest, AcceptedIsNotifiedAtOnce) {
  during_subscribe = [](sip::Subscription& s) {
    EXPECT_EQ(s.package(), "dialog");
    EXPECT_EQ(s.event_id(), "k7");
    EXPECT_EQ(s.expires(), 600s);
    EXPECT_EQ(s.remote_uri(), "sip:bob@example.org");
    EXPECT_NE(s.request(), nullptr);
    s.accept(300s);
    EXPECT_TRUE(s.notify("application/dialog-info+xml", base::share("<x/>")));
  };
  feed(request("SUBSCRIBE", {.headers = "Event: dialog;id=k7\nExpires: 600\nRecord-Route: <sip:198.51.100.7;lr>\n"}));
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_EQ(ok.message->value(HeaderId::kExpires), "300");
  EXPECT_TRUE(ok.message->contact().has_value());
  EXPECT_EQ(ok.message->value(HeaderId::kRecordRoute), "<sip:198.51.100.7;lr>");
  const Sent notify = expect("NOTIFY sip:bob@198.51.100.7:5070 SIP/2.0");
  EXPECT_EQ(notify.message->value(HeaderId::kRoute), "<sip:198.51.100.7;lr>");
  EXPECT_EQ(notify.message->value(HeaderId::kEvent), "dialog;id=k7");
  EXPECT_EQ(state_of(notify), "active;expires=300");
  EXPECT_EQ(notify.message->from_tag(), ok.message->to_tag());
  EXPECT_EQ(notify.message->to_tag(), "peer");
  EXPECT_EQ(notify.message->call_id(), "call-1");
  EXPECT_TRUE(notify.message->contact().has_value());
  EXPECT_EQ(notify.message->body(), "<x/>");
  feed(response(notify, 200));
  expect_nothing();
  EXPECT_EQ(agent->subscriptions(), 1U);
}

// RFC 6665 4.2.1.2: a NOTIFY is due also where there is nothing to say
TEST_F(SubscriptionTest, WithoutAStateANotifyWithoutABodyGoesOut) {
  during_subscribe = [](sip::Subscription& s) { s.accept(); };
  subscribe();
  expect("SIP/2.0 200");
  const Sent notify = expect("NOTIFY ");
  EXPECT_TRUE(notify.message->body().empty());
  EXPECT_EQ(notify.message->find(HeaderId::kContentType), nullptr);
  EXPECT_EQ(state_of(notify), "active;expires=600");
}

// RFC 6665 4.2.1.1, 4.1.3: pending
TEST_F(SubscriptionTest, MayBePendingFirst) {
  during_subscribe = [](sip::Subscription& s) {
    s.accept();
    EXPECT_TRUE(s.notify({}, nullptr, SubscriptionState::kPending));
  };
  subscribe();
  expect("SIP/2.0 200");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(state_of(notify), "pending;expires=600");
  feed(response(notify, 200));
  tell("now");
  EXPECT_EQ(state_of(expect("NOTIFY ")), "active;expires=600");
}

TEST_F(SubscriptionTest, MayBeAcceptedLater) {
  subscribe();
  expect_nothing();
  advance(5s);
  EXPECT_FALSE(subscription->notify("a/b", base::share("too soon")).has_value());
  subscription->accept();
  expect("SIP/2.0 200");
  tell("x");
  EXPECT_EQ(expect("NOTIFY ").message->body(), "x");
}

TEST_F(SubscriptionTest, OneThatNobodyAnswersIsForgotten) {
  subscribe();
  advance(33s);
  EXPECT_EQ(subscriber.ended, 1);
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kRejected);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.2.1.1: 489 with Allow-Events (7.2, 8.2.2)
TEST_F(SubscriptionTest, UnknownPackagesGet489) {
  for (const char* headers : {"Event: winfo\n", "Event: presence.winfo\n", ""}) {
    subscribe(headers, "call" + std::to_string(branches));
    EXPECT_EQ(expect("SIP/2.0 489").message->value(HeaderId::kAllowEvents), "presence, dialog") << headers;
  }
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

TEST_F(SubscriptionTest, TheHandlerThatTakesNoneGives489) {
  refuse = true;
  subscribe();
  expect("SIP/2.0 489");
  expect_nothing();
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.2.1.1: 423 with Min-Expires
TEST_F(SubscriptionTest, TooShortGets423) {
  subscribe("Event: presence\nExpires: 59\n");
  EXPECT_EQ(expect("SIP/2.0 423").message->value(HeaderId::kMinExpires), "60");
  EXPECT_EQ(asked, 0);
}

// RFC 6665 3.1.1, 4.2.1.1: the default, and never longer than asked or allowed
TEST_F(SubscriptionTest, ExpiresIsBounded) {
  during_subscribe = [](sip::Subscription& s) { s.accept(7200s); };
  subscribe("Event: presence\n", "a");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "3600");
  expect("NOTIFY ");
  subscribe("Event: presence\nExpires: 4294967295\n", "b");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "3600");
  expect("NOTIFY ");
  for (const char* wrong : {"4294967296", "-1", "1e9", "99999999999999999999"}) {
    subscribe(std::string("Event: presence\nExpires: ") + wrong + "\n", wrong);
    expect("SIP/2.0 400");
  }
}

// RFC 3261 8.2.3, 8.2.5
TEST_F(SubscriptionTest, AcceptAndBodies) {
  during_subscribe = [](sip::Subscription& s) {
    EXPECT_TRUE(s.accepts("application/pidf+xml"));
    EXPECT_TRUE(s.accepts("text/plain"));
    EXPECT_FALSE(s.accepts("image/png"));
    s.reject({.status = 406});
  };
  refuse = true;
  subscribe("Event: presence\nAccept: Application/PIDF+xml;q=0.5, text/*\n");
  expect("SIP/2.0 406");
  during_subscribe = nullptr;
  feed(request("SUBSCRIBE", {.headers = "Event: presence\n", .body = "<filter/>", .content_type = "application/simple-filter+xml", .call_id = "b"}));
  expect("SIP/2.0 415");
  feed(request("SUBSCRIBE", {.headers = "Event: presence\n", .call_id = "c", .contact = ""}));
  expect("SIP/2.0 400");
  for (const char* event : {"pre sence", "presence;id", "presence;id=\"a b\"", ";id=1", "presence;;"}) {
    subscribe(std::string("Event: ") + event + "\n", "d" + std::to_string(branches));
    if (std::string_view(event) == "presence;id") {
      expect("SIP/2.0 489");   // an empty id is none; here nobody takes it
    } else {
      expect("SIP/2.0 400");
    }
  }
}

// Survival item 1: the handler challenges
TEST_F(SubscriptionTest, MayBeChallenged) {
  refuse = true;
  during_subscribe = [](sip::Subscription& s) { s.reject({.status = 401, .headers = {{"WWW-Authenticate", "Digest realm=\"a\", nonce=\"b\""}}}); };
  subscribe();
  EXPECT_NE(expect("SIP/2.0 401").message->find(HeaderId::kWwwAuthenticate), nullptr);
  EXPECT_EQ(agent->subscriptions(), 0U);
  refuse = false;
  during_subscribe = [](sip::Subscription& s) { s.accept(); };
  feed(request("SUBSCRIBE", {.cseq = 2, .headers = "Event: presence\n"}));
  expect("SIP/2.0 200");
}

// RFC 6665 4.4.3: a fetch
TEST_F(SubscriptionTest, SurvivalItem9ExpiresZeroFetches) {
  during_subscribe = [](sip::Subscription& s) {
    EXPECT_TRUE(s.fetch());
    s.accept();
    EXPECT_TRUE(s.notify("application/pidf+xml", base::share("now")));
  };
  subscribe("Event: presence\nExpires: 0\n");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "0");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(state_of(notify), "terminated;reason=timeout");
  EXPECT_EQ(notify.message->body(), "now");
  expect_nothing();
  EXPECT_EQ(subscriber.ended, 1);
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kUnsubscribed);
  feed(response(notify, 200));
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.2.1.3, 4.4.2
TEST_F(SubscriptionTest, RefreshSendsTheFullState) {
  subscribed();
  advance(300s);
  refresh("Event: presence\nExpires: 500\n");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "500");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(state_of(notify), "active;expires=500");
  EXPECT_EQ(notify.message->body(), "state");
  feed(response(notify, 200));
  advance(499s);
  EXPECT_EQ(subscriber.ended, 0);
  EXPECT_EQ(subscription->expires(), 1s);
  advance(1s);
  EXPECT_EQ(state_of(expect("NOTIFY ")), "terminated;reason=timeout");
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kExpired);
}

// RFC 6665 4.1.2.3, 4.2.1.3
TEST_F(SubscriptionTest, UnsubscribingSendsTheStateOnceMore) {
  subscribed();
  refresh("Event: presence\nExpires: 0\n");
  EXPECT_EQ(expect("SIP/2.0 200").message->value(HeaderId::kExpires), "0");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(state_of(notify), "terminated;reason=timeout");
  EXPECT_EQ(notify.message->body(), "state");
  EXPECT_EQ(subscriber.log, std::vector<std::string>{"refresh 0"});
  EXPECT_EQ(subscriber.ended, 1);
  refresh("Event: presence\nExpires: 600\n");
  expect("SIP/2.0 481");   // RFC 6665 4.1.2.2
  feed(response(notify, 200));
  expect_nothing();
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.1.2.2, RFC 3261 12.2.2
TEST_F(SubscriptionTest, RefreshesThatDoNotFit) {
  subscribed();
  refresh("Event: dialog\nExpires: 600\n");
  expect("SIP/2.0 481");
  refresh("Event: presence;id=other\nExpires: 600\n");
  expect("SIP/2.0 481");
  refresh("Event: presence\nExpires: 10\n");
  expect("SIP/2.0 423");
  feed(in_dialog("SUBSCRIBE", {.cseq = 1, .branch = "z9hG4bKold", .headers = "Event: presence\n"}));
  expect("SIP/2.0 500");
  feed(in_dialog("MESSAGE", {.cseq = next_cseq++}));
  expect("SIP/2.0 405");
  const std::string tag = std::exchange(local_tag, "other");
  refresh("Event: presence\n");
  expect("SIP/2.0 481");
  local_tag = tag;
  EXPECT_TRUE(subscriber.log.empty());
  EXPECT_EQ(agent->subscriptions(), 1U);
}

// Survival item 4
TEST_F(SubscriptionTest, ARefreshFromElsewhereIsTheHandlersChoice) {
  subscribed();
  peer = udp(5999, "198.51.100.66");
  refresh("Event: presence\n");
  expect("SIP/2.0 481");
  subscriber.change = sip::FlowChange::kMove;
  refresh("Event: presence\n");
  expect("SIP/2.0 200");
  EXPECT_EQ(expect("NOTIFY ").target.remote, peer.remote);
}

// One outstanding; the newest state replaces an older one that waits (RFC 6665 4.2.2, coalescing)
TEST_F(SubscriptionTest, StatesThatWaitAreCoalesced) {
  subscribed();
  tell("1");
  for (int i = 2; i <= 1000; ++i) tell(std::to_string(i));
  const Sent first = expect("NOTIFY ");
  EXPECT_EQ(first.message->body(), "1");
  expect_nothing();
  feed(response(first, 200));
  const Sent last = expect("NOTIFY ");
  EXPECT_EQ(last.message->body(), "1000");
  EXPECT_EQ(last.message->cseq().number, first.message->cseq().number + 1);
  feed(response(last, 200));
  expect_nothing();
}

// RFC 6665 4.2.2: 481 ends it at once
TEST_F(SubscriptionTest, A481EndsIt) {
  subscribed();
  tell("1");
  tell("2");
  feed(response(expect("NOTIFY "), 481));
  expect_nothing();
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kNotifyRefused);
  EXPECT_EQ(subscriber.end.status, 481);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.2.2: Timer F ends it
TEST_F(SubscriptionTest, ATimeoutEndsIt) {
  subscribed();
  tell("1");
  advance(32s);
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kNotifyTimeout);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 6665 4.2.2: with Retry-After it is kept
TEST_F(SubscriptionTest, RetryAfterIsObeyed) {
  subscribed();
  tell("1");
  feed(response(expect("NOTIFY "), 503, {}, "Retry-After: 10\n"));
  advance(9s);
  expect_nothing();
  advance(1s);
  EXPECT_EQ(expect("NOTIFY ").message->body(), "1");
  advance(0s);
  EXPECT_EQ(subscriber.ended, 0);
}

TEST_F(SubscriptionTest, RetryAfterIsNotObeyedForEver) {
  subscribed();
  tell("1");
  for (int i = 0; i < 6; ++i) {
    feed(response(expect("NOTIFY "), 480, {}, "Retry-After: 0\n"));
    advance(1s);
  }
  expect_nothing();
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kNotifyRefused);
}

// RFC 6665 4.1.3
TEST_F(SubscriptionTest, TerminateSaysWhy) {
  subscribed();
  subscription->terminate("probation", 30s);
  tell("last");
  advance(0s);
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(state_of(notify), "terminated;reason=probation;retry-after=30");
  EXPECT_EQ(notify.message->body(), "last");
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kTerminated);
  advance(32s);   // never answered
  EXPECT_EQ(subscriber.ended, 1);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

TEST_F(SubscriptionTest, TheLastNotifyWaitsForTheOneBefore) {
  subscribed();
  tell("1");
  subscription->terminate("noresource");
  advance(0s);
  const Sent first = expect("NOTIFY ");
  expect_nothing();
  EXPECT_EQ(subscriber.ended, 1);
  feed(response(first, 200));
  const Sent last = expect("NOTIFY ");
  EXPECT_EQ(state_of(last), "terminated;reason=noresource");
  feed(response(last, 200));
  EXPECT_EQ(agent->subscriptions(), 0U);
}

// RFC 3261 18.1.1
TEST_F(SubscriptionTest, BigOnesGoByTcpWhereTheyCan) {
  subscribed();
  tell(std::string(1400, 'x'));
  const Sent by_tcp = expect("NOTIFY ");
  EXPECT_EQ(by_tcp.target.transport, sip::Transport::kTcp);
  agent->on_send_failed(by_tcp.target);
  const Sent by_udp = expect("NOTIFY ");
  EXPECT_EQ(by_udp.target.transport, sip::Transport::kUdp);
  EXPECT_EQ(by_udp.message->body().size(), 1400U);
  feed(response(by_udp, 200));
  EXPECT_EQ(subscriber.ended, 0);
}

// RFC 6665 8.2.2, RFC 3261 11.2
TEST_F(SubscriptionTest, OptionsTellsOfThem) {
  feed(request("OPTIONS", {}));
  agent->respond(outside.at(0).first, {});
  const Sent ok = expect("SIP/2.0 200");
  EXPECT_TRUE(ok.message->lists(HeaderId::kAllow, "SUBSCRIBE"));
  EXPECT_FALSE(ok.message->lists(HeaderId::kAllow, "PUBLISH"));
  EXPECT_FALSE(ok.message->lists(HeaderId::kAllow, "REFER"));
  EXPECT_EQ(ok.message->value(HeaderId::kAllowEvents), "presence, dialog");
}

TEST_F(SubscriptionTest, ShutDownEndsThemAndTakesNoMore) {
  subscribed();
  agent->shut_down("bye");
  EXPECT_EQ(state_of(expect("NOTIFY ")), "terminated;reason=probation;retry-after=10");
  EXPECT_EQ(subscriber.ended, 1);
  subscribe("Event: presence\n", "late");
  expect("SIP/2.0 503");
}

TEST_F(SubscriptionTest, ThousandAreToldTheSame) {
  during_subscribe = [](sip::Subscription& s) { s.accept(); };
  std::vector<sip::Subscription*> all;
  for (int i = 0; i < 1000; ++i) {
    peer = websocket(static_cast<std::uint64_t>(i) + 1);
    subscribe("Event: presence\n", "call" + std::to_string(i));
    all.push_back(subscription);
    expect("SIP/2.0 200");
    feed(response(expect("NOTIFY "), 200));
  }
  const auto body = base::share("\xC3\xA9");
  for (auto* one : all) EXPECT_TRUE(one->notify("text/plain", body));
  ASSERT_EQ(network.sent.size(), 1000U);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(network.sent[i].target.flow, i + 1);
    EXPECT_TRUE(network.sent[i].utf8);
  }
  agent.reset();
}

class NoSubscriptionTest : public SipScript {};

TEST_F(NoSubscriptionTest, WithoutPackagesItIsARequestLikeOthers) {
  feed(request("SUBSCRIBE", {.headers = "Event: presence\n"}));
  ASSERT_EQ(outside.size(), 1U);
  EXPECT_EQ(outside[0].second, "SUBSCRIBE");
}

}  // namespace
