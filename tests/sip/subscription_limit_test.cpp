// Subscriptions that are too many, too large, or too often.
#include "support/subscription_script.hpp"

namespace {

using namespace test;
using sip::HeaderId;

// CVE-2026-57191: bodies over any size
TEST_F(SubscriptionTest, SurvivalItem9HugeBodiesAreRefused) {
  subscribed();
  const auto outcome = subscription->notify("a/b", base::share(std::string(64 * 1024 + 1, 'x')));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, base::ErrorCode::kTooLarge);
  expect_nothing();
  tell("still there");
  expect("NOTIFY ");
}

// ES2018-01, CVE-2026-28799: many Accept headers
TEST_F(SubscriptionTest, SurvivalItem9ManyAcceptHeadersAreRefused) {
  std::string headers = "Event: presence\n";
  for (int i = 0; i < 150; ++i) headers += "Accept: a/b" + std::to_string(i) + "\n";
  subscribe(headers);
  expect("SIP/2.0 400");
  std::string one = "Event: presence\nAccept: a/b";
  for (int i = 0; i < 9000; ++i) one += ",a/b";
  subscribe(one + "\n", "b");
  expect("SIP/2.0 400");
  subscribe("Event: presence\nAccept: a/" + std::string(5000, 'b') + "\n", "c");
  expect("SIP/2.0 400");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(agent->subscriptions(), 0U);
}

sip::UserAgentConfig tight() {
  auto config = presence();
  config.subscriptions.max_per_source = 3;
  config.subscriptions.max_total = 5;
  return config;
}
class SubscriptionLimitTest : public SubscriptionTest {
 protected:
  SubscriptionLimitTest() : SubscriptionTest(tight()) {
    during_subscribe = [](sip::Subscription& s) { s.accept(); };
  }
};

// Survival items 7 and 9
TEST_F(SubscriptionLimitTest, SurvivalItem7OfOneSourceAndOfAll) {
  const auto statuses = [&](const std::string& name, int count) {
    std::vector<int> out;
    for (int i = 0; i < count; ++i) {
      subscribe("Event: presence\nExpires: 600\n", name + std::to_string(i));
      out.push_back(network.sent.front().message->status());
      if (out.back() == 503) EXPECT_NE(network.sent.front().message->find(HeaderId::kRetryAfter), nullptr);
      network.sent.clear();
    }
    return out;
  };
  EXPECT_EQ(statuses("a", 5), (std::vector<int>{200, 200, 200, 503, 503}));
  peer = udp(5070, "198.51.100.8");
  EXPECT_EQ(statuses("b", 3), (std::vector<int>{200, 200, 503}));
  EXPECT_EQ(agent->subscriptions(), 5U);
  advance(33s);   // nobody answered the NOTIFYs
  network.sent.clear();
  EXPECT_EQ(agent->subscriptions(), 0U);
  EXPECT_EQ(statuses("c", 3), (std::vector<int>{200, 200, 200}));
}

// Expires 0 floods: each counts until its NOTIFY is answered or given up
TEST_F(SubscriptionLimitTest, SurvivalItem7FloodsOfFetchesAreBounded) {
  for (int i = 0; i < 1000; ++i) subscribe("Event: presence\nExpires: 0\n", "call" + std::to_string(i));
  EXPECT_EQ(agent->subscriptions(), 3U);
  EXPECT_EQ(asked, 3);
  network.sent.clear();
  advance(33s);
  EXPECT_EQ(agent->subscriptions(), 0U);
  EXPECT_EQ(subscriber.ended, 3);
}

}  // namespace
