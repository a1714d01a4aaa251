// Calls of phones whose SRTP keys stand in the SDP (RFC 4568): whom Parley offers it, and that there is no way down to plain RTP.
#include <gtest/gtest.h>

#include "support/pbx_world.hpp"
#include "support/sip_client.hpp"

using namespace test_support;

namespace {

std::string secured(const Client& phone, std::string_view tag = "1", char seed = 'a') {
  const auto sdp = replace_all(phone.phone_sdp(), "RTP/AVP", "RTP/SAVP");
  return sdp + "a=crypto:" + std::string(tag) + " AES_CM_128_HMAC_SHA1_80 inline:" + std::string(40, seed) + "\r\n";
}

struct SdesCall : testing::Test {
  PbxWorld world;
  Client& alice = world.registered(world.phone("alice", "Alice", sip::Transport::kTls));
  Client& bob = world.registered(world.phone("bob", "Bob", sip::Transport::kTls));
  Client& carol = world.registered(world.phone("carol", "Carol", sip::Transport::kUdp));
  std::string_view offered_to(const Client& client) const { return client.incoming.back()->invite->body(); }
};

}  // namespace

TEST_F(SdesCall, ARoomAnswersUnderSrtpAndTheMediaGetsBothKeys) {
  auto& call = alice.invite("sip:team@parley", {.sdp = secured(alice, "7")});
  ASSERT_EQ(call.status(), 200);
  const auto body = call.response->body();
  EXPECT_NE(body.find("RTP/SAVP "), body.npos);
  EXPECT_NE(body.find("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"), body.npos);
  const auto& sdes = world.media_of(call).media().negotiated.sdes;
  ASSERT_TRUE(sdes);
  const auto ours = sdes->local;
  EXPECT_NE(sdes->local, sdes->remote);
  // A hold brings the same key: ours stays.
  ASSERT_EQ(call.reinvite(replace_all(secured(alice, "7"), "sendrecv", "sendonly")), 200);
  EXPECT_EQ(world.media_of(call).media().negotiated.sdes->local, ours);
  ASSERT_EQ(call.reinvite(secured(alice, "7", 'b')), 200);
  EXPECT_NE(world.media_of(call).media().negotiated.sdes->local, ours);
  // Survival 15
  const auto before = *world.media_of(call).media().negotiated.sdes;
  EXPECT_EQ(call.reinvite(alice.phone_sdp()), 488);
  EXPECT_EQ(world.media_of(call).media().negotiated.sdes, before);
  EXPECT_EQ(call.bye(), 200);
}

// RFC 4568 7.1.2
TEST_F(SdesCall, WithoutAnAcceptableLineTheAnswerIs488AndSaysWhy) {
  auto& call = alice.invite("sip:team@parley", {.sdp = replace_all(secured(alice), "AES_CM_128_HMAC_SHA1_80", "F8_128_HMAC_SHA1_80")});
  EXPECT_EQ(call.status(), 488);
  EXPECT_NE(call.header("Warning").find("no acceptable crypto line"), std::string::npos);
  EXPECT_EQ(call.response->value("Warning").find("aaaa"), std::string_view::npos);
}

TEST_F(SdesCall, PlainRtpIsOfferedUnlessTheConfigurationSaysOtherwise) {
  alice.invite("sip:bob@parley", {.sdp = secured(alice)});
  EXPECT_NE(offered_to(bob).find("RTP/AVP "), std::string_view::npos);
  EXPECT_EQ(offered_to(bob).find("a=crypto"), std::string_view::npos);
}

TEST_F(SdesCall, SrtpIsOfferedToThoseWhoAreReachedByTls) {
  world.environment.config.sdp.sdes = sdp::SdesPolicy::kOffer;
  alice.invite("sip:carol@parley", {.sdp = secured(alice)});
  EXPECT_EQ(offered_to(carol).find("a=crypto"), std::string_view::npos);
  auto& call = alice.invite("sip:bob@parley");
  EXPECT_NE(offered_to(bob).find(" RTP/SAVP "), std::string_view::npos);
  EXPECT_NE(offered_to(bob).find("a=crypto:1 AEAD_AES_128_GCM inline:"), std::string_view::npos);
  // RFC 4568 5.1.3: an answer in clear is none.
  auto& called = *bob.incoming.back();
  called.reply_to_invite(200, "application/sdp", bob.phone_sdp());
  world.settle();
  EXPECT_NE(call.status(), 200);
  EXPECT_TRUE(called.ended);
}

namespace {
// What a provider is offered, the first client of that world.
std::string offered_by_trunk(std::string transport, bool srtp, sdp::SdesPolicy policy) {
  pbx::PbxConfig config;
  config.dial_plan.rules = {{.name = "out", .pattern = "0(?P<n>[0-9]+)", .to = "trunk:provider", .number = "{n}"}};
  config.trunks = {{.name = "provider", .server = "192.0.2.2", .transport = std::move(transport), .srtp = srtp}};
  config.resolve = [](const std::string&, sip::Transport, std::function<void(std::vector<base::SocketAddress>)> done) {
    done({*base::SocketAddress::parse("192.0.2.2", 5060)});
  };
  PbxWorld world{config};
  world.environment.config.sdp.sdes = policy;
  world.phone("provider", {}, config.trunks[0].transport == "tls" ? sip::Transport::kTls : sip::Transport::kUdp);
  world.settle();
  world.registered(world.phone("alice")).invite("sip:0555@parley");
  for (const auto& sent : world.log) {
    if (sent.text.starts_with("INVITE sip:555@")) return sent.text;
  }
  return {};
}
}  // namespace

TEST_F(SdesCall, ATrunkIsOfferedWhatItsOwnKeySays) {
  using enum sdp::SdesPolicy;
  EXPECT_NE(offered_by_trunk("tls", false, kOffer).find(" RTP/AVP "), std::string::npos);
  EXPECT_EQ(offered_by_trunk("tls", false, kOffer).find("a=crypto"), std::string::npos);
  EXPECT_NE(offered_by_trunk("tls", true, kAccept).find(" RTP/SAVP "), std::string::npos);
  EXPECT_NE(offered_by_trunk("tls", true, kAccept).find("a=crypto:1 "), std::string::npos);
  EXPECT_NE(offered_by_trunk("udp", true, kOffer).find(" RTP/AVP "), std::string::npos);   // its keys would be read
}

TEST_F(SdesCall, AnAnswerUnderOneOfOurKeysMakesTheCall) {
  world.environment.config.sdp.sdes = sdp::SdesPolicy::kOffer;
  auto& call = alice.invite("sip:bob@parley");
  auto& called = *bob.incoming.back();
  called.description = secured(bob, "3");
  called.reply_to_invite(200, "application/sdp", called.description);
  world.settle();
  EXPECT_EQ(call.status(), 200);
  EXPECT_TRUE(world.media_of(called).media().negotiated.sdes);
  EXPECT_FALSE(world.media_of(call).media().negotiated.sdes);
}
