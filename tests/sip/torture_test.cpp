// RFC 4475, whole (RFC 5118 is in torture_ipv6_test.cpp): each valid message has the values that its section
// names, each invalid one gets the answer that it names. The messages are in tests/torture/.
#include <gtest/gtest.h>

#include <filesystem>

#include "sip/digest.hpp"
#include "sip/framer.hpp"
#include "sip/request_check.hpp"
#include "support/sip_torture.hpp"

namespace sip {
namespace {

using test::contact;
using test::expect_answer;
using test::judged;
using test::parse_sip;
using test::status;
using test::torture_message;
using test::valid;
using test::vias;

// RFC 4475 3.1.1.1
TEST(Torture, Wsinv) {
  const auto m = valid("wsinv");
  EXPECT_EQ(m->method(), Method::kInvite);
  EXPECT_EQ(m->request_uri().user, "vivekg");
  EXPECT_EQ(m->request_uri().host, "chair-dnrc.example.com");
  EXPECT_TRUE(m->request_uri().params.has("unknownparam"));
  EXPECT_EQ(m->to().uri_text, "sip:vivekg@chair-dnrc.example.com");
  EXPECT_EQ(m->to_tag(), "1918181833n");
  EXPECT_EQ(m->from().display(), "J Rosenberg \\\"");
  EXPECT_EQ(m->from().uri_text, "sip:jdrosen@example.com");
  EXPECT_EQ(m->from_tag(), "98asjd8");
  EXPECT_EQ(m->max_forwards(), 68);
  EXPECT_EQ(m->call_id(), "wsinv.ndaksdj@192.0.2.1");
  EXPECT_EQ(m->cseq().number, 9u);
  EXPECT_EQ(m->cseq().method, Method::kInvite);
  const auto v = vias(*m.message);
  ASSERT_EQ(v.size(), 3u);
  EXPECT_EQ(v[0].host, "192.0.2.2");
  EXPECT_EQ(v[0].branch(), "390skdjuw");
  EXPECT_EQ(v[1].transport, Transport::kTcp);
  EXPECT_EQ(v[1].host, "spindle.example.com");
  EXPECT_EQ(v[1].branch(), "z9hG4bK9ikj8");
  EXPECT_EQ(v[2].host, "192.168.255.111");
  EXPECT_EQ(v[2].branch(), "z9hG4bK30239");
  ASSERT_TRUE(m->find(HeaderId::kSubject));
  EXPECT_EQ(m->value(HeaderId::kSubject), "");
  EXPECT_EQ(m->value("newfangledheader"), "newfangled value\r\n continued newfangled value");
  EXPECT_EQ(m->value("UnknownHeaderWithUnusualValue"), ";;,,;;,;");
  const auto route = NameAddr::parse(m->values(HeaderId::kRoute).at(0));
  ASSERT_TRUE(route);
  EXPECT_TRUE(route->uri.params.has("lr"));
  EXPECT_EQ(route->uri.params.value("unknownwith"), "value");
  EXPECT_TRUE(route->uri.params.has("unknown-no-value"));
  const auto c = contact(*m.message);
  EXPECT_EQ(c.display(), "Quoted string \"\"");
  EXPECT_EQ(c.params.value("newparam"), "newvalue");
  EXPECT_TRUE(c.params.has("secondparam"));
  EXPECT_EQ(c.params.value("q"), "0.33");
  EXPECT_EQ(m->media_type(), "application/sdp");
  EXPECT_EQ(m->body().size(), 150u);
  EXPECT_EQ(status("wsinv"), 200);
}

// RFC 4475 3.1.1.2
TEST(Torture, Intmeth) {
  const auto m = valid("intmeth");
  EXPECT_EQ(m->method(), Method::kOther);
  EXPECT_EQ(m->method_text(), "!interesting-Method0123456789_*+`.%indeed'~");
  EXPECT_EQ(m->request_uri().user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(m->request_uri().password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  EXPECT_EQ(m->request_uri().host, "example.com");
  EXPECT_EQ(m->top_via().branch(), "z9hG4bK-.!%66*_+`'~");
  EXPECT_EQ(m->to().display(), std::string_view("BEL:\x07 NUL:\0 DEL:\x7f", 17));
  EXPECT_EQ(m->to().uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  EXPECT_EQ(m->from().display(), "token1~` token2'+_ token3*%!.-");
  EXPECT_EQ(m->from().params.value("fromParam''~+*_!.-%"),
            "\"\xd1\x80\xd0\xb0\xd0\xb1\xd0\xbe\xd1\x82\xd0\xb0\xd1\x8e\xd1\x89\xd0\xb8\xd0\xb9\"");
  EXPECT_EQ(m->from_tag(), "_token~1'+`*%!-.");
  EXPECT_EQ(m->call_id(), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
  EXPECT_EQ(m->cseq().number, 139122385u);
  EXPECT_EQ(m->max_forwards(), 255);
  EXPECT_EQ(m->value("extensionHeader-!.%*+_`'~"), "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb");
}

// RFC 4475 3.1.1.3
TEST(Torture, Esc01) {
  const auto m = valid("esc01");
  EXPECT_EQ(m->request_uri().scheme, "sip");  // the escaped "sips:" is a user's name
  EXPECT_EQ(unescape(m->request_uri().user), "sips:user@example.com");
  EXPECT_EQ(m->request_uri().host, "example.net");
  EXPECT_EQ(unescape(m->to().uri.user), "user");
  EXPECT_EQ(unescape(m->from().uri.user), "I have spaces");
  const auto c = contact(*m.message);
  EXPECT_EQ(unescape(c.uri.user), "caller");
  std::vector<std::string> params;
  c.uri.params.for_each(
      [&](const Param& p) { params.push_back(unescape(p.name) + "=" + unescape(p.value.value_or(""))); });
  EXPECT_EQ(params, (std::vector<std::string>{"lr=", "name=value%41"}));  // unescaped once
}

// RFC 4475 3.1.1.4
TEST(Torture, Escnull) {
  const auto m = valid("escnull");
  EXPECT_EQ(unescape(m->to().uri.user), std::string_view("null-\0-null", 11));
  EXPECT_EQ(unescape(contact(*m.message, 0).uri.user), std::string_view("\0", 1));
  EXPECT_EQ(unescape(contact(*m.message, 1).uri.user), std::string_view("\0\0", 2));
  EXPECT_FALSE(equivalent(contact(*m.message, 0).uri, contact(*m.message, 1).uri));
  EXPECT_EQ(status("escnull"), 200);
}

// RFC 4475 3.1.1.5
TEST(Torture, Esc02) {
  const auto m = valid("esc02");
  EXPECT_EQ(m->method_text(), "RE%47IST%45R");
  EXPECT_NE(m->method(), Method::kRegister);
  EXPECT_EQ(m->to().display(), "%Z%45");
  EXPECT_EQ(m->top_via().branch(), "z9hG4bK209%fzsnel234");
  EXPECT_EQ(m->values(HeaderId::kContact).size(), 2u);
  EXPECT_EQ(m->value("C%6Fntact"), "<sip:alias2@host2.example.com>");
}

// RFC 4475 3.1.1.6
TEST(Torture, Lwsdisp) {
  const auto m = valid("lwsdisp");
  EXPECT_EQ(m->from().display(), "caller");
  EXPECT_EQ(m->from().uri_text, "sip:caller@example.com");
  EXPECT_EQ(m->from_tag(), "323");
}

// RFC 4475 3.1.1.7
TEST(Torture, Longreq) {
  const auto m = valid("longreq");
  EXPECT_EQ(m->to().uri.port, 6000);
  EXPECT_EQ(m->to().display().size(), 103u);
  EXPECT_TRUE(m->from_tag().starts_with("12982982"));
  EXPECT_EQ(vias(*m.message).size(), 34u);
  EXPECT_EQ(vias(*m.message).back().params.value("received"), "192.0.2.5");
  EXPECT_TRUE(vias(*m.message).back().branch().ends_with("branchvalue"));
  EXPECT_EQ(m->top_via().host, "sip33.example.com");
  EXPECT_EQ(m->body().size(), 150u);
  EXPECT_EQ(status("longreq"), 200);
}

// RFC 4475 3.1.1.8
TEST(Torture, Dblreq) {
  const auto m = valid("dblreq");  // a datagram holds one request; what is after it is dropped
  EXPECT_EQ(m->method(), Method::kRegister);
  EXPECT_EQ(m->call_id(), "dblreq.0ha0isndaksdj99sdfafnl3lk233412");
  EXPECT_EQ(m->body(), "");
  StreamFramer framer;  // over a stream they are two
  framer.append(torture_message("dblreq"));
  std::vector<Method> methods;
  for (auto frame = framer.next(); frame && *frame; frame = framer.next()) {
    if ((*frame)->kind == StreamFramer::Kind::kMessage)
      methods.push_back(parse_sip((*frame)->message)->method());
  }
  EXPECT_EQ(methods, (std::vector<Method>{Method::kRegister, Method::kInvite}));
}

// RFC 4475 3.1.1.9
TEST(Torture, Semiuri) {
  const auto m = valid("semiuri");
  EXPECT_EQ(unescape(m->request_uri().user), "user;par=u@example.net");
  EXPECT_EQ(m->request_uri().host, "example.com");
  EXPECT_TRUE(m->request_uri().params.empty());
  EXPECT_EQ(m->values(HeaderId::kAccept).size(), 6u);
}

// RFC 4475 3.1.1.10
TEST(Torture, Transports) {
  const auto m = valid("transports");
  const auto v = vias(*m.message);
  ASSERT_EQ(v.size(), 5u);
  const std::pair<std::string_view, bool> expected[] = {
      {"UDP", true}, {"SCTP", false}, {"TLS", true}, {"UNKNOWN", false}, {"TCP", true}};
  for (std::size_t i = 0; i < v.size(); ++i) {
    EXPECT_EQ(v[i].transport_text, expected[i].first);
    EXPECT_EQ(v[i].known_transport, expected[i].second);
    EXPECT_EQ(v[i].host, "t" + std::to_string(i + 1) + ".example.com");
  }
}

// RFC 4475 3.1.1.11
TEST(Torture, Mpart01) {
  const auto m = valid("mpart01");
  EXPECT_EQ(m->method(), Method::kMessage);
  EXPECT_EQ(m->media_type(), "multipart/mixed");
  EXPECT_EQ(m->body().size(), 553u);
  EXPECT_NE(m->body().find('\0'), std::string_view::npos);
  EXPECT_TRUE(m->body().ends_with("\r\n--7a9cbec02ceef655--\r\n"));
  EXPECT_TRUE(m->top_via().params.has("rport"));
  EXPECT_EQ(status("mpart01"), 200);
}

// RFC 4475 3.1.1.12
TEST(Torture, Unreason) {
  const auto m = valid("unreason");
  EXPECT_EQ(m->status(), 200);
  EXPECT_EQ(m->reason(),
            "= 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe "
            "\xd0\xb4\xd0\xb5\xd0\xb2\xd1\x8f\xd0\xbd\xd0\xbe\xd1\x81\xd1\x82\xd0\xbe "
            "\xd0\xb4\xd0\xb5\xd0\xb2\xd1\x8f\xd1\x82\xd1\x8c - "
            "\xd0\xbf\xd1\x80\xd0\xbe\xd1\x81\xd1\x82\xd0\xbe\xd0\xb5");
  EXPECT_EQ(m->method(), Method::kInvite);
}

// RFC 4475 3.1.1.13
TEST(Torture, Noreason) {
  const auto m = valid("noreason");
  EXPECT_EQ(m->status(), 100);
  EXPECT_EQ(m->reason(), "");
}

// RFC 4475 3.1.2.1, 3.1.2.2, 3.1.2.3, 3.1.2.4, 3.1.2.6, 3.1.2.7, 3.1.2.8, 3.1.2.9, 3.1.2.10, 3.1.2.11
TEST(Torture, InvalidRequestsGet400) {
  for (const std::string_view name : {"badinv01", "clerr", "ncl", "scalar02", "quotbal", "ltgtruri",
                                      "lwsruri", "lwsstart", "trws", "escruri"}) {
    expect_answer(name, 400);
  }
}

// RFC 4475 3.1.2.2: over a stream the missing bytes would still come
TEST(Torture, ClerrOnAStreamWaits) {
  StreamFramer framer;
  framer.append(torture_message("clerr"));
  const auto frame = framer.next();
  ASSERT_TRUE(frame);
  EXPECT_FALSE(*frame);
}

// RFC 4475 3.1.2.3: a stream can't be followed past it
TEST(Torture, NclEndsAStream) {
  StreamFramer framer;
  framer.append(torture_message("ncl"));
  EXPECT_FALSE(framer.next());
}

// RFC 4475 3.1.2.5, 3.1.2.19: such responses are dropped
TEST(Torture, InvalidResponsesAreDropped) {
  for (const std::string_view name : {"scalarlg", "bigcode"}) {
    const auto parsed = parse_sip(torture_message(name));
    EXPECT_FALSE(parsed.message) << name;
    EXPECT_EQ(parsed.failure.status, 0) << name;
    EXPECT_FALSE(make_failure_response(torture_message(name), test::udp_source(), parsed.failure));
  }
}

// RFC 4475 3.1.2.12
TEST(Torture, Baddate) {
  valid("baddate");
  EXPECT_EQ(status("baddate"), 400);
}

// RFC 4475 3.1.2.13
TEST(Torture, Regbadct) {
  valid("regbadct");
  EXPECT_EQ(status("regbadct"), 400);
}

// RFC 4475 3.1.2.14, 3.1.2.15
TEST(Torture, BadAddresses) {
  expect_answer("badaspec", 400);
  expect_answer("baddn", 400);
}

// RFC 4475 3.1.2.16
TEST(Torture, Badvers) {
  expect_answer("badvers", 505);
}

// RFC 4475 3.1.2.17, 3.1.2.18
TEST(Torture, MethodMismatch) {
  expect_answer("mismatch01", 400);
  expect_answer("mismatch02", 501);
}

// RFC 4475 3.2.1: refused rather than treated as RFC 2543's
TEST(Torture, Badbranch) {
  expect_answer("badbranch", 400);
}

// RFC 4475 3.3.1
TEST(Torture, Insuf) {
  const auto parsed = parse_sip(torture_message("insuf"));
  EXPECT_FALSE(parsed.message);
  EXPECT_EQ(parsed.failure.reason, "Missing From");
  expect_answer("insuf", 400);
}

// RFC 4475 3.3.2, 3.3.3
TEST(Torture, UnknownSchemes) {
  EXPECT_EQ(valid("unkscm")->request_uri().scheme, "nobodyKnowsThisScheme");
  EXPECT_EQ(status("unkscm"), 416);
  EXPECT_EQ(valid("novelsc")->request_uri().scheme, "soap.beep");
  EXPECT_EQ(status("novelsc"), 416);
}

// RFC 4475 3.3.4: well-formed, and refused by a registrar since To names no SIP address
TEST(Torture, Unksm2) {
  const auto m = valid("unksm2");
  EXPECT_EQ(m->to().uri.scheme, "isbn");
  EXPECT_EQ(m->from().uri_text, "http://www.example.com");
  EXPECT_EQ(contact(*m.message).uri.opaque, "John_Smith");
  EXPECT_EQ(status("unksm2"), 400);
}

// RFC 4475 3.3.5
TEST(Torture, Bext01) {
  auto failure = judged("bext01");
  EXPECT_EQ(failure.status, 420);
  EXPECT_EQ(failure.header, HeaderId::kUnsupported);
  EXPECT_EQ(failure.header_value, "nothingSupportsThis, nothingSupportsThisEither");
  auto checks = RequestChecks::defaults();
  constexpr std::string_view kBoth[] = {"nothingSupportsThis", "nothingSupportsThisEither"};
  checks.extensions = kBoth;
  EXPECT_EQ(judged("bext01", checks).status, 200);  // Proxy-Require is not for a user agent
  checks.forwarding = true;
  failure = judged("bext01", checks);
  EXPECT_EQ(failure.status, 420);
  EXPECT_EQ(failure.header_value, "noProxiesSupportThis, norDoAnyProxiesSupportThis");
}

// RFC 4475 3.3.6
TEST(Torture, Invut) {
  EXPECT_EQ(valid("invut")->media_type(), "application/unknownformat");
  auto checks = RequestChecks::defaults();
  constexpr std::string_view kTypes[] = {"application/sdp"};
  checks.content_types = kTypes;
  const auto failure = judged("invut", checks);
  EXPECT_EQ(failure.status, 415);
  EXPECT_EQ(failure.header, HeaderId::kAccept);
  EXPECT_EQ(failure.header_value, "application/sdp");
}

// RFC 4475 3.3.7: as if it carried no credentials, so the registrar challenges with 401
TEST(Torture, Regaut01) {
  const auto m = valid("regaut01");
  EXPECT_EQ(status("regaut01"), 200);
  const auto credentials = parse_authorization(m->value(HeaderId::kAuthorization));
  ASSERT_FALSE(credentials);
  EXPECT_EQ(credentials.error().code, base::ErrorCode::kUnsupported);
}

// RFC 4475 3.3.8, 3.3.9
TEST(Torture, ValuesThatMayBeGivenOnce) {
  expect_answer("multi01", 400);
  expect_answer("mcl01", 400);
}

// RFC 4475 3.3.10: a client drops it for its two Via values (RFC 3261 8.1.3.3); a proxy must not send to
// 255.255.255.255
TEST(Torture, Bcast) {
  const auto m = valid("bcast");
  EXPECT_EQ(m->status(), 200);
  const auto v = vias(*m.message);
  ASSERT_EQ(v.size(), 2u);
  EXPECT_EQ(v[1].host, "255.255.255.255");
}

// RFC 4475 3.3.11
TEST(Torture, Zeromf) {
  EXPECT_EQ(valid("zeromf")->max_forwards(), 0);
  EXPECT_EQ(status("zeromf"), 200);  // for whom it is addressed to
  auto checks = RequestChecks::defaults();
  checks.forwarding = true;
  EXPECT_EQ(judged("zeromf", checks).status, 483);
}

// RFC 4475 3.3.12, 3.3.13: the header's parameter, and the URI's
TEST(Torture, Cparam) {
  const auto header = valid("cparam01");
  EXPECT_TRUE(contact(*header.message).params.has("unknownparam"));
  EXPECT_EQ(contact(*header.message).uri_text, "sip:+19725552222@gw1.example.net");
  const auto in_uri = valid("cparam02");
  EXPECT_FALSE(contact(*in_uri.message).params.has("unknownparam"));
  EXPECT_TRUE(contact(*in_uri.message).uri.params.has("unknownparam"));
  EXPECT_EQ(contact(*in_uri.message).uri_text, "sip:+19725552222@gw1.example.net;unknownparam");
  EXPECT_EQ(status("cparam01"), 200);
  EXPECT_EQ(status("cparam02"), 200);
}

// RFC 4475 3.3.14
TEST(Torture, Regescrt) {
  const auto m = valid("regescrt");
  EXPECT_EQ(contact(*m.message).uri_text, "sip:user@example.com?Route=%3Csip:sip.example.com%3E");
  EXPECT_EQ(contact(*m.message).uri.headers, "Route=%3Csip:sip.example.com%3E");
  EXPECT_EQ(status("regescrt"), 200);
}

// RFC 4475 3.3.15
TEST(Torture, Sdp01) {
  EXPECT_TRUE(valid("sdp01")->lists(HeaderId::kAccept, "text/nobodyKnowsThis"));
  EXPECT_EQ(status("sdp01"), 406);
}

// RFC 4475 3.4.1
TEST(Torture, Inv2543) {
  const auto m = valid("inv2543");
  EXPECT_EQ(m->top_via().branch(), "");
  EXPECT_EQ(m->from_tag(), "");
  EXPECT_FALSE(m->max_forwards());
  EXPECT_EQ(m->from().uri.user, "+13035551111");
  EXPECT_EQ(m->to().params.value("user"), "phone");  // without brackets it is To's
  EXPECT_TRUE(m->body().starts_with("v=0\r\n"));
  EXPECT_EQ(status("inv2543"), 200);
}

// Every message, cut and bent at every byte, is parsed or refused, never more; for the sanitizers.
TEST(Torture, CutAndBent) {
  const std::filesystem::path folder = std::filesystem::path(PARLEY_SOURCE_DIR) / "tests/torture";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".dat") continue;
    ++files;
    const std::string whole = torture_message(entry.path().stem().string());
    ASSERT_FALSE(whole.empty());
    for (std::size_t i = 0; i < whole.size(); i += 3) {
      for (std::string bytes : {whole.substr(0, i), whole}) {
        if (i < bytes.size()) bytes[i] = static_cast<char>("\0\r\n\",<;:"[i % 8]);
        const auto parsed = parse_sip(bytes);
        if (!parsed.message) make_failure_response(bytes, test::udp_source(), parsed.failure);
        if (parsed.message && parsed->is_request()) {
          check_request(*parsed.message);
          EXPECT_TRUE(start_response(*parsed.message, test::udp_source(), 200, "t")
                          .finish()
                          .starts_with("SIP/2.0 200"));
        }
      }
    }
  }
  EXPECT_EQ(files, 61u);
}

}  // namespace
}  // namespace sip
