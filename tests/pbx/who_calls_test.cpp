// Who a request is from: guests and accounts, challenges, and what is told to strangers (survival items 1 to 5, 7, 10, 11, 23).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

std::vector<std::string> challenges(const sip::MessagePtr& response) {
  std::vector<std::string> result;
  for (const auto& h : response->headers()) {
    if (h.id == sip::HeaderId::kWwwAuthenticate) result.emplace_back(h.value);
  }
  return result;
}
// A response without what differs by chance.
std::string shape(const sip::Message& response) {
  std::string text = std::to_string(response.status()) + " " + std::string(response.reason()) + "\n";
  for (const auto& h : response.headers()) {
    text += std::string(h.name) + ": ";
    if (h.id == sip::HeaderId::kWwwAuthenticate) {
      auto value = std::string(h.value);
      const auto nonce = value.find("nonce=\"") + 7;
      value.replace(nonce, value.find('"', nonce) - nonce, "N");
      text += value;
    }
    text += "\n";
  }
  return text + std::string(response.body());
}

TEST(WhoCallsTest, AGuestEntersARoomWithoutAPassword) {
  PbxWorld world;
  auto& page = world.page("visitor", "A Visitor");
  auto& a = world.enter(page);
  ASSERT_EQ(a.status(), 200);
  const auto channel = a.events("ConfbridgeWelcome").at(0)["channels"][0];
  EXPECT_EQ(channel["caller"]["name"], "A Visitor");
  EXPECT_EQ(channel["caller"]["number"], "visitor");
  EXPECT_EQ(channel["id"], a.participant());
}

// RFC 3261 22.2, RFC 8760 2.2; spec A.5: MD5 first.
TEST(WhoCallsTest, AnInviteFromAnAccountsNameIsChallengedMd5First) {
  PbxWorld world;
  auto& a = world.enter(world.phone("alice"));
  ASSERT_EQ(a.status(), 401);
  const auto all = challenges(a.response);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[0].find("algorithm=MD5"), std::string::npos);
  EXPECT_NE(all[1].find("algorithm=SHA-256"), std::string::npos);
  EXPECT_NE(all[2].find("algorithm=SHA-512-256"), std::string::npos);
  EXPECT_NE(all[0].find("realm=\"parley\""), std::string::npos);
  EXPECT_EQ(world.pbx.rooms().size(), 0u);
}

// baresip 1.0 fails at any challenge that is not MD5's; JsSIP 3.13 and SIP.js 0.21 read the last header alone.
TEST(WhoCallsTest, ClientsThatGiveUpAtOtherAlgorithmsGetMd5Alone) {
  PbxWorld world;
  const auto page = challenges(world.page("alice").request("REGISTER", "sip:parley", "User-Agent: any name\r\n"));
  const auto baresip = challenges(world.phone("alice").request("REGISTER", "sip:parley", "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n"));
  for (const auto& offered : {page, baresip}) {
    ASSERT_EQ(offered.size(), 1u);
    EXPECT_NE(offered[0].find("algorithm=MD5"), std::string::npos);
  }
  EXPECT_EQ(challenges(world.phone("alice").request("REGISTER", "sip:parley", "User-Agent: Another\r\n")).size(), 3u);
}

TEST(WhoCallsTest, APageThatWritesAnotherTransportIntoViaGetsMd5AloneToo) {
  pbx::Authenticator authenticator("parley", {});
  const auto request = *sip::Message::parse(base::share("REGISTER sip:parley SIP/2.0\r\nVia: SIP/2.0/TCP x1y2.invalid;branch=z9hG4bK1\r\n"
                                                        "From: <sip:alice@parley>;tag=1\r\nTo: <sip:alice@parley>\r\nCall-ID: 1\r\n"
                                                        "CSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"));
  const auto outcome = authenticator.authenticate(*request, pbx::Accounts{}, base::TimePoint{} + std::chrono::hours(1));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().headers.size(), 1u);
}

TEST(WhoCallsTest, WithItsPasswordAnAccountIsKnownByItsDisplayName) {
  PbxWorld world;
  auto& page = world.page("alice");
  page.password = "secret of alice";
  auto& a = world.enter(page);
  ASSERT_EQ(a.status(), 200);
  EXPECT_EQ(a.events("ConfbridgeWelcome").at(0)["channels"][0]["caller"]["name"], "Alice Liddell");
  EXPECT_EQ(a.events("ConfbridgeWelcome").at(0)["channels"][0]["caller"]["number"], "alice");
  auto& carol = world.page("carol");   // has no display name: her own name
  carol.password = "secret of carol";
  EXPECT_EQ(world.enter(carol).events("ConfbridgeWelcome").at(0)["channels"][1]["caller"]["name"], "carol");
}

TEST(WhoCallsTest, SurvivalItem23WithoutGuestsEverybodyIsChallenged) {
  PbxWorld world({.guests = false});
  EXPECT_EQ(world.enter(world.page("visitor")).status(), 401);
  EXPECT_EQ(world.pbx.rooms().size(), 0u);
  auto& page = world.page("bob");
  page.password = "secret of bob";
  EXPECT_EQ(world.enter(page).status(), 200);
}

TEST(WhoCallsTest, SurvivalItem23GuestsMakeRoomsOnlyWhereTheConfigurationSaysSo) {
  PbxWorld world({.guests_create_rooms = false});
  EXPECT_EQ(world.enter(world.page("visitor")).status(), 404);
  auto& page = world.page("bob");
  page.password = "secret of bob";
  ASSERT_EQ(world.enter(page).status(), 200);
  EXPECT_EQ(world.enter(world.page("visitor2")).status(), 200);
}

// CVE-2011-2536
TEST(WhoCallsTest, SurvivalItem5KnownAndUnknownNamesAnswerAlike) {
  PbxWorld world({.guests = false});
  auto& known = world.page("alice");
  auto& unknown = world.page("nobodyhere");
  for (auto* client : {&known, &unknown}) client->password = "wrong";
  const auto a = known.request("REGISTER", "sip:parley", "Contact: <sip:a@x.invalid>\r\n");
  const auto b = unknown.request("REGISTER", "sip:parley", "Contact: <sip:a@x.invalid>\r\n");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->status(), 401);
  EXPECT_EQ(shape(*a), shape(*b));
  EXPECT_EQ(shape(*world.enter(known).response), shape(*world.enter(unknown).response));
}

// CVE-2011-2536: who writes, watches or publishes learns as little as who registers, of who it says it is and of whom it asks for.
TEST(WhoCallsTest, SurvivalItem5KnownAndUnknownNamesAnswerAlikeToEveryMethod) {
  const std::pair<const char*, const char*> methods[] = {{"MESSAGE", ""}, {"SUBSCRIBE", "Event: presence\r\n"}, {"SUBSCRIBE", "Event: dialog\r\n"},
                                                         {"SUBSCRIBE", "Event: parley-roster\r\n"}, {"SUBSCRIBE", "Event: parley-sessions\r\n"},
                                                         {"PUBLISH", "Event: presence\r\n"}, {"NOTIFY", "Event: presence\r\nSubscription-State: active\r\n"},
                                                         {"REFER", "Refer-To: <sip:carol@parley>\r\n"}};
  for (const bool guests : {true, false}) {
    PbxWorld world({.guests = guests, .requests_per_second = 0});
    world.registered(world.page("bob"));
    for (const auto& [method, more] : methods) {
      const auto answer = [&](const std::string& from, const std::string& to, const std::string& password) {
        auto& client = world.page(from);
        client.password = password;
        const bool text = std::string_view(method) == "MESSAGE";
        const auto response = client.request(method, "sip:" + to + "@parley", more + ("Contact: " + client.contact() + "\r\n"), text ? "text/plain" : "", text ? "x" : "");
        return response ? shape(*response) : std::string("none");
      };
      const auto known = answer("alice", "bob", "wrong");
      EXPECT_TRUE(known.starts_with("401 ")) << method << known;
      EXPECT_EQ(answer("nobodyhere", "bob", "wrong"), known) << method;
      EXPECT_EQ(answer("alice", "nobodyhere", "wrong"), known) << method;
      EXPECT_EQ(answer("nobodyhere", "nobodyeither", {}), known) << method;
    }
  }
}

TEST(WhoCallsTest, SurvivalItem3FromMustBeTheAuthenticatedAccount) {
  PbxWorld world;
  auto& mallory = world.page("alice", "Alice");   // says that she is Alice, with Bob's password
  mallory.user_of_digest = "bob";
  mallory.password = "secret of bob";
  EXPECT_EQ(world.enter(mallory).status(), 403);
  const auto answer = mallory.register_contact();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status(), 403);
  EXPECT_EQ(world.pbx.registrar().size(), 0u);
}

TEST(WhoCallsTest, SurvivalItem3NobodyRegistersForAnother) {
  PbxWorld world;
  auto& bob = world.page("bob");
  bob.password = "secret of bob";
  // From is Bob, To is Alice.
  auto text = bob.request("REGISTER", "sip:parley", "Contact: <sip:x@y.invalid>\r\nExpires: 100\r\n");
  ASSERT_EQ(text->status(), 200);
  bob.stray.clear();
  const auto challenge = sip::parse_challenge([&] {
    bob.password.clear();
    const auto refused = bob.request("REGISTER", "sip:parley");
    return std::string(refused->value(sip::HeaderId::kWwwAuthenticate));
  }());
  ASSERT_TRUE(challenge);
  const auto credentials = sip::answer_challenge(*challenge, {"bob", "secret of bob"}, "REGISTER", "sip:parley", 1, "cn");
  bob.write("REGISTER sip:parley SIP/2.0\r\n" + bob.via() + "Max-Forwards: 70\r\nFrom: <sip:bob@parley>;tag=1\r\nTo: <sip:alice@parley>\r\nCall-ID: steal\r\n"
            "CSeq: 1 REGISTER\r\nContact: <sip:x@y.invalid>\r\nAuthorization: " + credentials + "\r\nContent-Length: 0\r\n\r\n");
  world.settle();
  EXPECT_EQ(bob.stray.back()->status(), 403);
  EXPECT_TRUE(world.pbx.registrar().find("alice", world.timeline.now()).empty());
}

TEST(WhoCallsTest, SurvivalItem3AnAssertedIdentityIsNotBelieved) {
  PbxWorld world;
  auto& page = world.page("visitor", "V");
  auto& a = world.enter(page, {.headers = "Accept: application/x-asterisk-confbridge-event+json\r\nP-Asserted-Identity: \"Alice\" <sip:alice@parley>\r\n"});
  ASSERT_EQ(a.status(), 200);
  EXPECT_EQ(a.events().at(0)["channels"][0]["caller"]["number"], "visitor");
}

// CVE-2021-37624, CVE-2021-41157; RFC 3261 8.2
TEST(WhoCallsTest, SurvivalItem1EveryMethodOutsideADialogIsChallenged) {
  for (const bool guests : {true, false}) {
    PbxWorld world({.guests = guests});
    world.registered(world.page("bob"));
    for (const auto* user : {"visitor", "alice"}) {
      auto& client = world.phone(user);
      const std::pair<const char*, const char*> methods[] = {{"REGISTER", "Contact: <sip:x@192.0.2.9>\r\n"}, {"MESSAGE", ""},  {"SUBSCRIBE", "Event: presence\r\nContact: <sip:x@192.0.2.9>\r\n"},
                                                             {"PUBLISH", "Event: presence\r\n"}, {"NOTIFY", "Event: x\r\nSubscription-State: active\r\n"},
                                                             {"REFER", "Refer-To: <sip:x@y>\r\n"}, {"INFO", ""}};
      for (const auto& [method, headers] : methods) {
        const bool subscribes = std::string_view(method) == "SUBSCRIBE";
        const auto answer = client.request(method, "sip:bob@parley", headers, subscribes ? "" : "text/plain", subscribes ? "" : "x");
        ASSERT_TRUE(answer) << method;
        EXPECT_EQ(answer->status(), 401) << method << " " << user;
      }
    }
    EXPECT_TRUE(world.clients.front().calls.empty());
  }
}

TEST(WhoCallsTest, SurvivalItem1AuthenticatedOnesOutsideADialogAreAnsweredAndReachNobody) {
  PbxWorld world;
  auto& bob = world.registered(world.page("bob"));
  auto& alice = world.phone("alice");
  alice.password = "secret of alice";
  EXPECT_EQ(alice.request("SUBSCRIBE", "sip:bob@parley", "Event: winfo\r\n")->status(), 489);
  EXPECT_EQ(alice.request("PUBLISH", "sip:bob@parley", "Event: presence\r\n")->status(), 403);
  EXPECT_EQ(alice.request("NOTIFY", "sip:bob@parley", "Event: x\r\nSubscription-State: active\r\n")->status(), 481);
  EXPECT_EQ(alice.request("REFER", "sip:bob@parley", "Refer-To: <sip:x@y>\r\n")->status(), 403);
  EXPECT_EQ(alice.request("NONSENSE", "sip:bob@parley")->status(), 501);
  EXPECT_TRUE(bob.calls.empty());
}

// RFC 3261 11.2
TEST(WhoCallsTest, SurvivalItem1OptionsRevealsNoAccounts) {
  PbxWorld world({.guests = false});
  world.registered(world.page("bob"));
  auto& client = world.phone("visitor");
  const auto known = client.request("OPTIONS", "sip:bob@parley");
  const auto unregistered = client.request("OPTIONS", "sip:alice@parley");
  const auto unknown = client.request("OPTIONS", "sip:nobody@parley");
  ASSERT_TRUE(known && unregistered && unknown);
  EXPECT_EQ(known->status(), 200);
  EXPECT_EQ(shape(*known), shape(*unknown));
  EXPECT_EQ(shape(*unregistered), shape(*unknown));
  EXPECT_NE(known->value(sip::HeaderId::kAllow).find("MESSAGE"), std::string_view::npos);
  EXPECT_NE(known->value(sip::HeaderId::kAccept).find("application/sdp"), std::string_view::npos);
}

// GHSA-64qc-9x89-rx5j, CVE-2026-40892
TEST(WhoCallsTest, SurvivalItem5MalformedAuthorizationIsAnsweredAndLetsNobodyIn) {
  PbxWorld world;
  const std::string long_value(5000, 'a');
  for (const auto& value : {std::string("Digest"), std::string("Digest ,,,"), std::string("Digest username"), std::string("Digest username=\"alice"),
                            std::string("Basic YWxpY2U6eA=="), std::string("Digest username=\"alice\", realm=\"parley\", nonce=\"x\", uri=\"y\", response=\"z\""),
                            std::string("Digest realm=\"parley\", realm=\"parley\""), "Digest username=\"" + long_value + "\", realm=\"parley\"",
                            std::string("Digest username=\"alice\", realm=\"parley\", nonce=\"\xff\xfe\", uri=\"sip:parley\", response=\"0\", nc=zzzzzzzz, qop=auth-int")}) {
    auto& client = world.phone("alice");
    const auto answer = client.request("REGISTER", "sip:parley", "Contact: <sip:x@192.0.2.9>\r\nAuthorization: " + value + "\r\n");
    ASSERT_TRUE(answer) << value.substr(0, 60);
    EXPECT_TRUE(answer->status() == 401 || answer->status() == 400) << answer->status() << value.substr(0, 60);
  }
  EXPECT_EQ(world.pbx.registrar().size(), 0u);
}

TEST(WhoCallsTest, SurvivalItem5CredentialsAreNotTakenTwice) {
  PbxWorld world;
  auto& alice = world.phone("alice");
  const auto refused = alice.request("REGISTER", "sip:parley");
  const auto challenge = sip::parse_challenge(refused->value(sip::HeaderId::kWwwAuthenticate));
  const auto header = "Contact: " + alice.contact() + "\r\nAuthorization: " + sip::answer_challenge(*challenge, {"alice", "secret of alice"}, "REGISTER", "sip:parley", 1, "cn") + "\r\n";
  EXPECT_EQ(alice.request("REGISTER", "sip:parley", header)->status(), 200);
  auto& thief = world.phone("alice");
  const auto answer = thief.request("REGISTER", "sip:parley", header);
  EXPECT_EQ(answer->status(), 401);
  EXPECT_NE(answer->value(sip::HeaderId::kWwwAuthenticate).find("stale=true"), std::string_view::npos);
  EXPECT_EQ(world.pbx.registrar().size(), 1u);
}

// RFC 8760 2.4
TEST(WhoCallsTest, EachOfTheThreeAlgorithmsIsTaken) {
  for (std::size_t i = 0; i < 3; ++i) {
    PbxWorld world;
    auto& alice = world.phone("alice");
    const auto refused = alice.request("REGISTER", "sip:parley");
    const auto challenge = sip::parse_challenge(challenges(refused).at(i));
    ASSERT_TRUE(challenge);
    const auto header = "Contact: " + alice.contact() + "\r\nAuthorization: " + sip::answer_challenge(*challenge, {"alice", "secret of alice"}, "REGISTER", "sip:parley", 1, "cn") + "\r\n";
    EXPECT_EQ(alice.request("REGISTER", "sip:parley", header)->status(), 200) << i;
  }
}

// RFC 3261 22.3: credentials for other realms may stand beside ours.
TEST(WhoCallsTest, CredentialsOfAnotherRealmAreOverlooked) {
  PbxWorld world;
  auto& alice = world.phone("alice");
  const auto challenge = sip::parse_challenge(alice.request("REGISTER", "sip:parley")->value(sip::HeaderId::kWwwAuthenticate));
  const std::string other = "Authorization: Digest username=\"alice\", realm=\"elsewhere\", nonce=\"n\", uri=\"sip:parley\", response=\"00000000000000000000000000000000\"\r\n";
  const auto ours = "Authorization: " + sip::answer_challenge(*challenge, {"alice", "secret of alice"}, "REGISTER", "sip:parley", 1, "cn") + "\r\n";
  EXPECT_EQ(alice.request("REGISTER", "sip:parley", "Contact: " + alice.contact() + "\r\n" + other + ours)->status(), 200);
}

// CVE-2026-116779: names are data.
TEST(WhoCallsTest, SurvivalItem2NamesSelectNothingButARoom) {
  PbxWorld world;
  for (const auto* user : {"$%7BSHELL(id)%7D", "..%2F..%2Fetc%2Fpasswd", "'%3B%20DROP%20TABLE%20accounts%3B--", "*97", "%3Cscript%3E"}) {
    auto& a = world.phone("visitor").invite("sip:" + std::string(user) + "@parley");
    EXPECT_EQ(a.status(), 200) << user;
    EXPECT_NE(world.pbx.rooms().find(sip::unescape(user)), nullptr) << user;
  }
}

TEST(WhoCallsTest, SurvivalItem7OneSourceIsLimitedAndTheOthersAreNot) {
  PbxWorld world({.requests_per_second = 10, .request_burst = 20});
  auto& flood = world.phone("flood");
  auto& calm = world.phone("calm");
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    const auto answer = flood.request(i % 2 == 0 ? "OPTIONS" : "REGISTER", "sip:parley");
    refused += answer && answer->status() == 503;
  }
  EXPECT_EQ(refused, 80);
  EXPECT_FALSE(flood.stray.back()->value(sip::HeaderId::kRetryAfter).empty());
  EXPECT_EQ(world.enter(flood).status(), 503);
  EXPECT_EQ(world.enter(calm).status(), 200);
  world.advance(1s);
  EXPECT_EQ(flood.request("OPTIONS", "sip:parley")->status(), 200);
}

// RFC 3261 21.4.5, 21.4.14
TEST(WhoCallsTest, WhatIsNoNameForARoomIs404) {
  PbxWorld world;
  auto& client = world.phone("visitor");
  EXPECT_EQ(client.invite("sip:parley").status(), 404);
  EXPECT_EQ(client.invite("sip:%01%02@parley").status(), 404);
  EXPECT_EQ(client.invite("sip:" + std::string(81, 'x') + "@parley").status(), 404);
  EXPECT_EQ(client.invite("sip:" + std::string(80, 'x') + "@parley").status(), 200);
  EXPECT_EQ(client.invite("tel:+15550100").status(), 416);
}

TEST(WhoCallsTest, ManyRoomsAreRefusedWith503) {
  PbxWorld world({.rooms = {.profile = {}, .messages = {}, .max_rooms = 1}});
  EXPECT_EQ(world.phone("a").invite("sip:one@parley").status(), 200);
  EXPECT_EQ(world.phone("b").invite("sip:two@parley").status(), 503);
}

}  // namespace
