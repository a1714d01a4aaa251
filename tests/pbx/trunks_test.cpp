// Trunks: registration, whom a challenge is answered, caller numbers, whose calls are a trunk's, and addresses that fail.
#include "pbx/trunks.hpp"

#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::HeaderId;

base::SocketAddress at(const std::string& ip, std::uint16_t port = 5060) { return *base::SocketAddress::parse(ip, port); }

class TrunksTest : public SipScript {
 protected:
  TrunksTest() {
    provider.name = "Provider";
    provider.server = "sip.provider.example";
    provider.username = "4930123";
    provider.password = "secret";
    alice.account = alice.number = "alice";
    alice.display_name = "Alice Liddell";
    alice.participant = "p1";
  }
  ~TrunksTest() override { trunks.reset(); }

  void start(std::vector<pbx::TrunkConfig> configs) {
    trunks = std::make_unique<pbx::Trunks>(std::move(configs), timeline,
                                           [this](const std::string& name, sip::Transport, std::function<void(std::vector<base::SocketAddress>)> done) {
                                             asked.push_back(name);
                                             if (names.contains(name)) done(names[name]);
                                             if (!names.contains(name)) waiting.push_back(std::move(done));
                                           });
    trunks->attach(*agent);
    timeline.advance(0s);
  }
  void start() { start({provider}); }
  void register_provider() {
    provider.registers = true;
    start();
    feed_back(take("REGISTER "), 200, "Contact: <sip:x@y>;expires=600\n");
    ASSERT_TRUE(trunks->status().front().registered);
  }
  // The next message of that kind: others (OPTIONS) are passed over.
  Sent take(std::string_view start_line) {
    while (!network.sent.empty()) {
      Sent sent = std::move(network.sent.front());
      network.sent.pop_front();
      if (sent.text.starts_with(start_line)) return sent;
    }
    ADD_FAILURE() << "nothing was sent that begins with " << start_line;
    return {};
  }
  bool sent(std::string_view start_line) const {
    return std::any_of(network.sent.begin(), network.sent.end(), [&](const auto& s) { return s.text.starts_with(start_line); });
  }
  void feed_back(const Sent& to, int status, const std::string& headers = {}) {
    feed(response(to, status, "t", headers), {to.target.transport, to.target.remote, at("192.0.2.1"), to.target.flow, 1});
  }
  // The trunk's requests of that kind get that answer (0: none) for some time.
  void live(base::Duration time, int register_status, int options_status) {
    for (const auto end = timeline.now() + time; timeline.now() < end;) {
      while (!network.sent.empty()) {
        const Sent one = std::move(network.sent.front());
        network.sent.pop_front();
        registers += one.text.starts_with("REGISTER ");
        const int status = one.text.starts_with("REGISTER ") ? register_status : one.text.starts_with("OPTIONS ") ? options_status : 0;
        if (status != 0) feed_back(one, status, status == 200 ? "Contact: <sip:x@y>;expires=600\n" : "");
      }
      advance(1s);
    }
  }
  base::Result<pbx::TrunkCall> call(const std::string& number = "+49301234567", const std::string& caller_number = {}) {
    return trunks->prepare("provider", number, alice, caller_number);
  }
  sip::MessagePtr incoming(const std::string& user) {
    return parse(wire("INVITE sip:" + user + "@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\nMax-Forwards: 70\n"
                      "From: <sip:+4940@provider>;tag=a\nTo: <sip:" + user + "@192.0.2.1>\nCall-ID: c\nCSeq: 1 INVITE\nContact: <sip:a@198.51.100.7>\n"));
  }
  std::string identified(const std::string& user, const sip::Source& source) {
    const auto* trunk = trunks->identify(*incoming(user), source);
    return trunk ? trunk->name : "";
  }

  pbx::TrunkConfig provider;
  bridge::Party alice;
  std::map<std::string, std::vector<base::SocketAddress>> names{{"sip.provider.example", {at("198.51.100.7")}}};
  std::vector<std::string> asked;
  std::vector<std::function<void(std::vector<base::SocketAddress>)>> waiting;
  std::unique_ptr<pbx::Trunks> trunks;
  int registers = 0;
};

// RFC 3261 10.2
TEST_F(TrunksTest, ATrunkRegisters) {
  provider.registers = true;
  start();
  const Sent first = take("REGISTER sip:sip.provider.example ");
  EXPECT_EQ(first.target.remote, at("198.51.100.7"));
  EXPECT_NE(first.text.find("To: <sip:4930123@sip.provider.example>"), first.text.npos);
  EXPECT_NE(first.text.find("Expires: 600"), first.text.npos);
  EXPECT_FALSE(trunks->status().front().registered);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);   // not yet
  feed_back(first, 401, "WWW-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"n1\", qop=\"auth\"\n");
  const Sent second = take("REGISTER ");
  EXPECT_NE(second.text.find("username=\"4930123\""), second.text.npos);
  EXPECT_EQ(second.text.find("secret"), second.text.npos);
  feed_back(second, 200, "Contact: <sip:x@y>;expires=600\n");
  EXPECT_TRUE(trunks->status().front().registered);
  EXPECT_TRUE(trunks->status().front().reachable);
  EXPECT_TRUE(call());
  trunks->close();
  EXPECT_FALSE(trunks->closed());
  const Sent last = take("REGISTER ");
  EXPECT_NE(last.text.find("Expires: 0"), last.text.npos);
  feed_back(last, 200);
  advance(0s);
  EXPECT_TRUE(trunks->closed());
}

// RFC 7616 3.3: a refreshed registration whose nonce was refused
TEST_F(TrunksTest, ANonceThatIsStaleIsRenewed) {
  provider.registers = true;
  start();
  feed_back(take("REGISTER "), 401, "WWW-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"n1\", qop=\"auth\"\n");
  feed_back(take("REGISTER "), 200, "Contact: <sip:x@y>;expires=600\n");
  live(530s, 200, 200);
  advance(15s);
  const Sent refresh = take("REGISTER ");
  network.sent.clear();
  EXPECT_NE(refresh.text.find("nonce=\"n1\""), refresh.text.npos);
  feed_back(refresh, 401, "WWW-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"n2\", qop=\"auth\", stale=true\n");
  const Sent again = take("REGISTER ");
  EXPECT_NE(again.text.find("nonce=\"n2\""), again.text.npos);
  feed_back(again, 200, "Contact: <sip:x@y>;expires=600\n");
  EXPECT_TRUE(trunks->status().front().registered);
}

// Survival item 6, CVE-2021-41158
TEST_F(TrunksTest, SurvivalItem6AnotherRealmGetsNothing) {
  provider.registers = true;
  start();
  feed_back(take("REGISTER "), 401, "WWW-Authenticate: Digest realm=\"another\", nonce=\"n1\", qop=\"auth\"\n");
  EXPECT_FALSE(sent("REGISTER "));
  EXPECT_EQ(trunks->status().front().last_status, 401);
  provider.realm = "another";
  start();
  feed_back(take("REGISTER "), 401, "WWW-Authenticate: Digest realm=\"another\", nonce=\"n1\", qop=\"auth\"\n");
  EXPECT_NE(take("REGISTER ").text.find("realm=\"another\""), std::string::npos);
}

// Survival item 6: two providers, each asks for the other's password
TEST_F(TrunksTest, SurvivalItem6EachProviderHasItsOwnCredentials) {
  auto other = provider;
  provider.registers = other.registers = true;
  other.name = "Other";
  other.server = "other.example";
  other.username = "4040";
  names["other.example"] = {at("203.0.113.5")};
  start({provider, other});
  const Sent first = take("REGISTER sip:sip.provider.example "), second = take("REGISTER sip:other.example ");
  feed_back(first, 401, "WWW-Authenticate: Digest realm=\"other.example\", nonce=\"n1\", qop=\"auth\"\n");
  feed_back(second, 401, "WWW-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"n1\", qop=\"auth\"\n");
  EXPECT_FALSE(sent("REGISTER "));
}

// Survival item 6: a name that moves takes the password along, and leaves none behind
TEST_F(TrunksTest, SurvivalItem6OnlyTheAddressesOfTheNameAreProvenTo) {
  start();
  auto prepared = call();
  ASSERT_TRUE(prepared);
  const auto send = [&](const base::SocketAddress& where) {
    network.sent.clear();
    sip::OutgoingRequest out;
    out.target = {sip::Transport::kUdp, where, 0, 0};
    out.method = "MESSAGE";
    out.request_uri = "sip:1@sip.provider.example";
    out.from = "sip:4930123@sip.provider.example";
    out.to = out.request_uri;
    out.auth = prepared->auth;
    agent->send_request(out, [](const sip::MessagePtr&) {});
    feed_back(take("MESSAGE "), 407, "Proxy-Authenticate: Digest realm=\"sip.provider.example\", nonce=\"n1\", qop=\"auth\"\n");
    return sent("MESSAGE ");
  };
  EXPECT_TRUE(send(at("198.51.100.7")));
  EXPECT_FALSE(send(at("203.0.113.5")));
  names["sip.provider.example"] = {at("203.0.113.5")};
  live(301s, 200, 200);
  EXPECT_TRUE(send(at("203.0.113.5")));
  EXPECT_FALSE(send(at("198.51.100.7")));
}

TEST_F(TrunksTest, WhatACallSays) {
  start();
  auto one = call("*21#49 30");
  EXPECT_EQ(one.error().code, base::ErrorCode::kMalformed);
  one = call("*21#4930");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->request_uri, "sip:*21%234930@sip.provider.example");
  EXPECT_EQ(one->to_uri, one->request_uri);
  EXPECT_EQ(one->target.remote, at("198.51.100.7"));
  EXPECT_EQ(one->route, "");
  EXPECT_EQ(one->headers, "");
  EXPECT_NE(one->auth, nullptr);
  EXPECT_EQ(call("a@b>\"c")->request_uri, "sip:a%40b%3E%22c@sip.provider.example");
  for (const auto& bad : {std::string(), std::string("1\r\nX: y"), std::string(200, '1'), std::string("1\0", 2)}) {
    EXPECT_EQ(call(bad).error().code, base::ErrorCode::kMalformed);
  }
  EXPECT_EQ(trunks->prepare("nobody", "1", alice).error().code, base::ErrorCode::kNotFound);
}

TEST_F(TrunksTest, CallerNumbers) {
  start();
  EXPECT_EQ(call()->from_uri, "sip:4930123@sip.provider.example");   // "alice" is no number
  EXPECT_EQ(call()->from_display, "Alice Liddell");
  alice.number = "+4930777";
  EXPECT_EQ(call()->from_uri, "sip:+4930777@sip.provider.example");
  EXPECT_EQ(call("1", "4955")->from_uri, "sip:4955@sip.provider.example");
  EXPECT_EQ(call("1", "a b\r\n")->from_uri, "sip:+4930777@sip.provider.example");
  alice.account.clear();   // a guest says of himself what he likes
  EXPECT_EQ(call()->from_uri, "sip:4930123@sip.provider.example");
  alice.trunk = "other";   // a provider is believed
  EXPECT_EQ(call()->from_uri, "sip:+4930777@sip.provider.example");
  provider.caller_number = "+49301234";
  provider.show_caller_name = false;
  provider.domain = "provider.example";
  start();
  EXPECT_EQ(call()->from_uri, "sip:+49301234@provider.example");
  EXPECT_EQ(call()->from_display, "");
  EXPECT_EQ(call("1", "4955")->from_uri, "sip:4955@provider.example");
}

TEST_F(TrunksTest, ATrunkWithoutAnAccountHasNoCredentials) {
  provider.username.clear();
  start();
  EXPECT_EQ(call()->auth, nullptr);
  EXPECT_EQ(call()->from_uri, "sip:anonymous@sip.provider.example");
}

// RFC 3261 16.6 step 6, 20.34: a loose route
TEST_F(TrunksTest, AnOutboundProxyIsTheNextHop) {
  provider.outbound_proxy = "proxy.provider.example:5070";
  provider.transport = "tcp";
  provider.registers = true;
  names[provider.outbound_proxy] = {at("198.51.100.99", 5070)};
  start();
  const Sent first = take("REGISTER sip:sip.provider.example ");
  EXPECT_EQ(first.target.remote, at("198.51.100.99", 5070));
  EXPECT_EQ(first.target.transport, sip::Transport::kTcp);
  EXPECT_NE(first.text.find("Route: <sip:proxy.provider.example:5070;transport=tcp;lr>"), first.text.npos);
  feed_back(first, 200);
  ASSERT_TRUE(call());
  EXPECT_EQ(call()->route, "<sip:proxy.provider.example:5070;transport=tcp;lr>");
  EXPECT_EQ(identified("1", udp(5060, "198.51.100.99")), "Provider");
  EXPECT_EQ(identified("1", udp(5060, "198.51.100.7")), "Provider");   // of its server
}

TEST_F(TrunksTest, WhoseCallsAreATrunks) {
  provider.addresses = {at("203.0.113.1", 0)};
  provider.registers = true;
  auto second = provider;
  second.name = "Second";
  second.username = "5050";
  second.addresses.clear();
  start({provider, second});
  EXPECT_EQ(identified("1", udp(1234, "198.51.100.7")), "Provider");
  EXPECT_EQ(identified("5050", udp(1234, "198.51.100.7")), "Second");
  EXPECT_EQ(identified("1", stream(sip::Transport::kTls, 3)), "Provider");
  EXPECT_EQ(identified("1", udp(5060, "203.0.113.1")), "Provider");
  EXPECT_EQ(identified("1", udp(5060, "203.0.113.2")), "");
  EXPECT_EQ(identified("4930123", udp(5060, "203.0.113.2")), "");
  // By the Contact that it was given, wherever it comes from.
  take("REGISTER ");
  const Sent registration = take("REGISTER ");
  const auto contact = sip::NameAddr::parse(registration.message->value(HeaderId::kContact));
  ASSERT_TRUE(contact);
  const std::string user(contact->uri.user);
  EXPECT_GE(user.size(), 24U);
  EXPECT_EQ(identified(user, udp(5060, "203.0.113.2")), "Second");
  EXPECT_EQ(identified(user + "x", udp(5060, "203.0.113.2")), "");
  // What is dialled stands in To then.
  auto text = wire("INVITE sip:" + user + "@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\nMax-Forwards: 70\n"
                   "From: <sip:+4940@provider>;tag=a\nTo: <sip:%2B4930@provider>\nCall-ID: c\nCSeq: 1 INVITE\nContact: <sip:a@198.51.100.7>\n");
  EXPECT_EQ(trunks->number_called("second", *parse(text)), "+4930");
  EXPECT_EQ(trunks->number_called("provider", *parse(text)), user);
  EXPECT_EQ(trunks->number_called("second", *incoming("%2B4931")), "+4931");
}

// A proxy before the web server may have the same address as another PBX.
TEST_F(TrunksTest, APageIsNoTrunk) {
  provider.addresses = {at("198.51.100.8", 0)};
  start();
  EXPECT_EQ(identified("1", stream(sip::Transport::kTcp, 3)), "Provider");
  EXPECT_EQ(identified("1", websocket()), "");
  auto configured = websocket();
  configured.remote = at("198.51.100.8");
  configured.transport = sip::Transport::kWss;
  EXPECT_EQ(identified("1", configured), "");
}

// Others are on the same machine: their ports tell them apart.
TEST_F(TrunksTest, OnLoopbackThePortCounts) {
  names["sip.provider.example"] = {at("127.0.0.1", 5070)};
  start();
  EXPECT_EQ(identified("1", udp(5070, "127.0.0.1")), "Provider");
  EXPECT_EQ(identified("1", udp(5071, "127.0.0.1")), "");
  EXPECT_EQ(identified("1", udp(5070, "127.0.0.2")), "");
  auto source = udp(41000, "127.0.0.1");
  source.transport = sip::Transport::kTcp;
  EXPECT_EQ(identified("1", source), "");
  provider.addresses = {at("127.0.0.1", 0)};
  start();
  EXPECT_EQ(identified("1", source), "Provider");
  EXPECT_EQ(identified("1", udp(5071, "127.0.0.1")), "Provider");
}

TEST_F(TrunksTest, ANameThatIsNotFoundIsAskedForAgain) {
  names.clear();
  start();
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  EXPECT_FALSE(trunks->status().front().reachable);
  names["sip.provider.example"] = {};
  waiting[0]({});
  advance(4s);
  EXPECT_EQ(asked.size(), 1U);
  advance(1h);
  EXPECT_LT(asked.size(), 25U);   // with a pause that grows
  EXPECT_GT(asked.size(), 10U);
  names["sip.provider.example"] = {at("198.51.100.7")};
  advance(301s);
  EXPECT_TRUE(call());
  // What was found counts on when the name server fails.
  names["sip.provider.example"] = {};
  live(1h, 200, 200);
  EXPECT_TRUE(call());
  EXPECT_TRUE(trunks->status().front().reachable);
}

TEST_F(TrunksTest, AnotherOrderIsNoReasonToMove) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8")};
  start();
  EXPECT_EQ(call()->target.remote, at("198.51.100.7"));
  names["sip.provider.example"] = {at("198.51.100.8"), at("198.51.100.7")};
  live(301s, 200, 200);
  EXPECT_EQ(call()->target.remote, at("198.51.100.7"));
  names["sip.provider.example"] = {at("198.51.100.8")};
  live(301s, 200, 200);
  EXPECT_EQ(call()->target.remote, at("198.51.100.8"));
}

// RFC 3263 4.3
TEST_F(TrunksTest, TheNextAddressIsTriedWhenOneIsSilent) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8")};
  provider.registers = true;
  start();
  EXPECT_EQ(take("REGISTER ").target.remote, at("198.51.100.7"));
  advance(33s);
  while (network.sent.front().target.remote == at("198.51.100.7")) network.sent.pop_front();
  const Sent second = take("REGISTER ");
  EXPECT_EQ(second.target.remote, at("198.51.100.8"));
  feed_back(second, 200, "Contact: <sip:x@y>;expires=600\n");
  EXPECT_TRUE(trunks->status().front().registered);
  EXPECT_EQ(call()->target.remote, at("198.51.100.8"));
}

TEST_F(TrunksTest, WhenAllAreSilentCallsAreRefusedAtOnce) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8")};
  provider.registers = true;
  start();
  live(70s, 0, 0);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  EXPECT_FALSE(trunks->status().front().reachable);
  EXPECT_EQ(trunks->status().front().last_status, 408);
  registers = 0;
  for (int i = 0; i < 60; ++i) {
    live(1min, 0, 0);
    EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  }
  EXPECT_GT(registers, 60);
  EXPECT_LT(registers, 1000);     // retransmissions with them
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  live(5min, 200, 200);           // it is back
  EXPECT_TRUE(call());
  EXPECT_TRUE(trunks->status().front().registered);
}

// A server that refuses is not asked in a circle, however many addresses it has.
TEST_F(TrunksTest, RefusalsAreNotTriedAgainSoon) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8"), at("198.51.100.9")};
  provider.registers = true;
  start();
  live(10min, 403, 200);
  EXPECT_LE(registers, 3);
  EXPECT_TRUE(call());            // whether it takes calls all the same is the provider's to say
  live(10min, 503, 200);
  EXPECT_LT(registers, 120);
}

// RFC 3261 11: by OPTIONS
TEST_F(TrunksTest, ATrunkThatFallsSilentIsNoticed) {
  start();
  live(2min, 0, 200);
  EXPECT_TRUE(call());
  live(70s, 0, 0);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  live(70s, 0, 200);
  EXPECT_TRUE(call());
}

TEST_F(TrunksTest, NoneOfSeveralAddressesIsBelievedAgainBeforeItAnswers) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8"), at("198.51.100.9")};
  start();
  live(2min, 0, 200);
  live(5min, 0, 0);
  for (int i = 0; i < 60; ++i) {
    live(30s, 0, 0);
    EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  }
  live(2min, 0, 200);
  EXPECT_TRUE(call());
}

TEST_F(TrunksTest, ATrunkThatNeverAnsweredOptionsIsBelievedToBeThere) {
  start();
  live(10min, 0, 0);
  EXPECT_TRUE(call());
  trunks->note_silence("provider", at("198.51.100.7"));
  EXPECT_FALSE(call());
  advance(31s);
  EXPECT_TRUE(call());
}

// RFC 3263 4.3: a connection that can't be made
TEST_F(TrunksTest, AnAddressThatRefusesConnectionsIsPassedOver) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8")};
  provider.transport = "tcp";
  start();
  const Sent probe = take("OPTIONS ");
  agent->on_send_failed(probe.target);
  EXPECT_EQ(call()->target.remote, at("198.51.100.8"));
  advance(30s);
  agent->on_send_failed(take("OPTIONS ").target);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  advance(30s);
  feed_back(take("OPTIONS "), 200);
  EXPECT_TRUE(call());
}

TEST_F(TrunksTest, ARegistrarThatIgnoresOptionsLaterIsBelieved) {
  provider.registers = true;
  start();
  live(2min, 200, 200);
  live(3min, 200, 0);
  EXPECT_TRUE(call());
  EXPECT_TRUE(trunks->status().front().reachable);
}

TEST_F(TrunksTest, ASilentCallMakesTheNextAddressTheFirst) {
  names["sip.provider.example"] = {at("198.51.100.7"), at("198.51.100.8")};
  start();
  trunks->note_silence("PROVIDER", at("198.51.100.7"));
  EXPECT_EQ(call()->target.remote, at("198.51.100.8"));
  trunks->note_silence("provider", at("203.0.113.99"));   // not its own
  EXPECT_TRUE(call());
}

TEST_F(TrunksTest, CallsAreCounted) {
  provider.max_calls = 2;
  start();
  trunks->note_call("provider", 1);
  EXPECT_TRUE(call());
  trunks->note_call("Provider", 1);
  EXPECT_EQ(trunks->status().front().calls, 2U);
  EXPECT_EQ(call().error().code, base::ErrorCode::kUnavailable);
  trunks->note_call("provider", -1);
  EXPECT_TRUE(call());
  for (int i = 0; i < 3; ++i) trunks->note_call("provider", -1);
  EXPECT_EQ(trunks->status().front().calls, 0U);
}

// RFC 5626 4.4: a connection that goes is made again, but not in a circle
TEST_F(TrunksTest, AClosedConnectionRegistersAgain) {
  provider.transport = "tcp";
  register_provider();
  network.sent.clear();
  const sip::Source gone{sip::Transport::kTcp, at("198.51.100.7"), at("192.0.2.1"), 9, 0};
  trunks->on_connection_closed({sip::Transport::kTcp, at("198.51.100.8"), at("192.0.2.1"), 8, 0});
  advance(1s);
  EXPECT_FALSE(sent("REGISTER "));
  trunks->on_connection_closed(gone);
  advance(0s);
  feed_back(take("REGISTER "), 200, "Contact: <sip:x@y>;expires=600\n");
  for (int i = 0; i < 5; ++i) {
    trunks->on_connection_closed(gone);
    advance(1s);
    EXPECT_FALSE(sent("REGISTER "));
  }
  advance(26s);
  EXPECT_TRUE(sent("REGISTER "));
}

}  // namespace
