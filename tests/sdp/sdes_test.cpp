// SRTP with keys in the SDP (RFC 4568).
#include "sdp/sdes.hpp"

#include "base/text.hpp"
#include "sdp/negotiation.hpp"
#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using namespace test_support;

// A key of `size` bytes that `seed` tells apart.
std::string key(std::size_t size, std::uint8_t seed = 1) {
  base::Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(seed * 37 + i);
  return base::to_base64(bytes);
}
std::string aes80(std::string_view tag = "1", std::uint8_t seed = 1) {
  return std::string(tag) + " AES_CM_128_HMAC_SHA1_80 inline:" + key(30, seed);
}
std::string gcm(std::string_view tag = "1", std::uint8_t seed = 1) {
  return std::string(tag) + " AEAD_AES_128_GCM inline:" + key(28, seed);
}
std::string body(std::string_view protocol, const std::vector<std::string>& cryptos, std::string_view more = "") {
  std::string text = "v=0\r\no=phone 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 6000 ";
  text += std::string(protocol) + " 0\r\n";
  for (const auto& c : cryptos) text += "a=crypto:" + c + "\r\n";
  return text += more;
}
const Media& first(const Description& d) { return d.media.at(0); }

struct Line {
  const char* what;
  std::string text;
  bool taken;
};

// RFC 4568 9.1 and 9.2, RFC 7714 14.2
TEST(Crypto, SurvivalItem12LinesThatAreTakenAndThoseThatAreNot) {
  const auto k = key(30);
  const std::string head = "1 AES_CM_128_HMAC_SHA1_80 inline:";
  const Line lines[] = {
      {"plain", head + k, true},
      {"32-bit tag", "1 AES_CM_128_HMAC_SHA1_32 inline:" + k, true},
      {"GCM", gcm(), true},
      {"GCM, 256 bits", "1 AEAD_AES_256_GCM inline:" + key(44), true},
      {"the RFC's own", head + "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20", true},
      {"nine digits", "123456789 AES_CM_128_HMAC_SHA1_80 inline:" + k, true},
      {"small letters", "1 aes_cm_128_hmac_sha1_80 INLINE:" + k, true},
      {"a lifetime", head + k + "|2^31", true},
      {"a lifetime in digits", head + k + "|1048576", true},
      {"a hint at the window", head + k + " WSH=64", true},
      {"what may be passed over", head + k + " -X", true},
      {"no tag", "AES_CM_128_HMAC_SHA1_80 inline:" + k, false},
      {"ten digits", "1234567890 AES_CM_128_HMAC_SHA1_80 inline:" + k, false},
      {"a tag of letters", "one AES_CM_128_HMAC_SHA1_80 inline:" + k, false},
      {"a negative tag", "-1 AES_CM_128_HMAC_SHA1_80 inline:" + k, false},
      {"a long tag", std::string(100'000, '1') + " AES_CM_128_HMAC_SHA1_80 inline:" + k, false},
      {"an unknown suite", "1 F8_128_HMAC_SHA1_80 inline:" + k, false},
      {"no key", "1 AES_CM_128_HMAC_SHA1_80", false},
      {"an empty key", head, false},
      {"another method", "1 AES_CM_128_HMAC_SHA1_80 uri:" + k, false},
      {"a key too short", head + key(29), false},
      {"a key too long", head + key(31), false},
      {"the salt of the other suite", "1 AEAD_AES_128_GCM inline:" + k, false},
      {"a long key", head + std::string(200'000, 'A'), false},
      {"no base64", head + k.substr(0, 39) + "!", false},
      {"the other base64", head + k.substr(0, 39) + "_", false},
      {"padding too early", head + k.substr(0, 38) + "=A", false},
      {"no padding", "1 AEAD_AES_128_GCM inline:" + key(28).substr(0, 38), false},
      {"spare bits", "1 AEAD_AES_128_GCM inline:" + key(28).substr(0, 37) + "B==", false},
      {"an MKI", head + k + "|2^20|1:4", false},
      {"an MKI without a lifetime", head + k + "|1:4", false},
      {"two keys", head + k + "|2^20;inline:" + key(30, 2), false},
      {"no lifetime behind the bar", head + k + "|", false},
      {"a lifetime of nothing", head + k + "|0", false},
      {"a lifetime too long", head + k + "|2^49", false},
      {"a lifetime far too long", head + k + "|2^99999999999999999999", false},
      {"a lifetime of letters", head + k + "|2^2O", false},
      {"KDR", head + k + " KDR=4", false},
      {"not encrypted", head + k + " UNENCRYPTED_SRTP", false},
      {"RTCP not encrypted", head + k + " UNENCRYPTED_SRTCP", false},
      {"not authenticated", head + k + " UNAUTHENTICATED_SRTP", false},
      {"FEC", head + k + " FEC_ORDER=FEC_SRTP", false},
      {"a hint that is none", head + k + " WSH=x", false},
      {"a good one before a bad one", head + k + " WSH=64 KDR=1", false},
      {"a dash alone", head + k + " -", false},
      {"nothing", "", false},
  };
  for (const auto& line : lines) EXPECT_EQ(parse_crypto(line.text).has_value(), line.taken) << line.what;
}

TEST(Crypto, WrittenAsRead) {
  for (const auto& text : {aes80("007"), gcm("2"), "3 AEAD_AES_256_GCM inline:" + key(44)}) {
    const auto crypto = parse_crypto(text);
    ASSERT_TRUE(crypto);
    EXPECT_EQ(write_crypto(*crypto), text);
  }
}

TEST(Crypto, GcmFirstThenTheLongTagElseThePeersOrder) {
  const std::string short_tag = "1 AES_CM_128_HMAC_SHA1_32 inline:" + key(30);
  EXPECT_EQ(choose_crypto({short_tag, aes80("2"), gcm("3"), "4 AEAD_AES_256_GCM inline:" + key(44)})->tag, "3");
  EXPECT_EQ(choose_crypto({short_tag, aes80("2"), aes80("3")})->tag, "2");
  EXPECT_EQ(choose_crypto({short_tag})->tag, "1");
  EXPECT_FALSE(choose_crypto({}));
  // RFC 4568 6.3: a line with a parameter that isn't known is passed over, not the offer.
  EXPECT_EQ(choose_crypto({gcm("1") + " KDR=1", aes80("2")})->tag, "2");
}

// RFC 4568 5.1.2: one line, with the tag that was chosen and a key of our own.
TEST(Sdes, AnOfferIsAnsweredWithOneLine) {
  Negotiator n(local_config());
  const auto text = n.answer(body("RTP/SAVP", {"7 AES_CM_128_HMAC_SHA1_32 inline:" + key(30), aes80("42", 3)}));
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  EXPECT_EQ(first(*d).protocol, "RTP/SAVP");
  ASSERT_EQ(first(*d).cryptos.size(), 1u);
  const auto ours = parse_crypto(first(*d).cryptos[0]);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->tag, "42");
  const auto& sdes = n.current().sdes;
  ASSERT_TRUE(sdes);
  EXPECT_EQ(n.current().kind, TransportKind::kPlain);
  EXPECT_EQ(sdes->local, ours->key);
  EXPECT_EQ(sdes->remote, parse_crypto(aes80("42", 3))->key);
  EXPECT_NE(sdes->local, sdes->remote);
  Negotiator other(local_config());
  ASSERT_TRUE(other.answer(body("RTP/SAVP", {aes80()})));
  EXPECT_NE(other.current().sdes->local, sdes->local);
}

// Survival 15: no way from SRTP down to RTP.
TEST(Sdes, SurvivalItem15AnOfferWithoutAnAcceptableLineIsRefused) {
  const std::vector<std::vector<std::string>> bad = {{}, {aes80() + " KDR=1"}, {"1 X inline:" + key(30)}, {"1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"},
                                                     {aes80() + "|2^20|1:4"}};
  for (const auto& cryptos : bad) {
    Negotiator n(local_config());
    const auto text = n.answer(body("RTP/SAVP", cryptos));
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, base::ErrorCode::kUnsupported);
    EXPECT_EQ(text.error().detail, "m-line 0 (audio): no acceptable crypto line");
    EXPECT_FALSE(n.established());
  }
}

TEST(Sdes, SurvivalItem12ThousandsOfLinesAreReadInNoTime) {
  std::vector<std::string> lines(5000, "1 AES_CM_128_HMAC_SHA1_80 inline:AAAA");
  Negotiator bad(local_config());
  EXPECT_FALSE(bad.answer(body("RTP/SAVP", lines)));
  lines.insert(lines.begin(), aes80("5"));
  Negotiator good(local_config());
  EXPECT_TRUE(good.answer(body("RTP/SAVP", lines)));
  EXPECT_EQ(good.current().sdes->tag, "5");
}

TEST(Sdes, AnOfferInClearIsAnsweredInClear) {
  Negotiator n(local_config());
  const auto text = n.answer(body("RTP/AVP", {aes80()}));
  ASSERT_TRUE(text);
  EXPECT_EQ(count(*text, "a=crypto"), 0u);
  EXPECT_EQ(count(*text, "RTP/AVP"), 1u);
  EXPECT_FALSE(n.current().sdes);
}

TEST(Sdes, OfTwoAudioStreamsTheSecuredOneIsTakenOrNone) {
  const std::string secured = "m=audio 6010 RTP/SAVP 0\r\na=crypto:" + aes80() + "\r\n";
  Negotiator n(local_config());
  const auto text = n.answer(body("RTP/AVP", {}, secured));
  ASSERT_TRUE(text) << text.error().detail;
  const auto d = parse(*text);
  EXPECT_EQ(d->media[0].port, 0);
  EXPECT_EQ(d->media[1].port, 8000);
  EXPECT_TRUE(n.current().sdes);
  Negotiator none(local_config());
  EXPECT_FALSE(none.answer(body("RTP/AVP", {}, "m=audio 6010 RTP/SAVP 0\r\n")));
}

// RTP/SAVPF has two users; a fingerprint tells them apart.
TEST(Sdes, FeedbackProfile) {
  Negotiator n(local_config());
  const auto text = n.answer(body("RTP/SAVPF", {gcm()}));
  ASSERT_TRUE(text) << text.error().detail;
  EXPECT_EQ(n.current().kind, TransportKind::kPlain);
  EXPECT_TRUE(n.current().sdes);
  EXPECT_EQ(count(*text, "RTP/SAVPF"), 1u);
  Negotiator dtls(local_config());
  const auto refused = dtls.answer(body("RTP/SAVPF", {gcm()}, "a=fingerprint:sha-256 " + std::string(kPeerFingerprint) + "\r\n"));
  ASSERT_FALSE(refused);   // DTLS without ICE
  EXPECT_EQ(refused.error().detail, "m-line 0 (audio): no ICE credentials");
}

// RFC 4568 7.1.4 and RFC 3711 3.3.1: a packet count goes on with its key.
TEST(Sdes, KeysStayWithThePeersAndAreRenewedWithIt) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {aes80("1", 1)})));
  const auto before = *n.current().sdes;
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {aes80("2", 1)}, "a=sendonly\r\n")));
  EXPECT_EQ(n.current().sdes->local, before.local);
  EXPECT_EQ(n.current().sdes->tag, "2");
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {aes80("1", 9)})));
  EXPECT_NE(n.current().sdes->local, before.local);
  EXPECT_NE(n.current().sdes->remote, before.remote);
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {gcm("1", 9)})));
  EXPECT_EQ(n.current().sdes->local.suite, SrtpSuite::kAeadAes128Gcm);
}

TEST(Sdes, ACallUnderSrtpStaysThere) {
  Negotiator n(local_config());
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {aes80()})));
  const auto before = n.current();
  const auto down = n.answer(body("RTP/AVP", {aes80()}));
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().detail, "m-line 0 (audio): not without SRTP");
  // Our own key back: nothing but a reflection.
  EXPECT_FALSE(n.answer(body("RTP/SAVP", {write_crypto({"1", before.sdes->local})})));
  EXPECT_EQ(n.current(), before);
  // The other way about is no loss.
  Negotiator plain(local_config());
  ASSERT_TRUE(plain.answer(body("RTP/AVP", {})));
  ASSERT_TRUE(plain.answer(body("RTP/SAVP", {aes80()})));
  EXPECT_TRUE(plain.current().sdes);
}

struct OwnSdes : testing::Test {
  OwnSdes() : n([] {
    auto config = local_config();
    config.sdes = SdesPolicy::kOffer;
    return config;
  }()) {
    const auto offer = n.create_initial_offer(TransportKind::kPlain, false);
    offered = parse(*offer)->media.at(0);
  }
  Negotiator n;
  Media offered;
};

TEST_F(OwnSdes, OursOffersSuitesWithAKeyEach) {
  EXPECT_EQ(offered.protocol, "RTP/SAVP");
  ASSERT_EQ(offered.cryptos.size(), 3u);
  std::set<std::string> keys, tags;
  for (const auto& line : offered.cryptos) {
    const auto crypto = parse_crypto(line);
    ASSERT_TRUE(crypto);
    tags.insert(crypto->tag);
    keys.insert(line.substr(line.find("inline:")).substr(0, 40));
  }
  EXPECT_EQ(tags.size(), 3u);
  EXPECT_EQ(keys.size(), 3u);
}

TEST_F(OwnSdes, TheAnswersLineIsTakenAndOurKeyStays) {
  ASSERT_TRUE(n.apply_answer(body("RTP/SAVP", {aes80("3", 4)})));
  const auto agreed = *n.current().sdes;
  EXPECT_EQ(write_crypto({agreed.tag, agreed.local}), offered.cryptos[2]);
  EXPECT_EQ(agreed.remote, parse_crypto(aes80("3", 4))->key);
  // Again: the same line alone; the answer may bring a new key of the peer's.
  n.set_audio_direction(Direction::kSendOnly);
  ASSERT_TRUE(n.needs_offer());
  const auto again = n.create_offer();
  ASSERT_TRUE(again);
  EXPECT_EQ(parse(*again)->media[0].cryptos, (std::vector<std::string>{offered.cryptos[2]}));
  EXPECT_EQ(parse(*again)->media[0].protocol, "RTP/SAVP");
  ASSERT_TRUE(n.apply_answer(body("RTP/SAVP", {aes80("3", 5)}, "a=recvonly\r\n")));
  EXPECT_EQ(n.current().sdes->local, agreed.local);
  EXPECT_EQ(n.current().sdes->remote, parse_crypto(aes80("3", 5))->key);
  // And what the peer offers then goes by its keys.
  ASSERT_TRUE(n.answer(body("RTP/SAVP", {aes80("1", 5)})));
  EXPECT_EQ(n.current().sdes->local, agreed.local);
}

// RFC 4568 5.1.3: what is no echo of one of ours ends the exchange.
TEST_F(OwnSdes, SurvivalItem15AnyOtherAnswerIsRefused) {
  const std::string ours = offered.cryptos[2];
  const std::string answers[] = {
      body("RTP/AVP", {}), body("RTP/AVP", {aes80("3")}), body("RTP/SAVP", {}), body("RTP/SAVP", {aes80("1")}), body("RTP/SAVP", {aes80("4")}),
      body("RTP/SAVP", {gcm("1"), aes80("3")}), body("RTP/SAVP", {aes80("3") + " UNENCRYPTED_SRTP"}), body("RTP/SAVP", {"3 AES_CM_128_HMAC_SHA1_80 inline:AAAA"}),
      body("RTP/SAVP", {ours}), body("UDP/TLS/RTP/SAVPF", {aes80("3")})};
  for (const auto& answer : answers) {
    EXPECT_FALSE(n.apply_answer(answer)) << answer;
    EXPECT_FALSE(n.established());
  }
  EXPECT_TRUE(n.apply_answer(body("RTP/SAVP", {aes80("3")})));
}

TEST_F(OwnSdes, AnOfferInClearIsNotAnsweredSecured) {
  auto config = local_config();
  Negotiator plain(config);
  ASSERT_TRUE(plain.create_initial_offer(TransportKind::kPlain, false));
  EXPECT_FALSE(plain.apply_answer(body("RTP/SAVP", {aes80()})));
  EXPECT_TRUE(plain.apply_answer(body("RTP/AVP", {aes80()})));
  EXPECT_FALSE(plain.current().sdes);
}

}  // namespace
}  // namespace sdp
