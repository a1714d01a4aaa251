// Subscriptions whose connection is lost, and which come by another one.
#include "support/subscription_script.hpp"

namespace {

using namespace test;
using sip::SubscriptionCause;

TEST_F(SubscriptionTest, SurvivalItem8ALostFlowIsGivenAGrace) {
  peer = websocket(7);
  subscribed();
  agent->on_flow_closed(7);
  EXPECT_EQ(subscriber.log, std::vector<std::string>{"flow_lost"});
  tell("a");
  tell("b");
  expect_nothing();
  advance(59s);
  EXPECT_EQ(subscriber.ended, 0);
  peer = websocket(8);
  subscriber.change = sip::FlowChange::kMove;
  subscriber.state = nullptr;
  refresh("Event: presence\n");
  expect("SIP/2.0 200");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(notify.message->body(), "b");
  EXPECT_EQ(notify.target.flow, 8U);
  feed(response(notify, 200));
  advance(120s);
  EXPECT_EQ(subscriber.ended, 0);
  agent->on_flow_closed(8);
  advance(60s);
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kFlowLost);
  EXPECT_EQ(agent->subscriptions(), 0U);
  expect_nothing();
}

TEST_F(SubscriptionTest, WhatWasOnItsWayOnALostFlowIsSentAgain) {
  peer = websocket(7);
  subscribed();
  tell("lost");
  expect("NOTIFY ");
  agent->on_flow_closed(7);
  peer = websocket(9);
  subscriber.change = sip::FlowChange::kMove;
  subscriber.state = nullptr;
  refresh("Event: presence\n");
  expect("SIP/2.0 200");
  EXPECT_EQ(expect("NOTIFY ").message->body(), "lost");
}

TEST_F(SubscriptionTest, ATcpPhoneIsReachedByANewConnection) {
  peer = stream(sip::Transport::kTcp, 7);
  subscribed();
  agent->on_flow_closed(7);
  EXPECT_TRUE(subscriber.log.empty());
  tell("x");
  const Sent notify = expect("NOTIFY ");
  EXPECT_EQ(notify.target.flow, 0U);
  EXPECT_EQ(notify.target.remote.to_string(), "198.51.100.7:5070");
  agent->on_send_failed(notify.target);
  EXPECT_EQ(subscriber.log, std::vector<std::string>{"flow_lost"});
  advance(60s);
  EXPECT_EQ(subscriber.end.cause, SubscriptionCause::kFlowLost);
}

// A Contact that is somebody else's would have us connect to whatever a subscriber names.
TEST_F(SubscriptionTest, ALostFlowIsNotReplacedByOneToAnotherMachine) {
  peer = stream(sip::Transport::kTcp, 7);
  during_subscribe = [](sip::Subscription& s) { s.accept(); };
  feed(request("SUBSCRIBE", {.headers = "Event: presence\n", .contact = "<sip:x@203.0.113.99:25>"}));
  expect("SIP/2.0 200");
  feed(response(expect("NOTIFY "), 200));
  agent->on_flow_closed(7);
  tell("x");
  expect_nothing();
}

TEST_F(SubscriptionTest, TerminatedWhileItsFlowIsLost) {
  peer = websocket(7);
  subscribed();
  tell("x");
  expect("NOTIFY ");
  subscription->terminate("deactivated");
  advance(0s);
  agent->on_flow_closed(7);
  advance(0s);
  expect_nothing();
  EXPECT_EQ(subscriber.ended, 1);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

}  // namespace
