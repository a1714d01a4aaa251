#include "sip/message.hpp"

#include <gtest/gtest.h>

#include "sip/request_check.hpp"
#include "support/sip_text.hpp"

namespace sip {
namespace {

using test::crlf;
using test::parse_sip;
using test::udp_source;

constexpr std::string_view kVia = "Via: SIP/2.0/WS a.invalid;branch=z9hG4bK7\n";
constexpr std::string_view kRest =
    "Max-Forwards: 70\nTo: <sip:b@x>\nFrom: <sip:a@x>;tag=1\nCall-ID: c1\nCSeq: 7 MESSAGE\n";

std::string request(std::string_view more = "", std::string_view body = "") {
  return crlf("MESSAGE sip:b@x SIP/2.0\n" + std::string(kVia) + std::string(kRest) + std::string(more) +
              "\n") +
         std::string(body);
}
// As request(), with the line that begins with `name` replaced (or left out).
std::string with(std::string_view name, std::string_view line) {
  std::string text = request();
  const std::size_t at = text.find("\r\n" + std::string(name)) + 2;
  return text.replace(at, text.find("\r\n", at) + 2 - at, crlf(line));
}
int refused(std::string bytes) {
  const auto parsed = parse_sip(std::move(bytes));
  return parsed.message ? -1 : parsed.failure.status;
}

TEST(SipMessage, IsRead) {
  const auto m = parse_sip(request("l: 2\nSubject: J\xc3\xb6rg\n", "hi, and more that is dropped"));
  ASSERT_TRUE(m.message);
  EXPECT_TRUE(m->is_request());
  EXPECT_EQ(m->method(), Method::kMessage);
  EXPECT_EQ(m->request_uri_text(), "sip:b@x");
  EXPECT_EQ(m->call_id(), "c1");
  EXPECT_EQ(m->cseq().number, 7u);
  EXPECT_EQ(m->from_tag(), "1");
  EXPECT_EQ(m->to_tag(), "");
  EXPECT_EQ(m->max_forwards(), 70);
  EXPECT_EQ(m->top_via().transport, Transport::kWs);
  EXPECT_EQ(m->top_via().branch(), "z9hG4bK7");
  EXPECT_EQ(m->body(), "hi");  // RFC 3261 18.3
  EXPECT_EQ(m->value(HeaderId::kSubject), "J\xc3\xb6rg");
  EXPECT_EQ(m->find("S")->name, "Subject");
  EXPECT_EQ(m->contact().error().code, base::ErrorCode::kNotFound);
}

TEST(SipMessage, WithoutContentLengthTheBodyIsTheRest) {
  EXPECT_EQ(parse_sip(request("", "all of it"))->body(), "all of it");
}

// RFC 3261 7.3.1 and 7.3.3
TEST(SipMessage, JoinsListsAndKnowsCompactForms) {
  const auto m =
      parse_sip(request("k: a, b\nSupported:c\nSUPPORTED : \"x,y\" ,,d\nm: \"A, B\" <sip:a@b?x=1,2>;q=1 ,\n "
                        "<sip:c@d>\nX-Other: 1\nx-other: 2\n"));
  ASSERT_TRUE(m.message);
  EXPECT_EQ(m->values(HeaderId::kSupported), (std::vector<std::string_view>{"a", "b", "c", "\"x,y\"", "d"}));
  EXPECT_TRUE(m->lists(HeaderId::kSupported, "B"));
  EXPECT_FALSE(m->lists(HeaderId::kSupported, "x"));
  EXPECT_EQ(m->values(HeaderId::kContact).size(), 2u);
  EXPECT_EQ(m->value("X-OTHER"), "1");
  EXPECT_EQ(m->value("Absent"), "");
}

TEST(SipMessage, EveryHeaderIsFoundByItsName) {
  for (int i = 0; i < static_cast<int>(HeaderId::kOther); ++i) {
    const auto id = static_cast<HeaderId>(i);
    EXPECT_EQ(header_from(to_string(id)), id);
    EXPECT_EQ(header_from(std::string(to_string(id)) + "x"), HeaderId::kOther);
  }
  EXPECT_EQ(header_from("cAlL-iD"), HeaderId::kCallId);
  EXPECT_EQ(header_from("I"), HeaderId::kCallId);
  EXPECT_EQ(header_from("z"), HeaderId::kOther);
  EXPECT_EQ(header_from(""), HeaderId::kOther);
  for (int i = 0; i < static_cast<int>(Method::kOther); ++i) {
    EXPECT_EQ(method_from(to_string(static_cast<Method>(i))), static_cast<Method>(i));
  }
  EXPECT_EQ(method_from("invite"), Method::kOther);
}

// RFC 3261 7.3.1, 25.1 (HCOLON): white space may stand before the colon, and hides nothing
TEST(SipMessage, WhiteSpaceInHeaderNames) {
  EXPECT_EQ(parse_sip(with("Call-ID", "Call-ID \t: c2\n"))->call_id(), "c2");
  EXPECT_EQ(refused(request("Call-ID : other\n")), 400);
  EXPECT_EQ(refused(request("Call -ID: other\n")), 400);
  EXPECT_EQ(refused(request("X Y: z\n")), 400);
  EXPECT_EQ(refused(request(": z\n")), 400);
  EXPECT_EQ(refused(request("NoColon\n")), 400);
}

TEST(SipMessage, LinesEndWithCrlfAlone) {
  EXPECT_EQ(refused(request("X: a\n")), -1);
  std::string bare = request("X: aY: b\n");
  bare.replace(bare.find("aY"), 2, "a\n");
  EXPECT_EQ(refused(bare), 400);
  bare = request("X: aY: b\n");
  bare.replace(bare.find("aY"), 2, "a\r");
  EXPECT_EQ(refused(bare), 400);
  std::string cut = request();
  cut.resize(cut.size() - 2);
  EXPECT_EQ(refused(cut), 400);
  EXPECT_EQ(refused("\r\n\r\n" + request()), -1);  // RFC 3261 7.5
}

TEST(SipMessage, MandatoryHeadersAreNamedWhenMissing) {
  for (const std::string_view name : {"Via", "To", "From", "Call-ID", "CSeq"}) {
    const auto m = parse_sip(with(name, ""));
    EXPECT_FALSE(m.message);
    EXPECT_EQ(m.failure.status, 400);
    EXPECT_EQ(m.failure.reason, "Missing " + std::string(name));
  }
  EXPECT_EQ(refused(with("Max-Forwards", "")), -1);  // RFC 2543 had none
}

TEST(SipMessage, DuplicatesOfSingleHeadersAreRefused) {
  for (const std::string_view line :
       {"From: <sip:e@x>;tag=2\n", "t: <sip:e@x>\n", "i: c1\n", "CSeq: 7 MESSAGE\n", "Max-Forwards: 70\n",
        "Content-Type: a/b\nc: a/c\n", "Expires: 1\nExpires: 1\n"}) {
    EXPECT_EQ(refused(request(line)), 400) << line;
  }
  EXPECT_EQ(refused(request("l: 0\nContent-Length: 0\n")), -1);
  EXPECT_EQ(refused(request("l: 0\nContent-Length: 1\n", "x")), 400);
}

TEST(SipMessage, NumbersAreBounded) {
  EXPECT_EQ(refused(with("CSeq", "CSeq: 2147483647 MESSAGE\n")), -1);
  for (const std::string_view bad : {"2147483648 MESSAGE", "99999999999999999999 MESSAGE", "-1 MESSAGE",
                                     "MESSAGE", "1", "1MESSAGE", "1 MESSAGE x", ""}) {
    EXPECT_EQ(refused(with("CSeq", "CSeq: " + std::string(bad) + "\n")), 400) << bad;
  }
  for (const std::string_view bad : {"256", "-1", "x", "", "7 0"}) {
    EXPECT_EQ(refused(with("Max-Forwards", "Max-Forwards: " + std::string(bad) + "\n")), 400) << bad;
  }
  for (const std::string_view bad : {"-1", "1", "99999999999999999999999", "0x0", "", "0,0"}) {
    EXPECT_EQ(refused(request("Content-Length: " + std::string(bad) + "\n")), 400) << bad;
  }
  EXPECT_EQ(refused(with("CSeq", "CSeq: 7 INVITE\n")), 400);
}

TEST(SipMessage, StartLines) {
  const auto start = [](const std::string& line) {
    std::string text = request();
    return text.replace(0, text.find("\r\n"), line);
  };
  EXPECT_EQ(refused(start("MESSAGE sip:b@x sip/2.0")), -1);
  EXPECT_EQ(refused(start("MESSAGE sip:b@x SIP/3.0")), 505);
  EXPECT_EQ(refused(start("MESSAGE sip:b@x SIP/")), 400);
  EXPECT_EQ(refused(start("MESSAGE sip:b@x HTTP/1.1")), 400);
  EXPECT_EQ(refused(start("MESSAGE sip:b@x")), 400);
  EXPECT_EQ(refused(start("MESSAGE")), 400);
  EXPECT_EQ(refused(start("MESSAGE sip:" + std::string(9000, 'x') + " SIP/2.0")), 414);
  EXPECT_EQ(refused(start("MESSAGE sip:b@x?Subject=x SIP/2.0")), 400);
  EXPECT_EQ(refused(start("ME\"SSAGE sip:b@x SIP/2.0")), 400);
  EXPECT_EQ(parse_sip(start("MESSAGE soap.beep://x SIP/2.0"))->request_uri().opaque, "//x");
  EXPECT_EQ(parse_sip(start("SIP/2.0 200 OK"))->status(), 200);
  EXPECT_EQ(parse_sip(start("SIP/2.0 200 OK"))->method(), Method::kMessage);
  EXPECT_EQ(parse_sip(start("SIP/2.0 200"))->reason(), "");
  for (const std::string_view bad : {"SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.0 2000 x", "SIP/2.0 20",
                                     "SIP/2.0 2x0 x", "SIP/3.0 200 OK", "SIP/2.0"}) {
    EXPECT_EQ(refused(start(std::string(bad))), 0) << bad;  // responses are dropped
  }
  EXPECT_EQ(refused(""), 0);
  EXPECT_EQ(refused("\r\n\r\n"), 0);
}

TEST(SipMessage, IsBounded) {
  std::string many;
  for (int i = 0; i < 300; ++i) many += "X: y\n";
  EXPECT_EQ(refused(request(many)), 400);
  EXPECT_EQ(refused(request("X: " + std::string(70000, 'x') + "\n")), 513);
  EXPECT_EQ(refused(request("X: " + std::string(60000, 'x') + "\n")), -1);
}

// RFC 3261 20.42
TEST(SipVia, IsReadWithItsLeniencies) {
  auto via = Via::parse("SIP / 2.0 / TLS  host : 5062 ;branch=z9hG4bKa;rport;received=2001:db8::1");
  ASSERT_TRUE(via);
  EXPECT_EQ(via->transport, Transport::kTls);
  EXPECT_EQ(via->host, "host");
  EXPECT_EQ(via->port, 5062);
  EXPECT_EQ(via->params.value("received"), "2001:db8::1");
  via = Via::parse("SIP/2.0/SCTP [2001:db8::1]");
  ASSERT_TRUE(via);
  EXPECT_FALSE(via->known_transport);
  EXPECT_EQ(via->transport_text, "SCTP");
  for (const std::string_view bad :
       {"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 host", "HTTP/2.0/UDP h", "SIP/2.0/UDPhost",
        "SIP/2.0/UDP host:", "SIP/2.0/UDP host:0", "SIP/2.0/UDP host:99999", "SIP/2.0/UDP h;;",
        "SIP/2.0/UDP h x", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h;branch="}) {
    EXPECT_FALSE(Via::parse(bad)) << bad;
  }
}

TEST(SipMessage, MediaTypeIsLowerCase) {
  const auto m = parse_sip(request("Content-Type: Application / SDP ;charset=x\n"));
  EXPECT_EQ(m->media_type(), "application/sdp");
  EXPECT_EQ(m->content_type(), "Application / SDP ;charset=x");
}

// RFC 3261 8.2.2.3
TEST(RequestCheck, NamesUnknownExtensions) {
  const auto failure = check_request(*parse_sip(request("Require: timer, x\nRequire: y\n")).message);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->status, 420);
  EXPECT_EQ(failure->header, HeaderId::kUnsupported);
  EXPECT_EQ(failure->header_value, "x, y");
  EXPECT_FALSE(check_request(*parse_sip(request("Require: timer, 100REL\n")).message));
}

TEST(RequestCheck, ChecksAddressesAndDates) {
  const auto status = [](std::string_view line) {
    const auto failure = check_request(*parse_sip(request(line)).message);
    return failure ? failure->status : 200;
  };
  EXPECT_EQ(status("Contact: <sip:a@b>, <sip:c@d>;q=1\n"), 200);
  EXPECT_EQ(status("Contact: <sip:a@b>;;\n"), 400);
  EXPECT_EQ(status("Contact: *\n"), 400);
  EXPECT_EQ(status("Route: <sip:a@b;lr>, <nonsense>\n"), 400);
  EXPECT_EQ(status("Date: Sat, 13 Nov 2010 23:29:00 GMT\n"), 200);
  EXPECT_EQ(status("Date: Sat, 13 Nov 2010 25:29:00 GMT\n"), 400);
  EXPECT_EQ(status("Date: Sat, 13 Nox 2010 23:29:00 GMT\n"), 400);
  EXPECT_EQ(status("Date: yesterday\n"), 400);
}

TEST(RequestCheck, ChecksContent) {
  constexpr std::string_view kTypes[] = {"text/plain"};
  auto checks = RequestChecks::defaults();
  checks.content_types = kTypes;
  const auto status = [&](std::string_view head) {
    const auto failure = check_request(*parse_sip(request(head, "x")).message, checks);
    return failure ? failure->status : 200;
  };
  EXPECT_EQ(status("Content-Type: Text/Plain;charset=UTF-8\n"), 200);
  EXPECT_EQ(status("Content-Type: text/html\n"), 415);
  EXPECT_EQ(status("Content-Type: text/html\nContent-Disposition: render;handling=optional\n"), 200);
  EXPECT_EQ(status("Content-Type: text/plain\nContent-Encoding: gzip\n"), 415);
  EXPECT_EQ(
      check_request(*parse_sip(request("Content-Type: text/html\n", "x")).message, checks)->header_value,
      "text/plain");
}

}  // namespace
}  // namespace sip
