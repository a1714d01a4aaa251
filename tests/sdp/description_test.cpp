#include "sdp/description.hpp"

#include <random>

#include "support/sdp_peer.hpp"

namespace sdp {
namespace {

using test_support::read_sdp;

const char* const kCaptures[] = {"chromium-offer", "asterisk-answer", "join-offer",  "join-answer",
                                 "leave-offer",    "leave-answer",    "reuse-offer", "reuse-answer"};

TEST(Description, CapturesSurviveWritingAndParsing) {
  for (const auto* name : kCaptures) {
    const auto first = parse(read_sdp(name));
    ASSERT_TRUE(first) << name;
    const auto again = parse(write(*first));
    ASSERT_TRUE(again) << name;
    EXPECT_EQ(*first, *again) << name;
  }
}

// Every line of the capture comes back, though in another order.
TEST(Description, WritesEveryLineOfChromiumsOffer) {
  const auto lines = [](std::string_view text) {
    std::multiset<std::string> result;
    std::istringstream in{std::string(text)};
    for (std::string line; std::getline(in, line);) {
      while (!line.empty() && line.back() == '\r') line.pop_back();
      if (const auto at = line.find(": "); at != line.npos) line.erase(at + 1, 1);
      result.insert(line);
    }
    return result;
  };
  const auto text = read_sdp("chromium-offer");
  auto expected = lines(text);
  EXPECT_EQ(expected, lines(write(*parse(text))));
}

TEST(Description, TypesWhatBrowsersSend) {
  const auto d = parse(read_sdp("chromium-offer"));
  ASSERT_TRUE(d);
  EXPECT_EQ(d->origin.session_id, "1291451873859690679");
  EXPECT_EQ(d->origin.version, 2u);
  ASSERT_EQ(d->groups.size(), 1u);
  EXPECT_EQ(d->groups[0], (Group{"BUNDLE", {"0", "1"}}));
  EXPECT_TRUE(d->extmap_allow_mixed);
  ASSERT_EQ(d->media.size(), 2u);
  const auto& audio = d->media[0];
  EXPECT_EQ(audio.port, 50374);
  EXPECT_EQ(audio.formats.front(), "111");
  EXPECT_EQ(audio.ice_ufrag, "vRQw");
  EXPECT_EQ(audio.setup, Setup::kActpass);
  EXPECT_EQ(audio.direction, Direction::kSendRecv);
  EXPECT_EQ(audio.rtpmaps[0], (Rtpmap{111, "opus", 48000, 2}));
  EXPECT_EQ(audio.fmtps[0], (Fmtp{111, "minptime=10;useinbandfec=1"}));
  EXPECT_EQ(audio.msids[0].track, "c6cba725-35ef-4e6c-bcda-cf824c11523b");
  ASSERT_EQ(audio.candidates.size(), 8u);
  EXPECT_EQ(audio.candidates[2].address, "::1");
  EXPECT_EQ(audio.candidates[4].tcp_type, "active");
  EXPECT_EQ(audio.candidates[4].extensions, "generation 0 network-id 3 network-cost 50");
  const auto& video = d->media[1];
  EXPECT_EQ(video.ssrc_groups[0], (SsrcGroup{"FID", {4099967607, 3443104911}}));
  EXPECT_EQ(video.ssrcs[0], (Ssrc{4099967607, {"cname", "OWTvIGbt/ETHhVMb"}}));
  EXPECT_EQ(video.other[0], (Attribute{"rtcp-xr", "rcvr-rtt=all"}));
}

// RFC 8839 5.1: names and unknown components are syntax like any other.
TEST(Description, CandidatesOfAllSorts) {
  const auto d = parse(
      "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 0\n"
      "a=candidate:1 1 UDP 2113937151 3f2a.local 5000 typ host\n"
      "a=candidate:2 99 udp 1 192.0.2.1 5000 typ srflx raddr 10.0.0.1 rport 6000 generation 0\n"
      "a=candidate:3 1 udp 99999999999 192.0.2.1 1 typ host\n"
      "a=end-of-candidates");
  ASSERT_TRUE(d);
  const auto& m = d->media[0];
  ASSERT_EQ(m.candidates.size(), 2u);
  EXPECT_EQ(m.candidates[0].address, "3f2a.local");
  EXPECT_EQ(m.candidates[0].transport, "udp");
  EXPECT_EQ(m.candidates[1].component, 99);
  EXPECT_EQ(m.candidates[1].related_port, 6000);
  EXPECT_EQ(m.other.size(), 1u);
  EXPECT_TRUE(m.end_of_candidates);
}

TEST(Description, TypedAttributesOfOtherKinds) {
  const auto d = parse(
      "v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\nb=AS:512\r\nt=0 0\r\na=ice-lite\r\n"
      "m=video 0/2 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP6 2001:db8::1\r\nb=TIAS:1000\r\na=bundle-only\r\n"
      "a=extmap:3/sendonly urn:x a b\r\na=rtcp-fb:* nack pli\r\na=rid:hi send max-width=1280\r\n"
      "a=simulcast:send hi;lo\r\na=content:slides\r\na=label:7\r\na=tls-id:abc\r\na=ptime:20\r\na=maxptime:60\r\n"
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=rtcp:53020 IN IP4 192.0.2.1\r\na=rtcp-rsize\r\n");
  ASSERT_TRUE(d);
  EXPECT_TRUE(d->ice_lite);
  EXPECT_EQ(d->bandwidths[0], (Bandwidth{"AS", 512}));
  const auto& m = d->media[0];
  EXPECT_EQ(m.port_count, 2);
  EXPECT_EQ(m.connections[0].address, "2001:db8::1");
  EXPECT_TRUE(m.bundle_only);
  EXPECT_EQ(m.extmaps[0], (Extmap{3, Direction::kSendOnly, "urn:x", "a b"}));
  EXPECT_EQ(m.feedback[0], (RtcpFeedback{std::nullopt, "nack pli"}));
  EXPECT_EQ(m.rids[0], (Rid{"hi", true, "max-width=1280"}));
  EXPECT_EQ(m.simulcast, "send hi;lo");
  EXPECT_EQ(m.content, "slides");
  EXPECT_EQ(m.cryptos.size(), 1u);
  EXPECT_EQ(m.rtcp->connection->address, "192.0.2.1");
  EXPECT_EQ(m.maxptime, 60u);
  EXPECT_EQ(*parse(write(*d)), *d);
}

struct HostileCase {
  const char* name;
  std::string text;
  std::optional<base::ErrorCode> error;   // empty: parsed
};

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

// RFC 8866 section 5, and what senders do to it.
TEST(Description, HostileAndBrokenText) {
  using base::ErrorCode;
  const std::string head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
  const HostileCase cases[] = {
      {"empty", "", ErrorCode::kMalformed},
      {"no v=", "o=- 1 1 IN IP4 0.0.0.0\r\n", ErrorCode::kMalformed},
      {"version 1", "v=1\r\n", ErrorCode::kUnsupported},
      {"NUL", head + std::string("a=x\0y\r\n", 7), ErrorCode::kMalformed},
      {"bad o=", "v=0\r\no=x\r\n", ErrorCode::kMalformed},
      {"session id of letters", "v=0\r\no=- abc 1 IN IP4 0.0.0.0\r\n", ErrorCode::kMalformed},
      {"version too long", "v=0\r\no=- 1 99999999999999999999999 IN IP4 0.0.0.0\r\n", ErrorCode::kMalformed},
      {"m= alone", head + "m=\r\n", ErrorCode::kMalformed},
      {"m= without a port", head + "m=audio\r\n", ErrorCode::kMalformed},
      {"port too big", head + "m=audio 65536 RTP/AVP 0\r\n", ErrorCode::kMalformed},
      {"negative port", head + "m=audio -1 RTP/AVP 0\r\n", ErrorCode::kMalformed},
      {"bad port count", head + "m=audio 9/x RTP/AVP 0\r\n", ErrorCode::kMalformed},
      {"no formats", head + "m=audio 9 RTP/AVP\r\n", {}},
      {"LF alone, no last one", "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nm=audio 9 RTP/AVP 0", {}},
      {"CR alone", "v=0\ro=- 1 1 IN IP4 0.0.0.0\rs=-\rm=audio 9 RTP/AVP 0", {}},
      {"only v=", "v=0", {}},
      {"lines of no type", head + "garbage\r\n=\r\nx\r\nX=1\r\na=\r\na=:\r\n", {}},
      {"bad rtpmaps", head + "m=audio 9 RTP/AVP 96\r\na=rtpmap:\r\na=rtpmap:96\r\na=rtpmap:96 x\r\na=rtpmap:96 /8000\r\n"
                      "a=rtpmap:96 x/0\r\na=rtpmap:200 x/1\r\na=rtpmap:96 x/99999999999\r\na=rtpmap:96 x/8000/0\r\n", {}},
      {"bad fmtps", head + "m=audio 9 RTP/AVP 96\r\na=fmtp:\r\na=fmtp:96\r\na=fmtp:x y\r\na=fmtp:-1 y\r\n", {}},
      {"bad others", head + "m=audio 9 RTP/AVP 96\r\na=ssrc:x\r\na=ssrc-group:\r\na=extmap:0 x\r\na=rtcp:\r\na=msid:\r\n"
                     "a=setup:x\r\na=fingerprint:sha-256\r\na=fingerprint:sha-256 XY\r\na=ptime:x\r\na=rid:\r\na=mid\r\n", {}},
      {"too many bytes", head + std::string(kMaxBytes, 'x'), ErrorCode::kTooLarge},
      {"too many lines", head + repeated("a=x\n", kMaxLines), ErrorCode::kTooLarge},
      {"thousands of lines", head + repeated("a=rtpmap:96 VP8/90000\n", 5000), {}},
      {"as many m-lines as may be", head + repeated("m=video 0 X 0\n", kMaxMedia), {}},
      {"too many m-lines", head + repeated("m=video 0 X 0\n", kMaxMedia + 1), ErrorCode::kTooLarge},
      {"too many formats", head + "m=audio 9 RTP/AVP" + repeated(" 0", kMaxFormats + 1), ErrorCode::kTooLarge},
  };
  for (const auto& c : cases) {
    const auto result = parse(c.text);
    EXPECT_EQ(result.has_value(), !c.error) << c.name;
    if (!result && c.error) EXPECT_EQ(result.error().code, *c.error) << c.name;
    if (!result) continue;
    const auto again = parse(write(*result));
    ASSERT_TRUE(again) << c.name;
    EXPECT_EQ(*again, *result) << c.name;
  }
}

TEST(Description, BadTypedAttributeStaysAsText) {
  const auto d = parse("v=0\nm=audio 9 RTP/AVP 96\na=rtpmap:96 opus\na=rtpmap:96 opus/48000/2\n");
  ASSERT_TRUE(d);
  EXPECT_EQ(d->media[0].rtpmaps.size(), 1u);
  EXPECT_EQ(d->media[0].other[0], (Attribute{"rtpmap", "96 opus"}));
}

TEST(Description, ValuesMakeNoLines) {
  Description d;
  d.session_name = "x\r\nm=audio 9 RTP/AVP 0";
  d.other.push_back({"label", "a\nb"});
  const auto text = write(d);
  EXPECT_EQ(text.find("\r\nm="), text.npos);
  EXPECT_NE(text.find("a=label:ab\r\n"), text.npos);
}

// Random descriptions, each the same after writing and parsing.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Description description() {
    Description d;
    d.origin = {word(), std::to_string(number(1'000'000)), number(1000), "IN", "IP4", "192.0.2.1"};
    d.session_name = word();
    if (coin()) d.connection = Connection{"IN", "IP6", "::1"};
    if (coin()) d.lines.push_back({'i', word() + " " + word()});
    if (coin()) d.groups.push_back({"BUNDLE", {word(), word()}});
    d.ice_lite = coin();
    level(d);
    for (auto n = number(6); n > 0; --n) d.media.push_back(media());
    return d;
  }

 private:
  std::uint32_t number(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  bool coin() { return number(2) == 0; }
  std::string word() {
    static constexpr std::string_view kCharacters = "abcxyzABC0189-_+/.{}<>&\"';%";
    std::string s = "w";
    for (auto n = number(12); n > 0; --n) s += kCharacters[number(kCharacters.size())];
    return s;
  }
  void level(Attributes& l) {
    if (coin()) l.ice_ufrag = word(), l.ice_pwd = word();
    if (coin()) l.fingerprints.push_back({"sha-256", "AB:CD:01"});
    if (coin()) l.setup = static_cast<Setup>(number(4));
    if (coin()) l.direction = static_cast<Direction>(number(4));
    if (coin()) l.bandwidths.push_back({"AS", number(100)});
    for (auto n = number(3); n > 0; --n) {
      l.extmaps.push_back({static_cast<std::uint16_t>(1 + number(255)), std::nullopt, word(), coin() ? word() : ""});
      l.other.push_back({"x-" + word(), coin() ? std::optional(word() + " " + word()) : std::nullopt});
    }
  }
  std::uint8_t payload_type() { return static_cast<std::uint8_t>(number(128)); }
  Media media() {
    Media m;
    level(m);
    m.media = word(), m.protocol = word();
    m.port = static_cast<std::uint16_t>(number(65536));
    for (auto n = number(5); n > 0; --n) {
      const auto pt = payload_type();
      m.formats.push_back(std::to_string(pt));
      m.rtpmaps.push_back({pt, "c" + std::to_string(pt), 1 + number(90000), static_cast<std::uint8_t>(1 + number(2))});
      m.fmtps.push_back({pt, word() + "=" + word()});
      m.feedback.push_back({coin() ? std::optional(pt) : std::nullopt, "nack pli"});
    }
    if (coin()) m.mid = word();
    if (coin()) m.label = word();
    if (coin()) m.msids.push_back({word(), coin() ? word() : ""});
    if (coin()) m.rtcp = Rtcp{1, coin() ? std::optional(Connection{"IN", "IP4", "192.0.2.9"}) : std::nullopt};
    if (coin()) m.ssrc_groups.push_back({"FID", {number(100), number(100)}});
    if (coin()) m.ssrcs.push_back({number(1u << 31), {"cname", word()}});
    if (coin()) m.rids.push_back({word(), coin(), ""});
    if (coin()) m.ptime = number(100);
    m.rtcp_mux = coin(), m.rtcp_rsize = coin(), m.bundle_only = coin(), m.end_of_candidates = coin();
    for (auto n = number(4); n > 0; --n) {
      Candidate c;
      c.foundation = word(), c.transport = coin() ? "udp" : "tcp", c.priority = number(1u << 31);
      c.component = static_cast<std::uint16_t>(number(300)), c.address = word(), c.port = 9, c.type = "host";
      if (coin()) c.related_address = "192.0.2.3", c.related_port = 7;
      if (coin()) c.tcp_type = "passive";
      if (coin()) c.extensions = "generation 0";
      m.candidates.push_back(c);
    }
    return m;
  }
  std::mt19937 random_;
};

TEST(Description, WrittenAndParsedIsTheSame) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const auto d = Generator(seed).description();
    const auto text = write(d);
    const auto again = parse(text);
    ASSERT_TRUE(again) << seed;
    ASSERT_EQ(*again, d) << seed << "\n" << text;
  }
}

// Captures with bytes changed, lines cut and doubled: any result but a crash, and stable once parsed.
TEST(Description, DamagedCapturesAreStable) {
  std::mt19937 random(7);
  for (const auto* name : kCaptures) {
    const auto good = read_sdp(name);
    for (int i = 0; i < 200; ++i) {
      auto text = good;
      for (int k = 0; k < 4; ++k) {
        const auto at = random() % text.size();
        switch (random() % 3) {
          case 0: text[at] = static_cast<char>(1 + random() % 255); break;
          case 1: text.erase(at, random() % 40); break;
          default: text.insert(at, text.substr(random() % text.size(), random() % 60));
        }
      }
      const auto d = parse(text);
      if (!d) continue;
      const auto again = parse(write(*d));
      ASSERT_TRUE(again);
      ASSERT_EQ(*again, *d);
    }
  }
}

}  // namespace
}  // namespace sdp
