// What a bridge takes as a message (spec A.1).
#include "bridge/message_policy.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;

sip::MessagePtr message(const std::string& lines, const std::string& body) {
  return *sip::Message::parse(base::share("MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:c@d>;tag=1\r\n"
                                          "To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 MESSAGE\r\n" + lines + "Content-Length: " + std::to_string(body.size()) +
                                          "\r\n\r\n" + body));
}

struct MessagePolicyTest : testing::Test {
  bridge::MessagePolicy policy;
  base::TokenBucket bucket{1, 2};
  base::TimePoint now = base::TimePoint{} + 1h;
  int status(const std::string& lines, const std::string& body) {
    const auto refusal = bridge::refuse_message(policy, *message(lines, body), bucket, now);
    return refusal ? refusal->status : 0;
  }
};

TEST_F(MessagePolicyTest, PatternsOfTypes) {
  const bridge::MessagePolicy narrow{.accepted_types = {"text/plain", "application/*"}};
  EXPECT_TRUE(bridge::accepts_type(narrow, "TEXT/Plain"));
  EXPECT_FALSE(bridge::accepts_type(narrow, "text/html"));
  EXPECT_FALSE(bridge::accepts_type(narrow, "text/plainer"));
  EXPECT_TRUE(bridge::accepts_type(narrow, "application/anything"));
  EXPECT_FALSE(bridge::accepts_type(narrow, "applications/x"));
  EXPECT_TRUE(bridge::accepts_type({.accepted_types = {"*/*"}}, "image/png"));
  EXPECT_FALSE(bridge::accepts_type({.accepted_types = {}}, "text/plain"));
}

// RFC 3261 8.2.3
TEST_F(MessagePolicyTest, TheCompactFormCountsAndTheParametersDoNot) {
  EXPECT_EQ(status("c: text/plain;x=image/png\r\n", "x"), 0);
  EXPECT_EQ(status("Content-Type: image/png;x=text/plain\r\n", "x"), 415);
}

// RFC 3261 25.1: SLASH = SWS "/" SWS
TEST_F(MessagePolicyTest, WhiteSpaceAtTheSlashIsAllowed) {
  bucket = base::TokenBucket{100, 100};
  EXPECT_EQ(status("Content-Type: text / plain ;x=y\r\n", "x"), 0);
  EXPECT_EQ(status("Content-Type: image / png\r\n", "x"), 415);
  EXPECT_EQ(status("Content-Type: text/ ;x=y\r\n", "x"), 415);
  EXPECT_EQ(status("Content-Type: / plain\r\n", "x"), 415);
}

TEST_F(MessagePolicyTest, WhatIsRefusedCostsNoTokenAndWhatIsTakenDoes) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(status("Content-Type: image/png\r\n", "x"), 415);
  EXPECT_EQ(status("Content-Type: text/plain\r\n", "x"), 0);
  EXPECT_EQ(status("Content-Type: text/plain\r\n", "x"), 0);
  EXPECT_EQ(status("Content-Type: text/plain\r\n", "x"), 503);
  now += 1s;
  EXPECT_EQ(status("Content-Type: text/plain\r\n", "x"), 0);
  EXPECT_EQ(status("Content-Type: text/plain\r\n", "x"), 503);
}

TEST_F(MessagePolicyTest, RetryAfterIsWhenTheNextTokenIsThere) {
  base::TokenBucket slow(0.1, 1);
  const auto text = message("Content-Type: text/plain\r\n", "x");
  EXPECT_FALSE(bridge::refuse_message(policy, *text, slow, now));
  const auto refusal = bridge::refuse_message(policy, *text, slow, now);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->headers.at(0).first, "Retry-After");
  EXPECT_EQ(refusal->headers.at(0).second, "10");
}

}  // namespace
