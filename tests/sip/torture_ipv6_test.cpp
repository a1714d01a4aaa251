// RFC 5118, whole: SIP's torture messages for IPv6. The messages are in tests/torture/.
#include <gtest/gtest.h>

#include "support/sip_torture.hpp"

namespace sip {
namespace {

using test::contact;
using test::expect_answer;
using test::status;
using test::valid;
using test::vias;

// RFC 5118 4.1
TEST(TortureIpv6, Good) {
  const auto m = valid("ipv6-good");
  EXPECT_EQ(m->request_uri().host, "[2001:db8::10]");
  EXPECT_EQ(m->request_uri().port, 0);
  EXPECT_EQ(m->top_via().host, "[2001:db8::9:1]");
  EXPECT_EQ(contact(*m.message).uri.host, "[2001:db8::1]");
  EXPECT_EQ(status("ipv6-good"), 200);
}

// RFC 5118 4.2
TEST(TortureIpv6, Bad) {
  expect_answer("ipv6-bad", 400);
}

// RFC 5118 4.3, 4.4: a port stands after the bracket, or it is none
TEST(TortureIpv6, Ports) {
  EXPECT_EQ(valid("port-ambiguous")->request_uri().host, "[2001:db8::10:5070]");
  EXPECT_EQ(valid("port-ambiguous")->request_uri().port, 0);
  EXPECT_EQ(valid("port-unambiguous")->request_uri().host, "[2001:db8::10]");
  EXPECT_EQ(valid("port-unambiguous")->request_uri().port, 5070);
}

// RFC 5118 4.5
TEST(TortureIpv6, ReceivedWithAndWithoutBrackets) {
  EXPECT_EQ(valid("via-received-param-with-delim")->top_via().params.value("received"), "[2001:db8::9:255]");
  const auto bare = valid("via-received-param-no-delim");
  EXPECT_EQ(bare->top_via().params.value("received"), "2001:db8::9:255");
  EXPECT_EQ(bare->top_via().branch(), "z9hG4bKas3");
}

// RFC 5118 4.6, 4.8: what is inside the SDP is tests/sdp's; here that the body comes whole
TEST(TortureIpv6, Sdp) {
  const auto m = valid("ipv6-in-sdp");
  EXPECT_EQ(m->request_uri().host, "[2001:db8::10]");
  EXPECT_EQ(m->body().size(), 251u);
  EXPECT_NE(m->body().find("c=IN IP6 2001:db8::20\r\n"), std::string_view::npos);
  const auto both = valid("mult-ip-in-sdp");
  EXPECT_NE(both->body().find("c=IN IP4 192.0.2.1\r\n"), std::string_view::npos);
  EXPECT_NE(both->body().find("c=IN IP6 2001:db8::1\r\n"), std::string_view::npos);
  EXPECT_TRUE(both->body().ends_with("H263-1998/90000\r\n"));
}

// RFC 5118 4.7
TEST(TortureIpv6, MixedVias) {
  const auto m = valid("mult-ip-in-header");
  const auto v = vias(*m.message);
  ASSERT_EQ(v.size(), 3u);
  EXPECT_EQ(v[0].host, "[2001:db8::9:1]");
  EXPECT_EQ(v[0].port, 6050);
  EXPECT_EQ(v[1].host, "192.0.2.1");
  EXPECT_EQ(v[2].host, "[2001:db8::9:255]");
  EXPECT_EQ(v[2].transport, Transport::kTcp);
  EXPECT_EQ(v[2].params.value("received"), "192.0.2.200");
}

// RFC 5118 4.9
TEST(TortureIpv6, MappedIpv4) {
  const auto m = valid("ipv4-mapped-ipv6");
  const auto v = vias(*m.message);
  ASSERT_EQ(v.size(), 2u);
  EXPECT_EQ(v[0].host, "[::ffff:192.0.2.10]");
  EXPECT_EQ(v[0].port, 19823);
  EXPECT_EQ(contact(*m.message).uri.host, "[::ffff:192.0.2.2]");
  EXPECT_EQ(contact(*m.message).display(), "T. desk phone");
}

// RFC 5118 4.10: both are to be tolerated
TEST(TortureIpv6, ThreeColons) {
  EXPECT_EQ(valid("ipv6-bug-abnf-3-colons")->request_uri().host, "[2001:db8:::192.0.2.1]");
  EXPECT_EQ(valid("ipv6-correct-abnf-2-colons")->request_uri().host, "[2001:db8::192.0.2.1]");
  EXPECT_EQ(status("ipv6-bug-abnf-3-colons"), 200);
}

}  // namespace
}  // namespace sip
