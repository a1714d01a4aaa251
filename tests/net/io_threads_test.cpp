#include "net/io_threads.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "net/udp_socket.hpp"

namespace {

TEST(FdWatch, GivesItsDescriptorBackAndWatchesNoMore) {
  net::IoThread thread("test-io");
  const auto address = *base::SocketAddress::parse("127.0.0.1", 0);
  auto own = net::UdpSocket::bind(address), peer = net::UdpSocket::bind(address);
  ASSERT_TRUE(own && peer);
  auto other = own->duplicate();   // the same socket stays open by this one
  ASSERT_TRUE(other);
  const auto send = [&] {
    net::SendBatch out(1);
    out.add(*peer, own->local(), base::as_bytes("hello"));
    out.send(peer->fd(), [](std::size_t, int) { FAIL(); });
  };
  std::atomic<int> called = 0;
  std::unique_ptr<net::FdWatch> watch;
  int released = -1;
  const int fd = own->fd();
  thread.run_and_wait([&] {
    watch = std::make_unique<net::FdWatch>(thread, own->release().release(), [&] { ++called; });
    watch->watch_read();
    released = watch->release();
    watch.reset();
  });
  EXPECT_EQ(released, fd);
  const net::Fd back(released);
  send();
  thread.run_and_wait([] {});
  EXPECT_EQ(called, 0);
  net::ReceiveBatch in(2, 64);
  EXPECT_EQ(in.receive(back.get()), 1U);

  // It may be watched anew, and a watch that ends closes its own descriptor and leaves the other's alone.
  thread.run_and_wait([&] {
    watch = std::make_unique<net::FdWatch>(thread, ::dup(back.get()), [&] {
      ++called;
      watch.reset();   // from within
    });
    watch->watch_read();
  });
  send();
  for (int i = 0; i < 500 && called == 0; ++i) ::usleep(10'000);
  EXPECT_EQ(called, 1);
  send();
  thread.run_and_wait([] {});
  EXPECT_EQ(called, 1);
  EXPECT_EQ(in.receive(other->fd()), 2U);
}

}  // namespace
