// Calls out by a trunk and in by one, and who may not (toll fraud, survival item 24).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

pbx::PbxConfig config(std::vector<pbx::DialRuleConfig> rules, std::size_t max_calls) {
  pbx::PbxConfig c;
  c.lines = {{.name = "Webphone1"}};
  c.groups = {{.name = "Office", .members = {"alice", "bob"}}};
  c.dial_plan.rules = std::move(rules);
  c.trunks = {{.name = "Provider", .server = "sip.provider.example", .username = "4930", .password = "secret", .number = "office", .max_calls = max_calls}};
  c.resolve = [](const std::string&, sip::Transport, std::function<void(std::vector<base::SocketAddress>)> done) {
    done({*base::SocketAddress::parse("192.0.2.2", 5060)});
  };
  c.guests_create_rooms = false;
  c.requests_per_second = 0;
  return c;
}

struct TrunkCallTest : testing::Test {
  explicit TrunkCallTest(std::size_t max_calls = 0, std::vector<std::string> from = {})
      : world(config({{.name = "out", .pattern = R"(0(?P<n>[0-9]+))", .from = std::move(from), .to = "trunk:Provider", .number = "+49{n}"},
                      {.name = "private", .pattern = "77", .to = "room:board"}}, max_calls)) {
    world.settle();
  }
  PbxWorld world;
  Client& provider = world.phone("provider");                 // 192.0.2.2
  Client& alice = world.registered(world.page("alice"));
  Client& bob = world.registered(world.phone("bob", "Bobby"));

  std::size_t trunk_calls() { return world.pbx.trunks().status().at(0).calls; }
  // An INVITE of the provider's.
  ClientCall& incoming(const std::string& dialled, const std::string& headers = {}) {
    provider.account = "+49301234";
    return provider.invite("sip:" + dialled + "@198.51.100.1", {.headers = headers});
  }
  static int refer(ClientCall& call, const std::string& to) {
    return call.request("REFER", "Contact: " + call.client.contact() + "\r\nRefer-To: <sip:" + to + "@parley>\r\n");
  }
  static std::string told(const ClientCall& call) { return std::string(call.received(sip::Method::kNotify).back()->message->body()).substr(8, 3); }
  void forward(ClientCall& call, const std::string& contact) {
    auto text = sip::start_response(*call.invite, call.client.source, 302, call.local_tag).finish("", "");
    text.insert(text.find("\r\n") + 2, "Contact: <" + contact + ">\r\n");
    call.client.write(text);
    world.settle();
  }
  void expect_nothing_left() {
    world.advance(10s);
    EXPECT_EQ(world.pbx.calls(), 0u);
    EXPECT_EQ(world.media.legs_alive(), 0u);
    EXPECT_EQ(trunk_calls(), 0u);
  }
};

TEST_F(TrunkCallTest, AnAccountCallsOut) {
  auto& a = alice.invite("sip:030555@parley");
  ASSERT_EQ(provider.incoming.size(), 1u);
  const auto& invite = *provider.incoming.back()->invite;
  EXPECT_EQ(invite.request_uri_text(), "sip:+4930555@sip.provider.example");
  EXPECT_EQ(invite.from().uri.user, "4930");
  EXPECT_EQ(invite.from().display(), "Alice Liddell");
  EXPECT_EQ(invite.find("Parley-Participant"), nullptr);      // what is ours alone stays here
  EXPECT_EQ(invite.body().find("SAVPF"), std::string_view::npos);
  EXPECT_EQ(trunk_calls(), 1u);
  provider.incoming.back()->ring();
  provider.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  EXPECT_EQ(world.pbx.list_calls().at(0).to.number, "+4930555");
  a.bye();
  EXPECT_TRUE(provider.incoming.back()->ended);
  expect_nothing_left();
}

// RFC 3261 22.2
TEST_F(TrunkCallTest, AChallengeOfTheProvidersIsAnswered) {
  alice.invite("sip:030555@parley");
  auto& first = *provider.incoming.back();
  auto text = sip::start_response(*first.invite, provider.source, 407, first.local_tag).finish("", "");
  text.insert(text.find("\r\n") + 2, "Proxy-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"abc\", algorithm=MD5\r\n");
  first.call_id.clear();                                      // the second INVITE has the same
  provider.write(text);
  world.settle();
  ASSERT_EQ(provider.incoming.size(), 2u);
  EXPECT_NE(provider.incoming.back()->invite->value("Proxy-Authorization").find("username=\"4930\""), std::string_view::npos);
}

// Survival item 24
TEST_F(TrunkCallTest, SurvivalItem24AGuestDoesNotCallOut) {
  EXPECT_EQ(world.page("visitor").invite("sip:030555@parley").status(), 404);
  EXPECT_TRUE(provider.incoming.empty());
}

TEST_F(TrunkCallTest, SurvivalItem24AGuestDoesNotTransferOut) {
  auto& guest = world.page("visitor");
  auto& g = guest.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  ASSERT_EQ(refer(g, "030555"), 202);
  EXPECT_EQ(told(g), "404");
  EXPECT_TRUE(provider.incoming.empty());
  // The account that it speaks with may.
  ASSERT_EQ(refer(*bob.incoming.back(), "030555"), 202);
  ASSERT_EQ(provider.incoming.size(), 1u);
  provider.incoming.back()->answer();
  EXPECT_EQ(g.message("text/plain", "hello"), 202);
}

TEST_F(TrunkCallTest, SurvivalItem24WhoForwardsAnswersForIt) {
  auto& g = world.page("visitor").invite("sip:bob@parley");
  forward(*bob.incoming.back(), "sip:030555@parley");
  ASSERT_EQ(provider.incoming.size(), 1u);
  provider.incoming.back()->answer();
  EXPECT_EQ(g.status(), 200);
  EXPECT_EQ(trunk_calls(), 1u);
}

TEST_F(TrunkCallTest, SurvivalItem24TheProviderForwardsNobodyOut) {
  auto& a = alice.invite("sip:030555@parley");
  forward(*provider.incoming.back(), "sip:030666@parley");
  EXPECT_EQ(provider.incoming.size(), 1u);
  EXPECT_EQ(a.status(), 404);
  expect_nothing_left();
}

TEST_F(TrunkCallTest, SurvivalItem24ACallByATrunkNeitherGoesOutNorMakesRooms) {
  auto& c = incoming("030555");
  EXPECT_EQ(provider.incoming.size(), 0u);
  ASSERT_EQ(bob.incoming.size(), 1u);                         // it isn't a number here: the trunk's own is taken
  c.cancel();
  EXPECT_EQ(world.pbx.rooms().size(), 0u);
  expect_nothing_left();
}

TEST_F(TrunkCallTest, SurvivalItem24NorDoesItTransferOut) {
  auto& c = incoming("bob");
  bob.incoming.back()->answer();
  ASSERT_EQ(c.status(), 200);
  ASSERT_EQ(refer(c, "030555"), 202);
  EXPECT_EQ(told(c), "404");
  EXPECT_TRUE(provider.incoming.empty());
}

TEST_F(TrunkCallTest, SurvivalItem24AClientCallsOutByItsPrivilegeAlone) {
  for (const bool may : {false, true}) {
    const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = "Ann"});
    const_cast<pbx::WebphoneClient*>(client)->may.external = may;
    auto& page = world.page(client->number, "Ann");
    page.password = client->secret;
    ASSERT_EQ(page.register_contact()->status(), 200);
    auto& a = page.invite("sip:030555@parley");
    EXPECT_EQ(a.status(), may ? 0 : 404);
    EXPECT_EQ(provider.incoming.size(), may ? 1u : 0u);
  }
}

// Nor by what it may do to the calls of others: a supervisor's numbers are dialled by its own rights.
TEST_F(TrunkCallTest, SurvivalItem24AClientLeadsNobodyElseOut) {
  const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = "Ann"});
  const_cast<pbx::WebphoneClient*>(client)->may.supervise = true;
  const_cast<pbx::WebphoneClient*>(client)->may.external = false;
  auto& page = world.page(client->number, "Ann");
  page.password = client->secret;
  ASSERT_EQ(page.register_contact()->status(), 200);
  auto& ringing = alice.invite("sip:bob@parley");
  const auto act = [&](pbx::SessionAction action) { return world.pbx.supervise(*client, world.pbx.list_calls().at(0).id, action).has_value(); };
  EXPECT_FALSE(act({.kind = pbx::SessionAction::Kind::kForward, .number = "030555"}));
  bob.incoming.back()->answer();
  ASSERT_EQ(ringing.status(), 200);
  EXPECT_FALSE(act({.kind = pbx::SessionAction::Kind::kTransfer, .number = "030555", .transferor = "bob"}));
  ringing.bye();
  auto& own = page.invite("sip:bob@parley");
  bob.incoming.back()->answer();
  ASSERT_EQ(refer(own, "030555"), 202);
  EXPECT_EQ(told(own), "404");
  EXPECT_TRUE(provider.incoming.empty());
}

// RFC 3891 6
TEST_F(TrunkCallTest, SurvivalItem24NobodyTakesACallOutWhoMayNotMakeIt) {
  const auto client = *world.pbx.webphone().connect({.line = "Webphone1", .display_name = "Ann"});
  const_cast<pbx::WebphoneClient*>(client)->may.external = false;
  auto& page = world.page(client->number, "Ann");
  page.password = client->secret;
  ASSERT_EQ(page.register_contact()->status(), 200);
  auto& a = alice.invite("sip:030555@parley");
  provider.incoming.back()->answer();
  ASSERT_EQ(a.status(), 200);
  const auto replaces = "Replaces: " + a.call_id + ";to-tag=" + a.remote_tag + ";from-tag=" + a.local_tag + "\r\n";
  for (auto* taker : {&page, &world.page("visitor")}) EXPECT_EQ(taker->invite("sip:alice@parley", {.headers = replaces}).status(), 403);
  EXPECT_FALSE(a.ended);
  EXPECT_EQ(world.pbx.list_calls().size(), 1u);
}

// RFC 3325 9.1
TEST_F(TrunkCallTest, WhoCallsByATrunkIsSaidByTheProviderAndIsNoAccount) {
  auto& c = incoming("bob", "P-Asserted-Identity: \"Grace\" <sip:+4930777@provider>\r\n");
  ASSERT_EQ(bob.incoming.size(), 1u);
  const auto& invite = *bob.incoming.back()->invite;
  EXPECT_EQ(invite.from().display(), "Grace");
  EXPECT_EQ(invite.from().uri_text, "sip:+4930777@parley");
  EXPECT_EQ(trunk_calls(), 1u);
  bob.incoming.back()->answer();
  EXPECT_EQ(c.status(), 200);
  EXPECT_EQ(c.header("Parley-Participant"), "");
  const auto info = world.pbx.list_calls().at(0);
  EXPECT_EQ(info.from.account, "");
  EXPECT_EQ(info.from.number, "+4930777");
  c.bye();
  expect_nothing_left();
}

// RFC 3323 4.2
TEST_F(TrunkCallTest, WhoWantsToStayHiddenDoes) {
  provider.display = "Anonymous";
  incoming("bob", "P-Asserted-Identity: <sip:+4930777@provider>\r\nPrivacy: id\r\n");
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(std::string(bob.incoming.back()->invite->bytes()->data()).find("4930777"), std::string::npos);
}

TEST_F(TrunkCallTest, SurvivalItem3ACallerByATrunkIsNeverTakenForAnAccount) {
  provider.account = "alice";
  auto& c = provider.invite("sip:bob@198.51.100.1");
  EXPECT_NE(c.status(), 401);                                 // nobody is asked for Alice's password
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming.back()->invite->from().uri.user, "alice%40Provider");
  EXPECT_EQ(world.pbx.list_calls().at(0).from.account, "");
  EXPECT_EQ(incoming("bob", "P-Asserted-Identity: garbage <<\r\n").status(), 0);
  EXPECT_EQ(incoming("bob", "P-Asserted-Identity: <tel:+4930888;phone-context=x>\r\n").status(), 0);
  EXPECT_EQ(bob.incoming.back()->invite->from().uri.user, "+4930888");
}

// RFC 3325 5: within our own legs alone; what a provider asserts holds of the one who calls, by its INVITE.
TEST_F(TrunkCallTest, AProviderIsToldNothingOfWhoElseIsInACall) {
  const std::string updates = "Allow: INVITE, ACK, BYE, UPDATE\r\n";
  auto& in = incoming("office", updates);
  alice.incoming.back()->answer();
  ASSERT_EQ(in.status(), 200);
  EXPECT_EQ(in.header("P-Asserted-Identity"), "");            // one of the group
  ASSERT_EQ(refer(*alice.incoming.back(), "bob"), 202);
  bob.incoming.back()->answer();
  EXPECT_EQ(told(*alice.incoming.back()), "200");
  world.advance(10s);
  EXPECT_TRUE(in.received(sip::Method::kUpdate).empty());
  EXPECT_TRUE(in.received(sip::Method::kInvite).empty());
  EXPECT_EQ(in.request("UPDATE", "Contact: " + provider.contact() + "\r\nP-Asserted-Identity: \"Boss\" <sip:boss@parley>\r\n"), 200);
  world.advance(10s);
  EXPECT_FALSE(world.told_others("boss", provider));
  in.bye();
  expect_nothing_left();
}

TEST_F(TrunkCallTest, ARuleLetsATrunkIntoARoom) {
  EXPECT_EQ(incoming("77").status(), 200);
  EXPECT_NE(world.pbx.rooms().find("board"), nullptr);
  EXPECT_EQ(trunk_calls(), 1u);
  EXPECT_EQ(world.page("x").invite("sip:+49301234@parley").status(), 404);
}

TEST_F(TrunkCallTest, WithoutANumberOfOursItsOwnIsDialled) {
  incoming("4930");
  EXPECT_EQ(alice.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming.size(), 1u);
}

TEST_F(TrunkCallTest, AProgramCallsOutAndConnects) {
  ASSERT_TRUE(world.pbx.originate("030555", "bob"));
  world.settle();
  ASSERT_EQ(provider.incoming.size(), 1u);
  EXPECT_EQ(trunk_calls(), 1u);
  provider.incoming.back()->answer();
  ASSERT_EQ(bob.incoming.size(), 1u);
  EXPECT_EQ(bob.incoming.back()->invite->from().uri_text, "sip:+4930555@parley");
  bob.incoming.back()->answer();
  provider.incoming.back()->bye();
  expect_nothing_left();
}

struct LimitedTrunkTest : TrunkCallTest {
  LimitedTrunkTest() : TrunkCallTest(1) {}
};
TEST_F(LimitedTrunkTest, NoMoreCallsThanTheTrunkMayHave) {
  ASSERT_TRUE(world.pbx.originate("bob", "030555"));          // asked for twice, called once
  world.settle();
  bob.incoming.back()->answer();
  ASSERT_EQ(provider.incoming.size(), 1u);
  EXPECT_EQ(alice.invite("sip:030555@parley").status(), 503);
  EXPECT_EQ(incoming("alice").status(), 503);
  provider.incoming.back()->refuse(486);
  world.advance(1s);
  alice.invite("sip:030555@parley");
  EXPECT_EQ(provider.incoming.size(), 2u);
}

struct OpenTrunkTest : TrunkCallTest {
  OpenTrunkTest() : TrunkCallTest(0, {"guests"}) {}
};
TEST_F(OpenTrunkTest, SurvivalItem24AGuestCallsOutWhereARuleNamesGuests) {
  world.page("visitor").invite("sip:030555@parley");
  EXPECT_EQ(provider.incoming.size(), 1u);
  EXPECT_EQ(incoming("030555").status(), 0);
  EXPECT_EQ(provider.incoming.size(), 1u);
}

TEST_F(TrunkCallTest, AnAddressThatSaysNothingIsTheTrunksFault) {
  provider.deaf = true;
  auto& a = alice.invite("sip:030555@parley");
  world.advance(33s);
  EXPECT_GE(a.status(), 400);
  EXPECT_FALSE(world.pbx.trunks().status().at(0).reachable);
  provider.deaf = false;
  EXPECT_EQ(alice.invite("sip:030555@parley").status(), 503);
}

}  // namespace
