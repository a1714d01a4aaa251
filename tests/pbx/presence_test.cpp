// Presence and busy lamps: what accounts are told of each other, and what is taken for it.
#include "support/subscriber.hpp"

namespace {

using namespace test_support;

struct PresenceTest : testing::Test {
  PbxWorld world{[] {
    pbx::PbxConfig c;
    c.lines = {{.name = "Webphone1"}};
    c.requests_per_second = 0;
    return c;
  }()};
  Client& alice = world.registered(world.phone("alice", "Alice", sip::Transport::kTcp));

  static bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }
  sip::MessagePtr publish(Client& client, const std::string& body, const std::string& headers = {}, const std::string& to = {}) {
    return client.request("PUBLISH", "sip:" + (to.empty() ? client.account : to) + "@parley", "Event: presence\r\n" + headers,
                          body.empty() ? "" : "application/pidf+xml", body);
  }
  static std::string pidf(const std::string& inner) {
    return "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\" "
           "xmlns:d=\"urn:ietf:params:xml:ns:pidf:data-model\" entity=\"sip:x@y\">" + inner + "</presence>";
  }
};

// RFC 3863 4.1, RFC 3856 6.4
TEST_F(PresenceTest, OpenAsLongAsThereIsAContact) {
  auto& watch = subscribe(alice, "bob", "presence", "Accept: application/pidf+xml\r\n");
  ASSERT_EQ(status(watch), 200);
  EXPECT_TRUE(has(notified(watch).at(0), "<basic>closed</basic>"));
  EXPECT_TRUE(has(notified(watch).at(0), "entity=\"sip:bob@parley\""));
  EXPECT_TRUE(has(subscription_state(watch), "active;expires="));
  auto& bob = world.registered(world.phone("bob"));
  ASSERT_EQ(notified(watch).size(), 2u);
  EXPECT_TRUE(has(notified(watch).at(1), "<basic>open</basic>"));
  bob.register_contact();                                        // a refresh is no news
  EXPECT_EQ(notified(watch).size(), 2u);
  bob.request("REGISTER", "sip:parley", "Contact: *\r\nExpires: 0\r\n");
  EXPECT_TRUE(has(notified(watch).at(2), "<basic>closed</basic>"));
}

TEST_F(PresenceTest, AContactThatRunsOutIsNoticed) {
  auto& bob = world.phone("bob");
  bob.password = "secret of bob";
  bob.register_contact("Contact: " + bob.contact() + "\r\nExpires: 120\r\n");
  auto& watch = subscribe(alice, "bob", "presence");
  EXPECT_TRUE(has(notified(watch).back(), "<basic>open</basic>"));
  world.advance(119s);
  EXPECT_EQ(notified(watch).size(), 1u);
  world.advance(2s);
  ASSERT_EQ(notified(watch).size(), 2u);
  EXPECT_TRUE(has(notified(watch).back(), "<basic>closed</basic>"));
}

TEST_F(PresenceTest, SurvivalItem22AccountsAloneMayLook) {
  EXPECT_EQ(status(subscribe(world.phone("visitor"), "bob", "presence")), 401);
  EXPECT_EQ(status(subscribe(world.phone("bob"), "alice", "presence")), 401);   // without its password
  EXPECT_EQ(status(subscribe(webphone(world, "Ann"), "bob", "presence")), 403);
  EXPECT_EQ(status(subscribe(webphone(world, "Ann"), "bob", "dialog")), 403);
  EXPECT_EQ(status(subscribe(alice, "nobody", "presence")), 404);
  EXPECT_EQ(status(subscribe(alice, "bob", "presence", "Accept: text/plain\r\n")), 406);
  EXPECT_EQ(status(subscribe(alice, "bob", "winfo")), 489);
  EXPECT_EQ(status(subscribe(alice, "bob", "presence", "Expires: 10\r\n")), 423);
  EXPECT_EQ(status(subscribe(webphone(world, "", {.line = "carol", .password = "secret of carol"}), "bob", "presence")), 200);
}

// RFC 6665 4.4.3
TEST_F(PresenceTest, AFetchIsOneNotify) {
  auto& watch = subscribe(alice, "bob", "presence", "Expires: 0\r\n");
  EXPECT_EQ(status(watch), 200);
  ASSERT_EQ(notified(watch).size(), 1u);
  EXPECT_TRUE(has(notified(watch).at(0), "<basic>closed</basic>"));
  EXPECT_EQ(subscription_state(watch), "terminated;reason=timeout");
  world.advance(1s);
  EXPECT_EQ(world.pbx.presence().size(), 0u);
}

// RFC 3903 6
TEST_F(PresenceTest, SurvivalItem11StatusTextIsPublishedAndEscaped) {
  auto& bob = world.registered(world.phone("bob"));
  auto& watch = subscribe(alice, "bob", "presence");
  const auto answer = publish(bob, pidf("<tuple id=\"a\"><status><basic>open</basic></status><note>Lunch &lt;b&gt; &amp; \"more\"</note></tuple>"
                                        "<d:person id=\"p\"><r:activities><r:away/></r:activities></d:person>"));
  ASSERT_EQ(answer->status(), 200);
  const std::string tag(answer->value("SIP-ETag"));
  EXPECT_FALSE(tag.empty());
  EXPECT_TRUE(has(notified(watch).back(), "Lunch &lt;b&gt; &amp; &quot;more&quot;"));
  EXPECT_TRUE(has(notified(watch).back(), "<rpid:away/>"));
  EXPECT_EQ(publish(bob, {}, "SIP-If-Match: nonsense\r\n")->status(), 412);
  EXPECT_EQ(publish(bob, {}, "SIP-If-Match: " + tag + "\r\nExpires: 5\r\n")->status(), 423);
  EXPECT_EQ(publish(bob, {}, "SIP-If-Match: " + tag + "\r\nExpires: 0\r\n")->status(), 200);
  EXPECT_FALSE(has(notified(watch).back(), "Lunch"));
}

TEST_F(PresenceTest, WhoSaysClosedIsClosedAndPublicationsRunOut) {
  auto& bob = world.registered(world.phone("bob"));
  auto& watch = subscribe(alice, "bob", "presence");
  EXPECT_EQ(publish(bob, pidf("<tuple id=\"a\"><status><basic>closed</basic></status></tuple>"), "Expires: 60\r\n")->status(), 200);
  EXPECT_TRUE(has(notified(watch).back(), "<basic>closed</basic>"));
  world.advance(61s);
  EXPECT_TRUE(has(notified(watch).back(), "<basic>open</basic>"));
}

TEST_F(PresenceTest, SurvivalItem3NobodyPublishesForAnother) {
  auto& bob = world.registered(world.phone("bob"));
  const auto good = pidf("<tuple id=\"a\"><status><basic>open</basic></status></tuple>");
  EXPECT_EQ(publish(bob, good, {}, "alice")->status(), 403);
  EXPECT_EQ(publish(world.phone("visitor"), good)->status(), 401);
  EXPECT_EQ(publish(webphone(world, "Ann"), good)->status(), 403);
  EXPECT_EQ(bob.request("PUBLISH", "sip:bob@parley", "Event: dialog\r\n", "application/pidf+xml", good)->status(), 489);
  EXPECT_EQ(bob.request("PUBLISH", "sip:bob@parley", "Event: presence\r\n", "text/plain", "x")->status(), 415);
}

// Survival item 20
TEST_F(PresenceTest, SurvivalItem20HostileXmlIsRefused) {
  auto& bob = world.registered(world.phone("bob"));
  std::string deep, laughs = "<!DOCTYPE p [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>";
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  for (const auto& body : {std::string("x"), std::string("<presence/>"), std::string("<presence"), pidf("<tuple>"), pidf(deep), laughs + "<presence>&b;</presence>",
                           std::string("<?xml version=\"1.0\"?><!DOCTYPE presence SYSTEM \"file:///etc/passwd\"><presence xmlns=\"urn:ietf:params:xml:ns:pidf\"/>"),
                           pidf("<note>&xxe;</note>"), pidf("<note>\xff\xfe</note>"), pidf(std::string(17000, ' ')), std::string("\0<presence/>", 12)}) {
    const auto answer = publish(bob, body);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->status() == 400 || answer->status() == 413) << answer->status() << " " << body.substr(0, 60);
  }
  EXPECT_TRUE(world.pbx.presence().state("bob").note.empty());
}

TEST_F(PresenceTest, XmlIsReadAsItIsMeant) {
  const auto read = [](const std::string& xml) { return pbx::read_pidf(xml); };
  EXPECT_TRUE(read(pidf(""))->open);
  EXPECT_FALSE(read(pidf("<tuple id=\"1\"><status><basic> closed </basic></status></tuple>"))->open);
  EXPECT_TRUE(read(pidf("<tuple id=\"1\"><status><basic>closed</basic></status></tuple><tuple id=\"2\"><status><basic>open</basic></status></tuple>"))->open);
  EXPECT_EQ(read(pidf("<note>a&#10;b&#x202e;c</note>"))->note, "abc");
  EXPECT_EQ(read(pidf("<d:person id=\"p\"><d:note>N</d:note></d:person>"))->note, "N");
  EXPECT_TRUE(read(pidf("<r:activities><r:evil/></r:activities>"))->activity.empty());
  EXPECT_LE(read(pidf("<note>" + std::string(5000, 'x') + "</note>"))->note.size(), 200u);
  EXPECT_EQ(pbx::escape_xml("<a b='c' d=\"e\">&\x01\n"), "&lt;a b=&apos;c&apos; d=&quot;e&quot;&gt;&amp; ");
}

// RFC 4235 3.7.1, 4.1
TEST_F(PresenceTest, ABusyLampFollowsTheCall) {
  auto& bob = world.registered(world.phone("bob", "Bob"));
  auto& carol = world.registered(world.phone("carol", "Carol", sip::Transport::kTcp));
  auto& lamp = subscribe(carol, "bob", "dialog", "Accept: application/dialog-info+xml\r\n");
  auto& other = subscribe(carol, "alice", "dialog");
  ASSERT_EQ(status(lamp), 200);
  EXPECT_TRUE(has(notified(lamp).at(0), "version=\"0\" state=\"full\" entity=\"sip:bob@parley\""));
  EXPECT_FALSE(has(notified(lamp).at(0), "<dialog "));
  auto& call = alice.invite("sip:bob@parley", {.display = "Alice \"<A>\""});
  EXPECT_TRUE(has(notified(lamp).back(), "direction=\"recipient\"><state>early</state>"));
  EXPECT_TRUE(has(notified(lamp).back(), "display=\"Alice &quot;&lt;A&gt;&quot;\">sip:alice@parley</identity>"));
  EXPECT_TRUE(has(notified(other).back(), "direction=\"initiator\"><state>trying</state>"));
  bob.incoming.back()->ring();
  EXPECT_TRUE(has(notified(other).back(), "<state>early</state>"));
  bob.incoming.back()->answer();
  EXPECT_TRUE(has(notified(lamp).back(), "<state>confirmed</state>"));
  EXPECT_TRUE(has(notified(other).back(), "<state>confirmed</state>"));
  call.bye();
  world.advance(1s);
  EXPECT_TRUE(has(notified(lamp).back(), "<state>terminated</state>"));
  EXPECT_EQ(refresh(lamp, "dialog", 600), 200);
  EXPECT_FALSE(has(notified(lamp).back(), "<dialog "));
  // Versions grow by one.
  for (std::size_t i = 0; i < notified(lamp).size(); ++i) EXPECT_TRUE(has(notified(lamp)[i], "version=\"" + std::to_string(i) + "\"")) << i;
}

TEST_F(PresenceTest, ACallThatIsGivenUpTurnsTheLampOff) {
  auto& bob = world.registered(world.phone("bob"));
  auto& lamp = subscribe(alice, "bob", "dialog");
  auto& guest = world.page("visitor", "Guest");
  auto& call = guest.invite("sip:bob@parley");
  EXPECT_TRUE(has(notified(lamp).back(), "<state>early</state>"));
  bob.incoming.back()->ring();
  call.cancel();
  world.advance(1s);
  EXPECT_TRUE(has(notified(lamp).back(), "<state>terminated</state>"));
  guest.invite("sip:bob@parley");
  bob.incoming.back()->refuse(486);
  world.advance(1s);
  EXPECT_TRUE(has(notified(lamp).back(), "<state>terminated</state>"));
}

TEST_F(PresenceTest, WhoTalksIsOnThePhone) {
  auto& bob = world.registered(world.phone("bob"));
  auto& watch = subscribe(alice, "bob", "presence");
  auto& call = world.registered(world.phone("carol")).invite("sip:bob@parley");
  EXPECT_FALSE(has(notified(watch).back(), "on-the-phone"));
  bob.incoming.back()->answer();
  EXPECT_TRUE(has(notified(watch).back(), "<rpid:on-the-phone/>"));
  call.bye();
  world.advance(1s);
  EXPECT_FALSE(has(notified(watch).back(), "on-the-phone"));
}

// RFC 4235 4.1, RFC 4480 3.2
TEST_F(PresenceTest, WhoIsInARoomIsOnThePhoneWithIt) {
  auto& bob = world.registered(world.phone("bob"));
  auto& watch = subscribe(alice, "bob", "presence");
  auto& lamp = subscribe(alice, "bob", "dialog");
  auto& first = bob.invite("sip:my%20team@parley");
  EXPECT_TRUE(has(notified(watch).back(), "<rpid:on-the-phone/>"));
  EXPECT_TRUE(has(notified(lamp).back(), "direction=\"initiator\"><state>confirmed</state>"));
  EXPECT_TRUE(has(notified(lamp).back(), "display=\"my team\">sip:my%20team@parley</identity>"));
  // By a second connection, and a guest beside him who says that he is called like that.
  const auto told = notified(lamp).size();
  auto& second = world.registered(world.page("bob")).invite("sip:my%20team@parley");
  world.page("visitor", "bob").invite("sip:my%20team@parley");
  EXPECT_EQ(notified(lamp).size(), told);
  first.bye();
  world.advance(1s);
  EXPECT_TRUE(has(notified(watch).back(), "on-the-phone"));
  second.bye();
  world.advance(1s);
  EXPECT_FALSE(has(notified(watch).back(), "on-the-phone"));
  EXPECT_TRUE(has(notified(lamp).back(), "<state>terminated</state>"));
  EXPECT_EQ(refresh(lamp, "dialog", 600), 200);
  EXPECT_FALSE(has(notified(lamp).back(), "<dialog "));
  EXPECT_FALSE(world.pbx.presence().in_call("bob"));
}

TEST_F(PresenceTest, APageThatComesAgainIsStillInItsRoom) {
  auto& carol = webphone(world, "", {.line = "carol", .password = "secret of carol"});
  auto& watch = subscribe(alice, "carol", "presence");
  auto& before = carol.invite("sip:team@parley");
  ASSERT_EQ(before.status(), 200);
  const auto told = notified(watch).size();
  EXPECT_TRUE(has(notified(watch).back(), "on-the-phone"));
  auto& after = carol.invite("sip:team@parley", {.headers = "Parley-Resume: " + before.token() + "\r\n"});
  ASSERT_EQ(after.status(), 200);
  world.advance(1s);
  EXPECT_TRUE(before.ended);
  EXPECT_EQ(notified(watch).size(), told);
  after.bye();
  world.advance(1s);
  EXPECT_FALSE(has(notified(watch).back(), "on-the-phone"));
}

TEST_F(PresenceTest, ACallThatBecomesARoomGoesOn) {
  auto& bob = world.registered(world.phone("bob"));
  auto& carol = world.registered(world.phone("carol"));
  auto& lamp = subscribe(alice, "bob", "dialog");
  world.enter(world.page("visitor"));
  auto& call = carol.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  EXPECT_EQ(call.request("REFER", "Contact: " + carol.contact() + "\r\nRefer-To: <sip:team@parley>\r\n"), 202);
  world.advance(3s);
  EXPECT_TRUE(has(notified(lamp).back(), "<state>confirmed</state>"));
  EXPECT_TRUE(has(notified(lamp).back(), "sip:team@parley"));
  EXPECT_FALSE(has(notified(lamp).back(), "sip:carol@parley"));
  EXPECT_FALSE(world.pbx.presence().in_call("carol"));
  bob.incoming.back()->bye();
  world.advance(1s);
  EXPECT_TRUE(has(notified(lamp).back(), "<state>terminated</state>"));
}

TEST_F(PresenceTest, WithoutCallWaitingARoomIsBusyToo) {
  auto config = pbx::PbxConfig{};
  config.call.call_waiting = false;
  PbxWorld strict{config};
  auto& bob = strict.registered(strict.phone("bob"));
  auto& room = bob.invite("sip:team@parley");
  EXPECT_EQ(strict.page("visitor").invite("sip:bob@parley").status(), 486);
  room.bye();
  strict.advance(1s);
  EXPECT_EQ(strict.page("visitor").invite("sip:bob@parley").status(), 0);
  EXPECT_EQ(bob.incoming.size(), 1u);
}

TEST_F(PresenceTest, ManyWatchersOfManyLeaveNothingBehind) {
  auto& page = world.registered(world.page("alice"));
  for (int i = 0; i < 50; ++i) {
    subscribe(page, i % 2 ? "bob" : "carol", i % 3 ? "presence" : "dialog");
  }
  EXPECT_EQ(world.pbx.presence().size(), 50u);
  world.registered(world.phone("bob"));
  page.lose_flow();
  world.advance(61s);
  EXPECT_EQ(world.pbx.presence().size(), 0u);
  EXPECT_EQ(world.agent->subscriptions(), 0u);
}

}  // namespace
