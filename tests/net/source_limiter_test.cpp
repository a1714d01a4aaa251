// Whom limits, bans and counts of connections take for one sender.

#include "net/source_limiter.hpp"

#include <gtest/gtest.h>

#include "net/ban_list.hpp"

namespace {

using base::SocketAddress;
using std::chrono::seconds;

const base::TimePoint kNow{seconds(1000)};

SocketAddress at(std::string_view ip, std::uint16_t port = 5060) { return SocketAddress::parse(ip, port).value(); }

TEST(NetworkOfAnAddress, IsTheAddressItselfOfIpv4AndOfWhatIsNear) {
  EXPECT_EQ(at("192.0.2.7").network(), at("192.0.2.7", 0));
  EXPECT_NE(at("192.0.2.7").network(), at("192.0.2.8").network());
  EXPECT_EQ(at("::1").network(), at("::1", 0));
  EXPECT_NE(at("fe80::1").network(), at("fe80::2").network());
}

// RFC 4291 2.5.4
TEST(NetworkOfAnAddress, IsThe64OfIpv6) {
  EXPECT_EQ(at("2001:db8:1:2:3:4:5:6").network(), at("2001:db8:1:2::", 0));
  EXPECT_EQ(at("2001:db8:1:2::9").network(), at("2001:db8:1:2:ffff::1").network());
  EXPECT_NE(at("2001:db8:1:2::9").network(), at("2001:db8:1:3::9").network());
}

TEST(SourceLimiter, AllAddressesOfAn64ShareOneBucket) {
  net::SourceLimiter limiter({.per_second = 1, .burst = 3});
  int allowed = 0;
  for (int i = 1; i <= 10; ++i) allowed += limiter.allow(at("2001:db8::" + std::to_string(i)), kNow) ? 1 : 0;
  EXPECT_EQ(allowed, 3);
  EXPECT_TRUE(limiter.allow(at("2001:db8:0:1::1"), kNow));
}

TEST(SourceLimiter, AddressesOfIpv4HaveOneEach) {
  net::SourceLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_TRUE(limiter.allow(at("192.0.2.1", 1), kNow));
  EXPECT_FALSE(limiter.allow(at("192.0.2.1", 2), kNow));
  EXPECT_TRUE(limiter.allow(at("192.0.2.2"), kNow));
}

TEST(BanList, ABannedNetworkIsBannedWithAllItsAddresses) {
  net::BanList bans;
  ASSERT_TRUE(bans.ban(at("2001:db8::1").network(), kNow, seconds(60)));
  EXPECT_TRUE(bans.is_banned(at("2001:db8::2"), kNow));
  EXPECT_FALSE(bans.is_banned(at("2001:db8:0:1::2"), kNow));
  EXPECT_FALSE(bans.is_banned(at("2001:db8::2"), kNow + seconds(60)));
}

TEST(BanList, AnAddressIsBannedAlone) {
  net::BanList bans;
  ASSERT_TRUE(bans.ban(at("2001:db8::1"), kNow, seconds(60)));
  EXPECT_TRUE(bans.is_banned(at("2001:db8::1", 7), kNow));
  EXPECT_FALSE(bans.is_banned(at("2001:db8::2"), kNow));
}

}  // namespace
