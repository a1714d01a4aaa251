// Webphone lines: who may connect, by what number, and whom one calls (spec webphone-api.md).
#include "support/webphone_lines.hpp"

namespace {

using namespace test_support;
using Request = pbx::Webphone::ConnectRequest;

struct WebphoneTest : WebphoneLines {};

// ---- connecting

TEST_F(WebphoneTest, EveryConnectGetsANumberOfItsOwn) {
  std::set<std::string> numbers;
  for (int i = 0; i < 100; ++i) {
    const auto client = webphones.connect({.line = "webphone1", .display_name = "Ann"});
    ASSERT_TRUE(client);
    EXPECT_EQ((*client)->number.size(), 6u);
    EXPECT_TRUE(std::isalpha((*client)->number[0]));
    EXPECT_EQ((*client)->secret.size(), 32u);
    numbers.insert((*client)->number);
  }
  EXPECT_EQ(numbers.size(), 100u);
}

TEST_F(WebphoneTest, ARangeOfNumbersRunsOut) {
  std::set<std::string> numbers;
  for (int i = 0; i < 2; ++i) numbers.insert((*webphones.connect({.line = "Team", .token = token()}))->number);
  EXPECT_EQ(numbers, (std::set<std::string>{"2000", "2001"}));
  EXPECT_EQ(refused({.line = "Team", .token = token()}), base::ErrorCode::kUnavailable);
}

TEST_F(WebphoneTest, ALineIsFullForItselfAlone) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(webphones.connect({.line = "Webphone1"}));
  ASSERT_TRUE(webphones.connect({.line = "Small"}));
  EXPECT_EQ(refused({.line = "Small"}), base::ErrorCode::kUnavailable);
  world.advance(21s);                    // who never registers makes room again
  EXPECT_EQ(webphones.clients(), 0u);
  EXPECT_TRUE(webphones.connect({.line = "Small"}));
}

// Rule 12
TEST_F(WebphoneTest, OriginsAreTheLinesOwn) {
  EXPECT_TRUE(webphones.connect({.line = "Webphone1", .origin = "http://anywhere:8080"}));
  EXPECT_TRUE(webphones.connect({.line = "Sales", .password = "opensesame", .origin = "https://SHOP.example"}));
  EXPECT_TRUE(webphones.connect({.line = "Sales", .password = "opensesame"}));
  std::vector<std::string> reported;
  webphones.on_refused_origin([&](const pbx::LineConfig& line, std::string_view origin) { reported.push_back(line.name + " " + std::string(origin)); });
  for (const auto* origin : {"http://shop.example", "https://shop.example:8443", "https://evil.shop.example", "null"}) {
    EXPECT_EQ(refused({.line = "Sales", .password = "opensesame", .origin = origin}), base::ErrorCode::kDenied) << origin;
  }
  EXPECT_EQ(refused({.line = "Sales", .password = "wrong"}), base::ErrorCode::kDenied);   // that is no matter of origins
  EXPECT_EQ(reported, (std::vector<std::string>{"Sales http://shop.example", "Sales https://shop.example:8443", "Sales https://evil.shop.example", "Sales null"}));
}

TEST_F(WebphoneTest, APasswordLineWantsItsPassword) {
  EXPECT_EQ(refused({.line = "Sales"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "Sales", .password = "opensesam"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "Nowhere"}), base::ErrorCode::kNotFound);
}

TEST_F(WebphoneTest, ATokenLineWantsAToken) {
  EXPECT_EQ(refused({.line = "Team"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "Team", .password = "x"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "Team", .token = "eyJhbGciOiJub25lIn0.e30."}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "Sales", .token = token()}), base::ErrorCode::kDenied);        // of another line
  EXPECT_EQ(refused({.token = token({.line = "Gone"})}), base::ErrorCode::kDenied);
  EXPECT_TRUE(webphones.connect({.line = token()}));                                        // the line may itself be a token
  const auto late = token();
  world.advance(60s);
  EXPECT_EQ(refused({.line = "Team", .token = late}), base::ErrorCode::kDenied);
}

TEST_F(WebphoneTest, ATokenSaysNameRightsAndRoom) {
  pbx::TokenClaims claims{.line = "Team", .display_name = "Vouched For", .room = "lounge"};
  claims.may = pbx::Privileges::none();
  claims.may.internal = claims.may.supervise = true;
  const auto client = webphones.connect({.display_name = "The Boss", .token = token(claims)});
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->display_name, "Vouched For");
  EXPECT_EQ((*client)->room, "lounge");
  EXPECT_EQ(pbx::names((*client)->may), (std::vector<std::string>{"internal", "supervise"}));
}

TEST_F(WebphoneTest, APasswordAndTheServersOwnNamesAreNotShown) {
  const auto client = webphones.connect({.line = "Webphone1", .display_name = "Ann\r\n\x01" "a",
                                         .properties = {{"Password", "p"}, {"passWord", "p"}, {"x.Password", "p"}, {"__proto__", "p"}, {"a.__proto__.b", "p"},
                                                        {"phoneNumber", "p"}, {"status", "p"}, {"Department", "Sales"}, {"department", "<b>"}}});
  ASSERT_TRUE(client);
  EXPECT_EQ((*client)->properties, (pbx::ClientProperties{{"Department", "Sales"}, {"department", "<b>"}}));
  EXPECT_EQ((*client)->display_name.find('\n'), std::string::npos);
}

TEST_F(WebphoneTest, SurvivalItem7PropertiesAreBounded) {
  pbx::ClientProperties many;
  for (int i = 0; i < 100; ++i) many.emplace_back("k" + std::to_string(i), std::string(200, 'v'));
  const auto client = webphones.connect({.line = "Webphone1", .properties = many});
  std::size_t bytes = 0;
  for (const auto& [key, value] : (*client)->properties) bytes += key.size() + value.size();
  EXPECT_LE(bytes, 4096u);
  EXPECT_LE((*client)->properties.size(), 50u);
}

// ---- extensions

// Rule 11
TEST_F(WebphoneTest, AnExtensionSignsInWithItsPasswordAndIsCalledByItsName) {
  EXPECT_EQ(refused({.line = "alice", .password = "wrong"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "nobody", .password = "wrong"}), base::ErrorCode::kDenied);
  EXPECT_EQ(refused({.line = "alice"}), base::ErrorCode::kNotFound);
  EXPECT_EQ(refused({.line = "nobody"}), base::ErrorCode::kNotFound);
  auto& alice = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  EXPECT_EQ(alice.account, "alice");
  EXPECT_EQ(of(alice).display_name, "Alice Liddell");
  auto& bob = world.registered(world.phone("bob"));
  auto& call = bob.invite("sip:alice@parley");
  ASSERT_EQ(alice.incoming.size(), 1u);
  alice.incoming.back()->answer();
  EXPECT_EQ(call.status(), 200);
  EXPECT_NE(alice.incoming.back()->invite->find("Parley-Resume"), nullptr);
}

TEST_F(WebphoneTest, AnExtensionsPagesAreListedOnceAndItsDeskPhoneStays) {
  auto& desk = world.registered(world.phone("alice"));
  auto& first = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  auto& second = webphone(world, "", {.line = "alice", .password = "secret of alice"});
  EXPECT_EQ(webphones.clients(), 1u);
  auto& bob = webphone(world, "", {.line = "bob", .password = "secret of bob"});
  auto& roster = subscribe(bob, "bob", kRoster, kAcceptRoster);
  EXPECT_EQ(known(roster).size(), 1u);
  first.lose_flow();
  second.lose_flow();
  world.advance(30s);
  auto& call = bob.invite("sip:alice@parley");
  EXPECT_EQ(desk.incoming.size(), 1u);
  call.cancel();
}

TEST_F(WebphoneTest, AClientsNumberIsNoExtension) {
  auto& ann = webphone(world, "Ann");
  EXPECT_EQ(refused({.line = ann.account, .password = ann.password}), base::ErrorCode::kDenied);
}

TEST_F(WebphoneTest, BearersOfTheHttpApi) {
  auto& ann = webphone(world, "Ann");
  webphone(world, "", {.line = "alice", .password = "secret of alice"});
  EXPECT_EQ(webphones.bearer(ann.account + "." + ann.password), &of(ann));
  EXPECT_EQ(webphones.bearer("alice." + webphones.find("alice")->secret)->number, "alice");   // what connect() gave it; its password proves nothing here
  for (const std::string& wrong : {std::string("alice.secret of alice"), ann.account + ".x", ann.account + ".", std::string("alice."), std::string("bob.secret of bob"), std::string("x"), std::string()}) {
    EXPECT_EQ(webphones.bearer(wrong), nullptr) << wrong;
  }
}

// Rights end at once, not with the page's connection.
TEST_F(WebphoneTest, SurvivalItem22ABearerEndsWithItsAccountAndWithItsPassword) {
  const auto connect = [&](const std::string& password) { return webphones.connect({.line = "alice", .password = password}); };
  const auto bearer = [&](const pbx::WebphoneClient& client) { return "alice." + client.secret; };
  ASSERT_TRUE(connect("secret of alice"));
  const auto old = bearer(*webphones.find("alice"));
  EXPECT_NE(webphones.bearer(old), nullptr);
  world.accounts.put({.name = "alice", .display_name = {}, .hashes = sip::StoredHashes::make("alice", "parley", "another")});
  EXPECT_EQ(webphones.bearer(old), nullptr);
  EXPECT_FALSE(connect("secret of alice"));
  ASSERT_TRUE(connect("another"));
  EXPECT_EQ(webphones.bearer(old), nullptr);
  const auto renewed = bearer(*webphones.find("alice"));
  EXPECT_NE(webphones.bearer(renewed), nullptr);
  world.accounts.remove("alice");
  EXPECT_EQ(webphones.bearer(renewed), nullptr);
}

// ---- whom one calls

TEST_F(WebphoneTest, ClientsAccountsAndRoomsThatAreThereOr404) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& call = ann.invite("sip:" + ben.account + "@parley");
  ASSERT_EQ(ben.incoming.size(), 1u);
  EXPECT_EQ(ben.incoming.back()->invite->from().display(), "Ann");
  ben.incoming.back()->answer();
  EXPECT_EQ(call.status(), 200);
  EXPECT_EQ(ann.invite("sip:nowhere@parley").status(), 404);
  EXPECT_TRUE(ann.calls.back().provisionals.empty() || !ann.calls.back().provisional(180));
  EXPECT_EQ(ann.invite("sip:carol@parley").status(), 480);        // known, not registered
  EXPECT_EQ(ann.invite("sip:_default@parley").status(), 404);
  EXPECT_EQ(world.pbx.rooms().size(), 0u);
  EXPECT_EQ(ann.invite("sip:lounge@parley").status(), 200);       // configured
  EXPECT_EQ(world.pbx.rooms().size(), 1u);
}

TEST_F(WebphoneTest, TheLineSaysWhomItsClientsCall) {
  auto& small = webphone(world, "Small", {.line = "Small"});
  auto& ann = webphone(world, "Ann");
  world.registered(world.phone("bob"));
  for (const auto& to : {ann.account, std::string("bob"), std::string("lounge")}) EXPECT_EQ(small.invite("sip:" + to + "@parley").status(), 403) << to;
}

TEST_F(WebphoneTest, ACallWithoutANumberGoesWhereTheLineSays) {
  auto& alice = world.registered(world.phone("alice"));
  auto& client = webphone(world, "T", {.token = token()});
  client.invite("sip:_default@parley");
  EXPECT_EQ(alice.incoming.size(), 1u);
}

TEST_F(WebphoneTest, ATokensRoomIsTheOnlyOne) {
  auto& client = webphone(world, "T", {.token = token({.line = "Team", .room = "Lounge"})});
  world.registered(world.phone("alice"));
  EXPECT_EQ(client.invite("sip:alice@parley").status(), 403);
  EXPECT_EQ(client.invite("sip:other@parley").status(), 403);
  EXPECT_EQ(client.invite("sip:_default@parley").status(), 200);
  EXPECT_NE(world.pbx.rooms().find("lounge"), nullptr);
}

TEST_F(WebphoneTest, SurvivalItem22WithoutTheRightNoCallAndNoText) {
  pbx::TokenClaims silent{.line = "Team"};
  silent.may = pbx::Privileges::none();
  auto& nobody = webphone(world, "N", {.token = token(silent)});
  EXPECT_EQ(nobody.invite("sip:lounge@parley").status(), 403);
  silent.may.internal = true;
  auto& listener = webphone(world, "L", {.token = token(silent)});
  auto& ann = webphone(world, "Ann");
  auto& call = listener.invite("sip:" + ann.account + "@parley");
  ann.incoming.back()->answer();
  ASSERT_EQ(call.status(), 200);
  EXPECT_EQ(call.message("text/plain", "hi"), 403);
  EXPECT_EQ(ann.incoming.back()->message("text/plain", "hi"), 202);
  EXPECT_EQ(listener.request("MESSAGE", "sip:" + ann.account + "@parley", {}, "text/plain", "hi")->status(), 403);
}

// Rule 5: a page blocks for two minutes in a dialogue of its own.
TEST_F(WebphoneTest, APageThatStandsStillForTwoMinutesMissesNothing) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& roster = subscribe(ben, "Webphone1", kRoster, kAcceptRoster);
  // JsSIP's 180 has gone out or not: here the page was blocked before it could. The INVITE waits.
  auto& call = ann.invite("sip:" + ben.account + "@parley");
  ASSERT_EQ(ben.incoming.size(), 1u);
  world.advance(120s);
  EXPECT_EQ(call.status(), 0);
  ben.incoming.back()->answer();
  ASSERT_EQ(call.status(), 200);
  // Blocked in the call: a text, a re-INVITE (the other adds video) and the roster wait.
  ben.holds = true;
  EXPECT_EQ(call.message("text/plain", "are you there?"), 202);
  auto& third = webphone(world, "Carl");
  world.advance(120s);
  EXPECT_FALSE(call.ended);
  EXPECT_FALSE(ben.incoming.back()->ended);
  EXPECT_EQ(known(roster).size(), 2u);   // it lies in its socket
  ben.holds = false;
  for (auto& text : std::exchange(roster.unanswered, {})) {
    const auto request = sip::Message::parse(base::share(text));
    ben.write("SIP/2.0 200 OK\r\nVia: " + std::string((*request)->value(sip::HeaderId::kVia)) + "\r\nFrom: " + std::string((*request)->value(sip::HeaderId::kFrom)) +
              "\r\nTo: " + std::string((*request)->value(sip::HeaderId::kTo)) + "\r\nCall-ID: " + std::string((*request)->call_id()) +
              "\r\nCSeq: " + std::to_string((*request)->cseq().number) + " NOTIFY\r\nContent-Length: 0\r\n\r\n");
  }
  world.settle();
  third.request("REGISTER", "sip:parley", "Contact: *\r\nExpires: 0\r\n");
  world.advance(100ms);
  EXPECT_EQ(known(roster).size(), 1u);   // the subscription lives
}

TEST_F(WebphoneTest, ACallerThatStandsStillIsWaitedForToo) {
  auto& ann = webphone(world, "Ann");
  auto& ben = webphone(world, "Ben");
  auto& call = [&]() -> ClientCall& {
    auto& c = ann.invite("sip:" + ben.account + "@parley");
    c.sends_ack = false;
    return c;
  }();
  ben.incoming.back()->answer();
  world.advance(120s);
  EXPECT_FALSE(ben.incoming.back()->ended);
  call.ack();
  world.advance(5s);
  EXPECT_EQ(call.message("text/plain", "here I am"), 202);
}

// A phone is given up as before: 64*T1 (RFC 3261 section 17.1.1.2, timer B).
TEST_F(WebphoneTest, APhoneIsNotWaitedForThatLong) {
  auto& phone = world.registered(world.phone("bob"));
  phone.deaf = true;
  auto& ann = webphone(world, "Ann");
  auto& call = ann.invite("sip:bob@parley");
  world.advance(33s);
  EXPECT_NE(call.status(), 0);
}

}  // namespace
