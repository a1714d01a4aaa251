#include <gtest/gtest.h>

#include "sip/message.hpp"
#include "support/sip_text.hpp"

namespace sip {
namespace {

using test::crlf;
using test::parse_sip;
using test::udp_source;

const std::string kRequest = crlf(
    "INVITE sip:b@x SIP/2.0\nVia: SIP/2.0/UDP phone.example:5062;rport;branch=z9hG4bK1;received=6.6.6.6,\n "
    "SIP/2.0/TCP h2\n"
    "Via: SIP/2.0/TLS h3\nRecord-Route: <sip:p;lr>\nTo: \"B\" <sip:b@x>\nFrom:\n <sip:a@x>;tag=1\nCall-ID: "
    "c\n"
    "CSeq: 0009 INVITE\nTimestamp: 54\nMax-Forwards: 70\n\n");

TEST(SipWriter, WritesRequestsAndResponses) {
  EXPECT_EQ(std::move(Writer::request("OPTIONS", "sip:a@b")
                          .header(HeaderId::kTo, "<sip:a@b>")
                          .header(HeaderId::kExpires, 60U))
                .finish(),
            crlf("OPTIONS sip:a@b SIP/2.0\nTo: <sip:a@b>\nExpires: 60\nContent-Length: 0\n\n"));
  EXPECT_EQ(std::move(Writer::response(486).header("X-A", "b")).finish("text/plain", "hello"),
            crlf("SIP/2.0 486 Busy Here\nX-A: b\nContent-Type: text/plain\nContent-Length: 5\n\nhello"));
  EXPECT_EQ(Writer::response(200, "Fine").finish_head("a/b", 3),
            crlf("SIP/2.0 200 Fine\nContent-Type: a/b\nContent-Length: 3\n\n"));
}

TEST(SipWriter, NothingStartsAHeaderOfItsOwn) {
  EXPECT_EQ(Writer::response(200, "OK\r\nEvil: 1").finish(), crlf("SIP/2.0 200 OK\nContent-Length: 0\n\n"));
  EXPECT_EQ(Writer::request("BYE", "sip:a@b\r\nEvil: 1").finish(),
            crlf("BYE sip:a@b SIP/2.0\nContent-Length: 0\n\n"));
  const auto value = [](std::string_view text) {
    std::string out = std::move(Writer::response(200).header("X", text)).finish();
    out = out.substr(out.find("X:"));
    return out.substr(0, out.find("\r\n"));
  };
  EXPECT_EQ(value("a\r\nEvil: 1"), "X: a");
  EXPECT_EQ(value("a\nEvil: 1"), "X: a");
  EXPECT_EQ(value("a\rEvil: 1"), "X: a");
  EXPECT_EQ(value("a\r\n  b\r\n\tc"), "X: a b c");  // a fold that came from the wire
  EXPECT_EQ(value("a\r\n "), "X: a");
  EXPECT_EQ(std::move(Writer::response(200).header("Evil: 1\r\nX", "y")).finish(),
            crlf("SIP/2.0 200 OK\nContent-Length: 0\n\n"));
  EXPECT_EQ(Writer::response(200).finish("a/b\r\nEvil: 1", "x"),
            crlf("SIP/2.0 200 OK\nContent-Type: a/b\nContent-Length: 1\n\nx"));
}

// RFC 3261 8.2.6.2 and 18.2.1, RFC 3581 4
TEST(SipResponse, CopiesWhatItMust) {
  const auto invite = parse_sip(kRequest);
  ASSERT_TRUE(invite.message);
  const auto text = start_response(*invite.message, udp_source("192.0.2.10", 40000), 180, "t").finish();
  EXPECT_EQ(text,
            crlf("SIP/2.0 180 Ringing\n"
                 "Via: SIP/2.0/UDP phone.example:5062;branch=z9hG4bK1;received=192.0.2.10;rport=40000\n"
                 "Via: SIP/2.0/TCP h2\nVia: SIP/2.0/TLS h3\nRecord-Route: <sip:p;lr>\nFrom: <sip:a@x>;tag=1\n"
                 "To: \"B\" <sip:b@x>;tag=t\nCall-ID: c\nCSeq: 0009 INVITE\nContent-Length: 0\n\n"));
  EXPECT_TRUE(parse_sip(text).message);
}

TEST(SipResponse, TimestampIn100AndNoRecordRouteInFailures) {
  const auto invite = parse_sip(kRequest);
  const auto trying = parse_sip(start_response(*invite.message, udp_source(), 100, "").finish());
  EXPECT_EQ(trying->value(HeaderId::kTimestamp), "54");
  EXPECT_EQ(trying->to_tag(), "");
  EXPECT_FALSE(trying->find(HeaderId::kRecordRoute));
  EXPECT_FALSE(parse_sip(start_response(*invite.message, udp_source(), 404, "t").finish())
                   ->find(HeaderId::kRecordRoute));
}

TEST(SipResponse, ReceivedOnlyWhereSentByDiffers) {
  const auto via = [](std::string_view sent_by) {
    std::string text = kRequest;
    const std::size_t at = text.find("SIP/2.0/UDP");
    text.replace(at, text.find("\r\n", at) - at, sent_by);
    const auto response = parse_sip(
        start_response(*parse_sip(text).message, udp_source("192.0.2.10", 5060), 200, "t").finish());
    return std::string(response->value(HeaderId::kVia));
  };
  // The folded rest of the line is a header line's continuation of the first value here, so it is left out.
  EXPECT_EQ(via("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1,"), "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1");
  EXPECT_EQ(via("SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK1,"),
            "SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK1;received=192.0.2.10");
  EXPECT_EQ(via("SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;rport=5,"),
            "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;received=192.0.2.10;rport=5060");
}

TEST(SipResponse, ToBrokenRequests) {
  const auto answer = [](std::string_view bytes) {
    const auto parsed = parse_sip(std::string(bytes));
    EXPECT_FALSE(parsed.message);
    return make_failure_response(bytes, udp_source("192.0.2.10", 5060), parsed.failure);
  };
  const std::string bad = crlf(
      "BYE sip:b@x SIP/2.0\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1\nTo: <sip:b@x>\nFrom: "
      "<sip:a@x>;tag=1\nCall-ID: c\n"
      "CSeq: 99999999999 BYE\n\n");
  const auto text = answer(bad);
  ASSERT_TRUE(text);
  const auto again = answer(bad);
  EXPECT_EQ(text, again);  // stateless: a retransmission gets the same tag
  EXPECT_TRUE(text->starts_with(
      "SIP/2.0 400 Malformed CSeq\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1;received=192.0.2.10\r\n"));
  EXPECT_NE(text->find("To: <sip:b@x>;tag="), std::string::npos);

  EXPECT_FALSE(answer("nonsense"));
  EXPECT_FALSE(answer(""));
  EXPECT_FALSE(answer(crlf("SIP/2.0 999 x\nVia: SIP/2.0/UDP 1.2.3.4\n\n")));
  EXPECT_FALSE(answer(crlf("ACK sip:b@x SIP/2.0\nVia: SIP/2.0/UDP 1.2.3.4\n\n")));
  EXPECT_FALSE(answer(crlf("BYE sip:b@x SIP/2.0\nCall-ID: x\n\n")));
  EXPECT_FALSE(answer(crlf("BYE sip:b@x SIP/2.0\nVia: ,\n\n")));
}

}  // namespace
}  // namespace sip
