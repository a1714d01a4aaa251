#include "webrtc/stun.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "base/random.hpp"
#include "base/text.hpp"
#include "support/webrtc_client.hpp"

namespace webrtc {
namespace {

base::Bytes hex(std::string_view text) {
  std::string compact;
  for (const char c : text) {
    if (c != ' ' && c != '\n') compact += c;
  }
  return *base::from_hex(compact);
}

const base::Bytes kRequest = hex(
    "00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff"
    "80290008 932ff9b151263b36 00060009 6576746a3a68367659202020 00080014 "
    "9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004 e57a3bcf");
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

// RFC 5769 2.1
TEST(Stun, SampleRequest) {
  const auto m = parse_stun(kRequest);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->message_class, StunClass::kRequest);
  EXPECT_EQ(m->method, kStunBinding);
  EXPECT_EQ(m->username, "evtj:h6vY");
  EXPECT_EQ(m->priority, 0x6e0001ffu);
  EXPECT_EQ(m->ice_controlled, 0x932ff9b151263b36u);
  EXPECT_TRUE(m->has_fingerprint);
  EXPECT_TRUE(m->integrity_ok(kPassword));
  EXPECT_FALSE(m->integrity_ok("VOkJxbRl1RmTxUk/WvJxBu"));
  EXPECT_FALSE(m->integrity_ok(""));
  EXPECT_EQ(stun_local_ufrag(kRequest), "evtj");
}

// RFC 5769 2.2
TEST(Stun, SampleIpv4Response) {
  const auto bytes = hex(
      "0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200008 0001a147e112a643"
      "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96");
  const auto m = parse_stun(bytes);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->message_class, StunClass::kSuccess);
  EXPECT_EQ(m->mapped_address, base::SocketAddress::parse("192.0.2.1", 32853));
  EXPECT_TRUE(m->integrity_ok(kPassword));
}

// RFC 5769 2.3
TEST(Stun, SampleIpv6Response) {
  const auto bytes = hex(
      "01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220"
      "00200014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9 00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
      "80280004 c8fb0b4c");
  const auto m = parse_stun(bytes);
  ASSERT_TRUE(m);
  EXPECT_EQ(m->mapped_address, base::SocketAddress::parse("2001:db8:1234:5678:11:2233:4455:6677", 32853));
  EXPECT_TRUE(m->integrity_ok(kPassword));
}

// RFC 5769 2.4
TEST(Stun, SampleLongTermRequest) {
  const auto bytes = hex(
      "00010060 2112a442 78ad3433c6ad72c029da412e 00060012 e3839ee38388e383aae38383e382afe382b9 0000"
      "0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341 0014000b 6578616d706c652e6f726700"
      "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666");
  const auto m = parse_stun(bytes);
  ASSERT_TRUE(m);
  EXPECT_FALSE(m->has_fingerprint);
  const std::string secret =
      "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9:example.org:TheMatrIX";
  std::array<std::uint8_t, 16> key{};
  EVP_Digest(secret.data(), secret.size(), key.data(), nullptr, EVP_md5(), nullptr);
  EXPECT_TRUE(m->integrity_ok(base::ByteView(key)));
}

TEST(Stun, EveryChangedByteIsNoticed) {
  for (std::size_t i = 0; i < kRequest.size(); ++i) {
    if (i == 100 || i == 101)
      continue;  // FINGERPRINT's type: as another, it is an attribute behind the integrity
    auto bytes = kRequest;
    bytes[i] ^= 0x40;
    const auto m = parse_stun(bytes);
    EXPECT_FALSE(m && m->integrity_ok(kPassword)) << "byte " << i;
  }
}

TEST(Stun, EveryTruncationIsRefused) {
  for (std::size_t n = 0; n < kRequest.size(); ++n) {
    auto bytes = base::Bytes(kRequest.begin(), kRequest.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(parse_stun(bytes)) << n;
    if (n >= 4) {
      base::store_be16(bytes.data() + 2, static_cast<std::uint16_t>(n - 20));
      const auto m = parse_stun(bytes);  // with a length that fits, whatever is left must be whole attributes
      EXPECT_FALSE(m && m->has_fingerprint) << n;
    }
  }
}

// RFC 8489 14: padding, lengths
TEST(Stun, AttributeLengthsBeyondTheMessage) {
  for (const char* attribute :
       {"00240005 00000000", "0024ffff 00000000", "00240008 00000000", "00200004 00010000",
        "00200008 0003000000000000", "80290004 00000000", "00250004 00000000", "00080004 00000000",
        "80280002 00000000", "000a0003 00010000", "00090003 00000400"}) {
    const auto value = hex(attribute);
    base::Bytes bytes = hex("00010000 2112a442 000000000000000000000000");
    bytes.insert(bytes.end(), value.begin(), value.end());
    base::store_be16(bytes.data() + 2, static_cast<std::uint16_t>(value.size()));
    EXPECT_FALSE(parse_stun(bytes)) << attribute;
  }
}

// RFC 8489 14.5: what follows MESSAGE-INTEGRITY is ignored
TEST(Stun, AttributesBehindIntegrityAreIgnored) {
  const std::array<std::uint8_t, 12> transaction{1};
  StunBuilder b(StunClass::kRequest, kStunBinding, transaction);
  b.add(StunAttribute::kUsername, "a:b").add_integrity("pw");
  b.add_flag(StunAttribute::kUseCandidate).add_u32(StunAttribute::kPriority, 1);
  b.add(static_cast<StunAttribute>(0x7777), "x").add_fingerprint();
  const auto m = parse_stun(b.bytes());
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->integrity_ok("pw"));
  EXPECT_FALSE(m->use_candidate);
  EXPECT_FALSE(m->priority);
  EXPECT_EQ(m->unknown_count, 0);
  EXPECT_TRUE(m->has_fingerprint);
}

// RFC 8489 14.7
TEST(Stun, NothingFollowsFingerprint) {
  const std::array<std::uint8_t, 12> transaction{1};
  StunBuilder b(StunClass::kRequest, kStunBinding, transaction);
  b.add_fingerprint().add_u32(StunAttribute::kPriority, 1);
  EXPECT_FALSE(parse_stun(b.bytes()));
}

TEST(Stun, BuilderAndParserAgree) {
  const std::array<std::uint8_t, 12> transaction{9, 8, 7};
  const auto address = *base::SocketAddress::parse("2001:db8::5", 4711);
  StunBuilder b(StunClass::kError, kStunBinding, transaction);
  const std::array<std::uint16_t, 2> unknown{0x7001, 0x7002};
  b.add_xor_mapped_address(address)
      .add_error(420, "odd")
      .add_unknown_attributes(unknown)
      .add_integrity("k")
      .add_fingerprint();
  const auto m = parse_stun(b.bytes());
  ASSERT_TRUE(m);
  EXPECT_EQ(m->message_class, StunClass::kError);
  EXPECT_EQ(m->mapped_address, address);
  EXPECT_EQ(m->error_code, 420);
  EXPECT_EQ(m->error_reason, "odd");
  ASSERT_EQ(m->unknown_attributes.size(), 4u);
  EXPECT_EQ(base::load_be16(m->unknown_attributes.data() + 2), 0x7002);
  EXPECT_TRUE(m->integrity_ok("k"));
  EXPECT_TRUE(std::ranges::equal(m->transaction(), transaction));
}

TEST(Stun, BuilderThatOverflowsIsEmpty) {
  StunBuilder b(StunClass::kRequest, kStunBinding, std::array<std::uint8_t, 12>{});
  const std::string big(500, 'x');
  b.add(StunAttribute::kUsername, big)
      .add(StunAttribute::kSoftware, big)
      .add_integrity("k")
      .add_fingerprint();
  EXPECT_TRUE(b.bytes().empty());
}

TEST(Stun, LocalUfragOnlyOfBindingRequests) {
  const IceCredentials server{"abcd", "0123456789012345678901"};
  EXPECT_EQ(stun_local_ufrag(support::binding_request(server, "efgh")), "abcd");
  EXPECT_FALSE(stun_local_ufrag(support::binding_request({"", "pw"}, "efgh")));
  EXPECT_FALSE(stun_local_ufrag({}));
  auto bytes = support::binding_request(server, "efgh");
  bytes[1] = 0x11;  // an indication
  EXPECT_FALSE(stun_local_ufrag(bytes));
}

// RFC 8489 14.3: fewer than 509 bytes
TEST(Stun, LongUsername) {
  const IceCredentials server{std::string(256, 'a'), "0123456789012345678901"};
  EXPECT_EQ(stun_local_ufrag(support::binding_request(server, std::string(251, 'b'))), server.ufrag);
  EXPECT_FALSE(stun_local_ufrag(support::binding_request(server, std::string(252, 'b'))));
}

TEST(Stun, GarbageNeverParses) {
  base::Bytes bytes(200);
  for (int i = 0; i < 20000; ++i) {
    base::random_bytes(bytes);
    const auto size = 20 + 4 * (bytes[199] % 40u);
    bytes[0] &= 3;
    base::store_be16(bytes.data() + 2, static_cast<std::uint16_t>(size - 20));
    base::store_be32(bytes.data() + 4, kStunMagicCookie);
    const auto m = parse_stun(base::ByteView(bytes).first(size));
    EXPECT_FALSE(m && m->integrity_ok(kPassword));
  }
}

}  // namespace
}  // namespace webrtc
