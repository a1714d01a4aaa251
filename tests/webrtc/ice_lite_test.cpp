#include "webrtc/ice_lite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "support/webrtc_client.hpp"

namespace webrtc {
namespace {

using namespace std::chrono_literals;
using support::binding_request;
using support::CheckOptions;

struct IceLiteTest : testing::Test {
  IceLite::Outcome check(const base::SocketAddress& from, const CheckOptions& options = {}) {
    return agent.on_stun(binding_request(server, "peer", options), from, now);
  }
  static int error_of(const IceLite::Outcome& outcome) {
    const auto m = parse_stun(outcome.response);
    return m && m->message_class == StunClass::kError ? m->error_code.value_or(-1) : 0;
  }
  static base::SocketAddress at(int n) {
    return *base::SocketAddress::parse("192.0.2." + std::to_string(n), static_cast<std::uint16_t>(5000 + n));
  }
  void SetUp() override { agent.set_remote_ufrag("peer"); }

  base::TimePoint now{1000s};
  IceCredentials server = make_ice_credentials();
  IceLite agent{server};
};

// RFC 8445 7.3.1
TEST_F(IceLiteTest, AnswersAValidCheck) {
  const auto request = binding_request(server, "peer");
  const auto outcome = agent.on_stun(request, at(1), now);
  EXPECT_TRUE(outcome.authenticated);
  EXPECT_TRUE(outcome.validated_first);
  const auto m = parse_stun(outcome.response);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->message_class, StunClass::kSuccess);
  EXPECT_EQ(m->mapped_address, at(1));
  EXPECT_TRUE(m->integrity_ok(server.pwd));
  EXPECT_TRUE(m->has_fingerprint);
  EXPECT_TRUE(std::ranges::equal(m->transaction(), base::ByteView(request).subspan(8, 12)));
  EXPECT_EQ(agent.selected(), at(1));
  EXPECT_EQ(agent.last_consent(), now);
}

// RFC 8489 9.1.3
TEST_F(IceLiteTest, RefusesWhatIsNotProven) {
  EXPECT_EQ(error_of(check(at(1), {.password = "wrong-password-wrong-password"})), 401);
  EXPECT_EQ(error_of(agent.on_stun(binding_request({"other", server.pwd}, "peer"), at(1), now)), 401);
  EXPECT_EQ(error_of(agent.on_stun(binding_request(server, "somebody"), at(1), now)), 401);
  StunBuilder bare(StunClass::kRequest, kStunBinding, std::array<std::uint8_t, 12>{});
  EXPECT_EQ(error_of(agent.on_stun(bare.bytes(), at(1), now)), 400);
  bare.add(StunAttribute::kUsername, server.ufrag + ":peer").add_flag(StunAttribute::kUseCandidate);
  const auto outcome = agent.on_stun(bare.bytes(), at(1), now);
  EXPECT_EQ(error_of(outcome), 400);
  EXPECT_TRUE(outcome.bad);
  EXPECT_FALSE(parse_stun(outcome.response)->has_integrity);
  EXPECT_FALSE(agent.is_validated(at(1)));
  EXPECT_FALSE(agent.selected().valid());
  EXPECT_EQ(agent.last_consent(), base::TimePoint{});
}

TEST_F(IceLiteTest, NeverAnswersWithMoreThanAFewBytesToAStranger) {
  EXPECT_LE(check(at(1), {.password = "wrong"}).response.size(), 40u);
}

// RFC 8489 6.3.1
TEST_F(IceLiteTest, UnknownRequiredAttribute) {
  const auto outcome = check(at(1), {.use_candidate = true, .extra_attribute = 0x7abc});
  const auto m = parse_stun(outcome.response);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->error_code, 420);
  ASSERT_EQ(m->unknown_attributes.size(), 2u);
  EXPECT_EQ(base::load_be16(m->unknown_attributes.data()), 0x7abc);
  EXPECT_TRUE(m->integrity_ok(server.pwd));
  EXPECT_FALSE(agent.is_validated(at(1)));
  EXPECT_TRUE(
      check(at(1), {.extra_attribute = 0xc057}).authenticated);  // an optional one (libwebrtc's network info)
}

// RFC 8445 7.3.1.1
TEST_F(IceLiteTest, RoleConflict) {
  const auto outcome = check(at(1), {.use_candidate = true, .controlled = true});
  EXPECT_EQ(error_of(outcome), 487);
  EXPECT_TRUE(parse_stun(outcome.response)->integrity_ok(server.pwd));
  EXPECT_FALSE(agent.selected().valid());
}

TEST_F(IceLiteTest, IndicationsAndResponsesDoNothing) {
  auto bytes = binding_request(server, "peer");
  StunBuilder indication(StunClass::kIndication, kStunBinding, std::array<std::uint8_t, 12>{});
  EXPECT_TRUE(agent.on_stun(indication.bytes(), at(1), now).response.empty());
  StunBuilder success(StunClass::kSuccess, kStunBinding, std::array<std::uint8_t, 12>{});
  EXPECT_TRUE(agent.on_stun(success.bytes(), at(1), now).bad);
  bytes.back() ^= 1;
  const auto outcome = agent.on_stun(bytes, at(1), now);
  EXPECT_TRUE(outcome.bad && outcome.response.empty());
  EXPECT_FALSE(agent.is_validated(at(1)));
}

// RFC 8445 12.1: before nomination, a valid pair; the best there is
TEST_F(IceLiteTest, BeforeNominationTheBestValidatedPair) {
  check(at(1), {.priority = 100});
  EXPECT_EQ(agent.selected(), at(1));
  check(at(2), {.priority = 300});
  EXPECT_EQ(agent.selected(), at(2));
  check(at(3), {.priority = 200});
  EXPECT_EQ(agent.selected(), at(2));
}

// RFC 8445 8.1.1: nomination, and another one later
TEST_F(IceLiteTest, TheLastNominationWins) {
  check(at(1), {.priority = 300});
  check(at(2), {.priority = 100});
  EXPECT_TRUE(check(at(2), {.use_candidate = true, .priority = 100}).selection_changed);
  EXPECT_EQ(agent.selected(), at(2));
  check(at(1), {.use_candidate = true, .priority = 300});
  EXPECT_EQ(agent.selected(), at(1));
  check(at(2), {.priority = 100});
  check(at(2), {.use_candidate = true, .priority = 100});
  EXPECT_EQ(agent.selected(), at(2));
}

// RFC 5245 8.1.1.2
TEST_F(IceLiteTest, AggressiveNominationKeepsTheBest) {
  check(at(1), {.use_candidate = true, .priority = 200});
  check(at(2), {.use_candidate = true, .priority = 100});
  EXPECT_EQ(agent.selected(), at(1));
  check(at(3), {.use_candidate = true, .priority = 300});
  EXPECT_EQ(agent.selected(), at(3));
  check(at(2), {.use_candidate = true, .priority = 100});
  EXPECT_EQ(agent.selected(), at(3));
  now += 6s;  // the best one is silent
  check(at(2), {.use_candidate = true, .priority = 100});
  EXPECT_EQ(agent.selected(), at(2));
}

TEST_F(IceLiteTest, ThePeersAddressChanges) {
  check(at(1), {.use_candidate = true});
  check(at(2), {.use_candidate = true});  // another mapping of a NAT, the same candidate
  EXPECT_EQ(agent.selected(), at(2));
}

TEST_F(IceLiteTest, PairsAreBounded) {
  check(at(1), {.use_candidate = true, .priority = 5});
  for (int i = 2; i < 100; ++i) {
    now += 1ms;
    check(at(i), {.priority = 1});
  }
  EXPECT_TRUE(agent.is_validated(at(1)));
  EXPECT_EQ(agent.selected(), at(1));
  EXPECT_FALSE(agent.is_validated(at(2)));
  EXPECT_TRUE(agent.is_validated(at(99)));
}

// RFC 8445 9: restart; the previous pair is used until there is another
TEST_F(IceLiteTest, Restart) {
  check(at(1), {.use_candidate = true, .priority = 900});
  const auto old = server;
  server = make_ice_credentials();
  agent.restart(server);
  agent.set_remote_ufrag("new1");
  EXPECT_EQ(agent.selected(), at(1));
  now += 1s;
  EXPECT_TRUE(agent.on_stun(binding_request(old, "peer"), at(1), now).authenticated);
  EXPECT_EQ(error_of(agent.on_stun(binding_request(server, "peer"), at(1), now)), 401);
  EXPECT_TRUE(agent.on_stun(binding_request(server, "new1", {.priority = 1}), at(2), now).authenticated);
  EXPECT_EQ(agent.selected(), at(1));  // not nominated yet
  EXPECT_EQ(error_of(agent.on_stun(binding_request(old, "peer"), at(1), now)), 401);
  agent.on_stun(binding_request(server, "new1", {.use_candidate = true, .priority = 1}), at(2), now);
  EXPECT_EQ(agent.selected(), at(2));
  EXPECT_FALSE(agent.is_validated(at(1)));
}

TEST_F(IceLiteTest, RestartTwiceBeforeThePeerFollows) {
  check(at(1), {.use_candidate = true});
  const auto old = server;
  agent.restart(make_ice_credentials());
  server = make_ice_credentials();
  agent.restart(server);
  EXPECT_TRUE(agent.on_stun(binding_request(old, "peer"), at(1), now).authenticated);
  EXPECT_TRUE(agent.on_stun(binding_request(server, "any"), at(1), now).authenticated);
}

}  // namespace
}  // namespace webrtc
