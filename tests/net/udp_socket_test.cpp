#include "net/udp_socket.hpp"

#include <gtest/gtest.h>

#include "net/local_addresses.hpp"

namespace {

base::SocketAddress loopback() { return *base::SocketAddress::parse("127.0.0.1", 0); }

TEST(UdpSocket, SendsAndReceivesInBatchesOfHeadAndBody) {
  auto a = net::UdpSocket::bind(loopback());
  auto b = net::UdpSocket::bind(loopback());
  ASSERT_TRUE(a && b);
  net::SendBatch out(8);
  const std::string body = "the shared body";
  std::vector<std::string> heads;
  for (int i = 0; i < 8; ++i) heads.push_back("head " + std::to_string(i) + "|");
  for (const auto& head : heads) out.add(*a, b->local(), base::as_bytes(head), base::as_bytes(body));
  EXPECT_TRUE(out.full());
  EXPECT_TRUE(out.send(a->fd(), [](std::size_t, int) { FAIL(); }));
  EXPECT_TRUE(out.empty());
  net::ReceiveBatch in(16, 64);
  ASSERT_EQ(in.receive(b->fd()), 8u);
  EXPECT_EQ(base::as_text(in.data(7)), "head 7|the shared body");
  EXPECT_EQ(in.from(0), a->local());
  EXPECT_EQ(in.receive(b->fd()), 0u);
}

TEST(UdpSocket, SaysWhichPacketOfABatchCanNotBeSent) {
  auto a = net::UdpSocket::bind(loopback());
  auto b = net::UdpSocket::bind(loopback());
  const std::string good = "good", huge(70'000, 'x');
  net::SendBatch out(3);
  out.add(*a, b->local(), base::as_bytes(good));
  out.add(*a, b->local(), base::as_bytes(huge));
  out.add(*a, b->local(), base::as_bytes(good));
  std::vector<std::size_t> failed;
  EXPECT_TRUE(out.send(a->fd(), [&](std::size_t i, int error) {
    failed.push_back(i);
    EXPECT_EQ(error, EMSGSIZE);
  }));
  EXPECT_EQ(failed, std::vector<std::size_t>{1});
  net::ReceiveBatch in(4, 64);
  EXPECT_EQ(in.receive(b->fd()), 2u);
}

TEST(UdpSocket, CutsALongBufferIntoSegments) {
  auto a = net::UdpSocket::bind(loopback());
  auto b = net::UdpSocket::bind(loopback());
  const std::string run(2500, 'r');
  net::SendBatch out(1);
  out.add(*a, b->local(), base::as_bytes(run), {}, 1000);
  int error = 0;
  out.send(a->fd(), [&](std::size_t, int e) { error = e; });
  if (error != 0) GTEST_SKIP() << "no UDP_SEGMENT here";
  net::ReceiveBatch in(4, 2048);
  ASSERT_EQ(in.receive(b->fd()), 3u);
  EXPECT_EQ(in.data(0).size(), 1000u);
  EXPECT_EQ(in.data(2).size(), 500u);
}

TEST(UdpSocket, DualStackTakesBothFamiliesAndTellsThemApart) {
  auto both = net::UdpSocket::bind(*base::SocketAddress::parse("::", 0), {.dual_stack = true});
  if (!both) GTEST_SKIP() << "no IPv6 here";
  auto v4 = net::UdpSocket::bind(loopback());
  auto to = loopback();
  to.set_port(both->local().port());
  const std::string ping = "ping";
  net::SendBatch out(1);
  out.add(*v4, to, base::as_bytes(ping));
  out.send(v4->fd(), [](std::size_t, int) { FAIL(); });
  net::ReceiveBatch in(1, 64);
  ASSERT_EQ(in.receive(both->fd()), 1u);
  EXPECT_EQ(in.from(0), v4->local());
  out.add(*both, in.from(0), base::as_bytes(ping));
  out.send(both->fd(), [](std::size_t, int) { FAIL(); });
  EXPECT_EQ(in.receive(v4->fd()), 1u);
}

TEST(UdpSocket, NamesTheAddressThatIsTaken) {
  auto first = net::UdpSocket::bind(loopback());
  auto second = net::UdpSocket::bind(first->local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::kConflict);
  EXPECT_NE(second.error().detail.find(first->local().to_string()), std::string::npos);
}

TEST(LocalAddresses, HoldLoopbackOnceAndMarked) {
  int found = 0;
  for (const auto& local : net::local_addresses()) {
    EXPECT_EQ(local.address.port(), 0);
    EXPECT_EQ(local.loopback, local.address.is_loopback());
    found += local.address.ip() == "127.0.0.1";
  }
  EXPECT_EQ(found, 1);
  EXPECT_EQ(net::route_source(loopback())->ip(), "127.0.0.1");
}

}  // namespace
