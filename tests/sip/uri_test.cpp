#include "sip/uri.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace sip {
namespace {

Uri uri(std::string_view text) {
  auto result = Uri::parse(text);
  EXPECT_TRUE(result) << text;
  return result ? *result : Uri{};
}
bool same(std::string_view a, std::string_view b) {
  const bool forth = equivalent(uri(a), uri(b));
  EXPECT_EQ(forth, equivalent(uri(b), uri(a)));
  return forth;
}

// RFC 3261 19.1.1
TEST(SipUri, HasItsParts) {
  const Uri u = uri("sip:alice:secret@example.com:5070;transport=tcp;lr;x=%41?subject=a&to=b");
  EXPECT_EQ(u.scheme, "sip");
  EXPECT_EQ(u.user, "alice");
  EXPECT_EQ(u.password, "secret");
  EXPECT_EQ(u.host, "example.com");
  EXPECT_EQ(u.port, 5070);
  EXPECT_EQ(u.params.value("TRANSPORT"), "tcp");
  EXPECT_TRUE(u.params.has("lr"));
  EXPECT_EQ(u.params.value("lr"), "");
  EXPECT_FALSE(u.params.has("r"));
  EXPECT_EQ(u.headers, "subject=a&to=b");
  EXPECT_TRUE(u.is_sip());
  EXPECT_FALSE(u.is_sips());
  EXPECT_TRUE(uri("SIPS:a@b").is_sips());
}

TEST(SipUri, TakesWhatBrowsersAndPhonesSend) {
  EXPECT_EQ(uri("sip:p4790kr7@4it3bkcoatv4.invalid;transport=ws;ob").host, "4it3bkcoatv4.invalid");
  EXPECT_EQ(uri("sip:*98#@pbx").user, "*98#");
  EXPECT_EQ(uri("sip:1000@[2001:db8::1]:5060;x=y").host, "[2001:db8::1]");
  EXPECT_EQ(uri("sip:[::ffff:192.0.2.1]").host, "[::ffff:192.0.2.1]");
  EXPECT_EQ(uri("sip:my_host").host, "my_host");
  EXPECT_EQ(uri("tel:+1-201-555-0123;phone-context=x").opaque, "+1-201-555-0123;phone-context=x");
}

TEST(SipUri, RefusesWhatIsMalformed) {
  for (const std::string_view bad : {"",
                                     "sip",
                                     "sip:",
                                     "sip:@host",
                                     "sip:a@",
                                     "sip:a@b@c",
                                     "sip:a@host:",
                                     "sip:a@host:0",
                                     "sip:a@host:65536",
                                     "sip:a@host:5x",
                                     "sip:2001:db8::10",
                                     "sip:[2001:db8::10",
                                     "sip:[zz]",
                                     "sip:[1.2.3.4]",
                                     "sip:a b@host",
                                     "sip:a@host;",
                                     "sip:a@host;;lr",
                                     "sip:a@host;x=1;y;X=2",
                                     "sip:a@host;x=1;x",
                                     "sip:a@host;x;x=1",
                                     "sip:a@host;=x",
                                     "sip:a@host;x=",
                                     "sip:a@host?",
                                     "sip:%4@host",
                                     "sip:%zz@host",
                                     "sip:a@host;x=%1",
                                     "<sip:a@host>",
                                     "sip:a\r\n@host",
                                     "sip:\xc3\xa9@host",
                                     "1sip:a@b",
                                     "x:",
                                     "x:a b",
                                     "sip:a@.host",
                                     "sip:a@host;x=\"y\"",
                                     "x:a<b"}) {
    EXPECT_FALSE(Uri::parse(bad)) << bad;
  }
  EXPECT_FALSE(Uri::parse("sip:a@" + std::string(9000, 'x')));
  std::string many = "sip:a@b";
  for (int i = 0; i < 100; ++i) many += ";p" + std::to_string(i);
  EXPECT_FALSE(Uri::parse(many));
}

// RFC 3261 19.1.4: the section's own examples
TEST(SipUri, ComparesAsTheRfcSays) {
  EXPECT_TRUE(same("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"));
  EXPECT_TRUE(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
  EXPECT_TRUE(same("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
  EXPECT_TRUE(same("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                   "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
  EXPECT_TRUE(same("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                   "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
  EXPECT_FALSE(same("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
  EXPECT_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
  EXPECT_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
  EXPECT_FALSE(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
  EXPECT_FALSE(same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
  EXPECT_FALSE(same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
  EXPECT_FALSE(same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
  EXPECT_FALSE(same("sip:a@b", "sips:a@b"));
  EXPECT_FALSE(same("sip:a%3bb@c", "sip:a;b@c"));  // ';' is reserved
}

TEST(SipUri, EscapesAndUnescapes) {
  EXPECT_EQ(unescape("a%20b%00%zz%4"), std::string_view("a b\0%zz%4", 9));
  EXPECT_EQ(escape_user("a b@c\xc3\xa9#"), "a%20b%40c%C3%A9%23");
  EXPECT_EQ(unescape(escape_user("J\xc3\xb6rg <x>:\"%")), "J\xc3\xb6rg <x>:\"%");
  EXPECT_TRUE(Uri::parse("sip:" + escape_user("any thing: \r\n\xff") + "@host"));
}

// RFC 3261 20.10
TEST(NameAddr, ReadsDisplayNameAddressAndParameters) {
  auto a = NameAddr::parse(R"( "A \"q\" \\ <x>;,"  <sip:a@b;p=1>;tag=xyz ; q = 0.5;s="a;b")");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->display(), R"(A "q" \ <x>;,)");
  EXPECT_EQ(a->uri_text, "sip:a@b;p=1");
  EXPECT_EQ(a->uri.params.value("p"), "1");
  EXPECT_EQ(a->tag(), "xyz");
  EXPECT_EQ(a->params.value("q"), "0.5");
  EXPECT_EQ(a->params.value("s"), "\"a;b\"");
  EXPECT_FALSE(a->params.has("p"));

  a = NameAddr::parse("Two  Words <sip:a@b>");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->display(), "Two  Words");
  EXPECT_EQ(a->tag(), "");

  a = NameAddr::parse("J\xc3\xb6rg <sip:a@b>");  // unquoted UTF-8 occurs
  ASSERT_TRUE(a);
  EXPECT_EQ(a->display(), "J\xc3\xb6rg");

  a = NameAddr::parse("sip:a@b;tag=1;x");  // without brackets the parameters are the header's
  ASSERT_TRUE(a);
  EXPECT_EQ(a->uri.text, "sip:a@b");
  EXPECT_TRUE(a->uri.params.empty());
  EXPECT_EQ(a->tag(), "1");

  a = NameAddr::parse("<sip:a@b>;+sip.instance=\"<urn:uuid:0>\";reg-id=1;branch=a=b/c");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->params.value("+sip.instance"), "\"<urn:uuid:0>\"");
  EXPECT_EQ(a->params.value("branch"), "a=b/c");
}

TEST(NameAddr, RefusesWhatIsMalformed) {
  for (const std::string_view bad :
       {"", "*", "<>", "<sip:a@b", "\"x <sip:a@b>", "\"x\" sip:a@b", "Bell, A <sip:a@b>", "< sip:a@b>",
        "<sip:a@b >", "<sip:a@b>;;", "<sip:a@b>;", "<sip:a@b>x", "<sip:a@b>;tag=", "<sip:a@b>;tag=\"x",
        "sip:a@b?x=y", "sip:a@b,sip:c@d", "<sip:a@b>, <sip:c@d>", "<sip:a@b>;tag=a b"}) {
    EXPECT_FALSE(NameAddr::parse(bad)) << bad;
  }
}

TEST(NameAddr, QuotesSafely) {
  EXPECT_EQ(quote("a\"b\\c\r\nEvil: x"), R"("a\"b\\cEvil: x")");
  const std::string text = quote("a\"b\\c") + " <sip:a@b>";
  const auto back = NameAddr::parse(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->display(), "a\"b\\c");
}

TEST(Params, AreFoundInOrderAndWithoutCase) {
  const Params params(";a;B=2; c = \"x;y\" ;a=3");
  std::string seen;
  params.for_each(
      [&](const Param& p) { seen += std::string(p.name) + "=" + std::string(p.value.value_or("-")) + "|"; });
  EXPECT_EQ(seen, "a=-|B=2|c=\"x;y\"|a=3|");
  EXPECT_EQ(params.value("b"), "2");
  EXPECT_FALSE(params.find("a")->value);
  EXPECT_EQ(Params().value("x"), "");
}

}  // namespace
}  // namespace sip
