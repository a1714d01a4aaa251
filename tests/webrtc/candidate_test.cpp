#include "webrtc/candidate.hpp"

#include <gtest/gtest.h>

#include "webrtc/tcp_framing.hpp"

namespace webrtc {
namespace {

// RFC 8445 5.1.2.1, RFC 6544 4.2
TEST(Candidate, Priorities) {
  EXPECT_EQ(host_candidate_priority(CandidateTransport::kUdp, 0), 2130706431u);
  EXPECT_EQ(host_candidate_priority(CandidateTransport::kUdp, 1), 2130706431u - 256);
  EXPECT_EQ(host_candidate_priority(CandidateTransport::kTcpPassive, 0),
            90u * (1 << 24) + ((4u << 13) + 8191) * 256 + 255);
  EXPECT_LT(host_candidate_priority(CandidateTransport::kTcpPassive, 0),
            host_candidate_priority(CandidateTransport::kUdp, 70000));
}

// RFC 8839 5.1
TEST(Candidate, Values) {
  const std::vector<base::SocketAddress> addresses{*base::SocketAddress::parse("192.0.2.1", 1),
                                                   *base::SocketAddress::parse("2001:db8::1", 1)};
  const auto candidates = make_host_candidates(addresses, 30000, 30001);
  ASSERT_EQ(candidates.size(), 4u);
  EXPECT_EQ(candidates[0].value(), "1 1 udp 2130706431 192.0.2.1 30000 typ host");
  EXPECT_EQ(candidates[1].value(), "2 1 udp 2130706175 2001:db8::1 30000 typ host");
  EXPECT_EQ(candidates[2].value(), "3 1 tcp 1520435199 192.0.2.1 30001 typ host tcptype passive");
  EXPECT_EQ(make_host_candidates(addresses, 30000).size(), 2u);
  for (std::size_t i = 1; i < candidates.size(); ++i)
    EXPECT_LT(candidates[i].priority, candidates[i - 1].priority);
}

// RFC 4571 2
TEST(TcpFraming, AnyCutsGiveTheSamePackets) {
  base::Bytes stream;
  const std::vector<std::string> packets{"abc", "d", std::string(4000, 'x'), "end"};
  for (const auto& p : packets) {
    const auto header = tcp_frame_header(p.size());
    stream.insert(stream.end(), header.begin(), header.end());
    stream.insert(stream.end(), p.begin(), p.end());
    stream.insert(stream.end(), 2, 0);  // an empty one is nothing
  }
  for (const std::size_t cut : {1u, 2u, 3u, 7u, 1000u, 10000u}) {
    TcpDeframer deframer;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += cut) {
      const auto part = base::ByteView(stream).subspan(at, std::min(cut, stream.size() - at));
      EXPECT_TRUE(deframer.feed(part, [&](base::MutableByteView p) { got.emplace_back(base::as_text(p)); }));
    }
    EXPECT_EQ(got, packets);
    EXPECT_EQ(deframer.held(), 0u);
  }
}

TEST(TcpFraming, OverTheLimit) {
  TcpDeframer deframer;
  int packets = 0;
  const auto count = [&](base::MutableByteView) { ++packets; };
  EXPECT_FALSE(deframer.feed(base::as_bytes(std::string("\xff\xff....", 6)), count));
  EXPECT_FALSE(deframer.feed(base::as_bytes(std::string("\x00\x01x", 3)), count));
  EXPECT_EQ(packets, 0);
}

}  // namespace
}  // namespace webrtc
