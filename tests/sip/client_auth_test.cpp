// Challenges to requests of ours, and registrations at a provider.
#include "sip/registration.hpp"
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::HeaderId;

const std::string kChallenge = "WWW-Authenticate: Digest realm=\"provider\", nonce=\"n1\", qop=\"auth\", algorithm=MD5\n";
const std::string kProxyChallenge = "Proxy-Authenticate: Digest realm=\"provider\", nonce=\"p1\", qop=\"auth\"\n";
std::string challenge(const std::string& nonce, const std::string& more = {}) {
  return "WWW-Authenticate: Digest realm=\"provider\", nonce=\"" + nonce + "\", qop=\"auth\"" + more + "\n";
}

class ClientAuthTest : public SipScript {
 protected:
  std::shared_ptr<sip::ClientAuth> auth(const std::string& realm = "provider", const std::string& ip = "198.51.100.7") {
    provider = std::make_shared<sip::PeerCredentials>(realm, sip::PasswordCredentials{"alice", "secret"},
                                                      std::vector{*base::SocketAddress::parse(ip, 5060)});
    return std::make_shared<sip::ClientAuth>(provider);
  }
  void send(std::shared_ptr<sip::ClientAuth> with, const std::string& method = "MESSAGE") {
    sip::OutgoingRequest out;
    out.target = sip::Target::back_to(peer);
    out.method = method;
    out.request_uri = "sip:bob@provider";
    out.from = "sip:alice@provider";
    out.to = "sip:bob@provider";
    out.content_type = "text/plain";
    out.body = base::share("hello");
    out.auth = std::move(with);
    agent->send_request(out, [this](const sip::MessagePtr& r) { results.push_back(r ? r->status() : 0); });
  }
  // Does it prove the password?
  static bool proves(const Sent& sent, const std::string& method, HeaderId header = HeaderId::kAuthorization,
                     const std::string& realm = "provider") {
    const auto credentials = sip::parse_authorization(sent.message->value(header));
    if (!credentials) return false;
    EXPECT_EQ(credentials->username, "alice");
    EXPECT_EQ(credentials->uri, sent.message->request_uri_text());
    sip::DigestChallenge asked;
    asked.realm = realm;
    asked.nonce = credentials->nonce;
    asked.opaque = credentials->opaque;
    asked.qop_auth = true;
    asked.algorithm = credentials->algorithm.value_or(sip::DigestAlgorithm::kMd5);
    return sent.message->value(header) ==
           sip::answer_challenge(asked, {"alice", "secret"}, method, credentials->uri, credentials->count, credentials->cnonce);
  }
  static std::string nonce_of(const Sent& sent) {
    const auto credentials = sip::parse_authorization(sent.message->value(HeaderId::kAuthorization));
    return credentials ? credentials->nonce : "";
  }

  std::shared_ptr<sip::PeerCredentials> provider;
  std::vector<int> results;
};

// RFC 3261 22.2, 8.1.3.5
TEST_F(ClientAuthTest, AChallengedRequestIsSentAgain) {
  send(auth());
  const Sent first = expect("MESSAGE ");
  EXPECT_EQ(first.message->find(HeaderId::kAuthorization), nullptr);
  feed(response(first, 401, "t", kChallenge));
  const Sent again = expect("MESSAGE ");
  EXPECT_TRUE(proves(again, "MESSAGE"));
  EXPECT_EQ(again.message->call_id(), first.message->call_id());
  EXPECT_EQ(again.message->from_tag(), first.message->from_tag());
  EXPECT_EQ(again.message->cseq().number, first.message->cseq().number + 1);
  EXPECT_EQ(again.message->to_tag(), "");
  EXPECT_EQ(again.message->body(), "hello");
  EXPECT_NE(again.message->top_via().branch(), first.message->top_via().branch());
  EXPECT_TRUE(results.empty());
  feed(response(again, 200, "t"));
  EXPECT_EQ(results, std::vector<int>{200});
}

// Survival item 6, CVE-2021-41158
TEST_F(ClientAuthTest, AnotherRealmOrPeerGetsNothing) {
  for (const auto& with : {auth("other"), auth("provider", "198.51.100.8"), auth(""), std::shared_ptr<sip::ClientAuth>()}) {
    send(with);
    feed(response(expect("MESSAGE "), 401, "t", kChallenge));
    expect_nothing();
  }
  EXPECT_EQ(results, (std::vector<int>{401, 401, 401, 401}));
}

// Survival item 6: the answer, too, must come from the peer
TEST_F(ClientAuthTest, AChallengeFromElsewhereGetsNothing) {
  send(auth());
  const Sent first = expect("MESSAGE ");
  feed(response(first, 401, "t", kChallenge), udp(5060, "203.0.113.9"));
  expect_nothing();
  EXPECT_EQ(results, std::vector<int>{401});
}

// RFC 3261 22.2: no second try with what was refused
TEST_F(ClientAuthTest, AWrongPasswordIsTriedOnce) {
  const auto with = auth();
  send(with);
  feed(response(expect("MESSAGE "), 401, "t", challenge("n1")));
  feed(response(expect("MESSAGE "), 401, "t", challenge("n2")));
  expect_nothing();
  EXPECT_EQ(results, std::vector<int>{401});
  send(with);   // nothing is kept of it
  EXPECT_EQ(expect("MESSAGE ").message->find(HeaderId::kAuthorization), nullptr);
}

// RFC 7616 3.3: stale
TEST_F(ClientAuthTest, AStaleNonceIsRenewedOnce) {
  const auto with = auth();
  send(with);
  feed(response(expect("MESSAGE "), 401, "t", challenge("n1")));
  feed(response(expect("MESSAGE "), 401, "t", challenge("n2", ", stale=true")));
  const Sent third = expect("MESSAGE ");
  EXPECT_EQ(nonce_of(third), "n2");
  feed(response(third, 401, "t", challenge("n3", ", stale=true")));
  expect_nothing();
  EXPECT_EQ(results, std::vector<int>{401});
}

// RFC 7616 3.4: the nonce is kept, its count rises
TEST_F(ClientAuthTest, LaterRequestsBringTheirCredentials) {
  const auto with = auth();
  send(with);
  feed(response(expect("MESSAGE "), 401, "t", kChallenge));
  feed(response(expect("MESSAGE "), 200, "t"));
  send(with);
  const Sent next = expect("MESSAGE ");
  EXPECT_TRUE(proves(next, "MESSAGE"));
  EXPECT_EQ(sip::parse_authorization(next.message->value(HeaderId::kAuthorization))->count, 2U);
  peer = udp(5070, "198.51.100.99");   // not to anybody else
  send(with);
  EXPECT_EQ(expect("MESSAGE ").message->find(HeaderId::kAuthorization), nullptr);
  peer = udp();
  provider->set_peers({});             // nor when it is not configured any more
  send(with);
  EXPECT_EQ(expect("MESSAGE ").message->find(HeaderId::kAuthorization), nullptr);
}

// RFC 3261 22.3: the proxy asks, then the one behind it
TEST_F(ClientAuthTest, ProxyAndServerMayBothAsk) {
  send(auth());
  feed(response(expect("MESSAGE "), 407, "t", kProxyChallenge));
  const Sent second = expect("MESSAGE ");
  EXPECT_TRUE(proves(second, "MESSAGE", HeaderId::kProxyAuthorization));
  feed(response(second, 401, "t", kChallenge));
  const Sent third = expect("MESSAGE ");
  EXPECT_TRUE(proves(third, "MESSAGE", HeaderId::kProxyAuthorization));
  EXPECT_TRUE(proves(third, "MESSAGE"));
  feed(response(third, 407, "t", kProxyChallenge));
  expect_nothing();
}

// RFC 8760 2.4: the topmost that is known, one for each realm
TEST_F(ClientAuthTest, TheFirstKnownAlgorithmIsTaken) {
  send(auth());
  feed(response(expect("MESSAGE "), 401, "t",
                "WWW-Authenticate: Digest realm=\"provider\", nonce=\"a\", algorithm=SHA3-512, qop=\"auth\"\n"
                "WWW-Authenticate: Basic realm=\"provider\"\n"
                "WWW-Authenticate: Digest realm=\"elsewhere\", nonce=\"b\", qop=\"auth\"\n"
                "WWW-Authenticate: Digest realm=\"provider\", nonce=\"c\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"\n"
                "WWW-Authenticate: Digest realm=\"provider\", nonce=\"d\", algorithm=MD5, qop=\"auth\"\n"));
  const Sent again = expect("MESSAGE ");
  EXPECT_EQ(nonce_of(again), "c");
  EXPECT_TRUE(proves(again, "MESSAGE"));
  EXPECT_EQ(again.text.find("elsewhere"), std::string::npos);
  EXPECT_EQ(again.text.find("Authorization"), again.text.rfind("Authorization"));
}

TEST_F(ClientAuthTest, BrokenChallengesAreRefusals) {
  for (const std::string& broken : {std::string(), std::string("WWW-Authenticate: \n"), std::string("WWW-Authenticate: Digest\n"),
                                    std::string("WWW-Authenticate: Digest realm=provider, nonce=\n"),
                                    std::string("Proxy-Authenticate: Digest realm=\"provider\", nonce=\"n\"\n"),
                                    challenge(std::string(5000, 'n')), challenge("n", ", qop=\"auth-int\"")}) {
    send(auth());
    feed(response(expect("MESSAGE "), 401, "t", broken));
    expect_nothing();
  }
  EXPECT_EQ(results.size(), 7U);
}

TEST_F(ClientAuthTest, ManyChallengesAreBounded) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "WWW-Authenticate: Digest realm=\"r" + std::to_string(i) + "\", nonce=\"n\"\n";
  send(auth());
  feed(response(expect("MESSAGE "), 401, "t", many + kChallenge));
  expect_nothing();
  EXPECT_EQ(results, std::vector<int>{401});
}

// A folded challenge must not end a line of ours
TEST_F(ClientAuthTest, NothingOfAChallengeStartsAHeader) {
  send(auth());
  feed(response(expect("MESSAGE "), 401, "t", "WWW-Authenticate: Digest realm=\"provider\", opaque=\"a\n X-Evil: 1\", nonce=\"n\", qop=\"auth\"\n"));
  if (!network.sent.empty()) EXPECT_EQ(expect("MESSAGE ").message->find("X-Evil"), nullptr);
}

// RFC 3261 22.2, 22.1: INVITE, its ACK, and the requests in its dialog
TEST_F(ClientAuthTest, CallsAnswerChallenges) {
  auto invite = outgoing(peer);
  invite.auth = auth();
  session = &agent->invite(invite, handler);
  const Sent first = expect("INVITE ");
  feed(response(first, 407, "t1", kProxyChallenge));
  EXPECT_EQ(expect("ACK ").message->find(HeaderId::kProxyAuthorization), nullptr);
  const Sent second = expect("INVITE ");
  EXPECT_TRUE(proves(second, "INVITE", HeaderId::kProxyAuthorization));
  EXPECT_EQ(second.message->call_id(), first.message->call_id());
  EXPECT_EQ(second.message->cseq().number, first.message->cseq().number + 1);
  EXPECT_EQ(handler.ended, 0);
  feed(response(second, 200, "bobtag", kContact, "peer answer"));
  const Sent ack = expect("ACK ");
  EXPECT_EQ(ack.message->value(HeaderId::kProxyAuthorization), second.message->value(HeaderId::kProxyAuthorization));
  EXPECT_TRUE(handler.has("established"));

  session->reoffer();
  const Sent reinvite = expect("INVITE ");
  EXPECT_TRUE(proves(reinvite, "INVITE", HeaderId::kProxyAuthorization));
  feed(response(reinvite, 407, {}, "Proxy-Authenticate: Digest realm=\"provider\", nonce=\"p2\", qop=\"auth\"\n"));
  expect("ACK ");
  advance(0s);
  const Sent again = expect("INVITE ");
  EXPECT_NE(again.text.find("p2"), std::string::npos);
  feed(response(again, 200, {}, kContact, "peer answer"));
  expect("ACK ");

  session->end();
  const Sent bye = expect("BYE ");
  EXPECT_TRUE(proves(bye, "BYE", HeaderId::kProxyAuthorization));
  feed(response(bye, 407, {}, "Proxy-Authenticate: Digest realm=\"provider\", nonce=\"p3\", qop=\"auth\", stale=true\n"));
  const Sent bye_again = expect("BYE ");
  EXPECT_NE(bye_again.text.find("p3"), std::string::npos);
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(agent->sessions(), 1U);
  feed(response(bye_again, 200));
  EXPECT_EQ(agent->sessions(), 0U);
}

TEST_F(ClientAuthTest, ACallWithoutCredentialsIsRefused) {
  session = &agent->invite(outgoing(peer), handler);
  feed(response(expect("INVITE "), 407, "t1", kProxyChallenge));
  expect("ACK ");
  expect_nothing();
  EXPECT_EQ(handler.end.status, 407);
}

TEST_F(ClientAuthTest, ACallWithAWrongPasswordIsRefused) {
  auto invite = outgoing(peer);
  invite.auth = auth();
  session = &agent->invite(invite, handler);
  feed(response(expect("INVITE "), 401, "t1", challenge("a")));
  expect("ACK ");
  feed(response(expect("INVITE "), 401, "t1", challenge("b")));
  expect("ACK ");
  expect_nothing();
  EXPECT_EQ(handler.end.status, 401);
}

TEST_F(ClientAuthTest, AByeThatIsNotAnsweredLeavesNothing) {
  auto invite = outgoing(peer);
  invite.auth = auth();
  session = &agent->invite(invite, handler);
  feed(response(expect("INVITE "), 200, "bobtag", kContact, "peer answer"));
  expect("ACK ");
  session->end();
  advance(40s);
  EXPECT_EQ(handler.ended, 1);
  EXPECT_EQ(agent->sessions(), 0U);
}

class RegistrationTest : public ClientAuthTest, public sip::RegistrationHandler {
 protected:
  RegistrationTest() {
    config.target = sip::Target::back_to(peer);
    config.registrar = "sip:provider";
    config.aor = "sip:alice@provider";
    config.contact_user = "trunk-1";
    config.auth = auth();
  }
  void TearDown() override { registration.reset(); }
  void on_registered(std::chrono::seconds expires) override { log.push_back("registered " + std::to_string(expires.count())); }
  void on_registration_failed(int status, const std::string&, std::chrono::seconds wait) override {
    log.push_back("failed " + std::to_string(status));
    retry = wait;
  }
  void on_unregistered() override { log.push_back("unregistered"); }
  void start() {
    registration = std::make_unique<sip::Registration>(*agent, timeline, config, *this);
    registration->start();
  }
  Sent registered(const std::string& lines = "Contact: <sip:trunk-1@192.0.2.1:5060>;expires=600\n") {
    start();
    const Sent first = expect("REGISTER sip:provider SIP/2.0");
    feed(response(first, 200, "t", lines));
    return first;
  }

  sip::RegistrationConfig config;
  std::unique_ptr<sip::Registration> registration;
  std::vector<std::string> log;
  std::chrono::seconds retry{};
};

// RFC 3261 10.2, 10.2.4
TEST_F(RegistrationTest, RegistersAndRefreshes) {
  config.route = "<sip:proxy.provider;lr>";
  const Sent first = registered("Contact: <sip:other@203.0.113.1>;expires=30, <sip:trunk-1@192.0.2.1:5060>;expires=600\nExpires: 7\n");
  EXPECT_EQ(first.message->value(HeaderId::kContact), "<sip:trunk-1@192.0.2.1:5060>");
  EXPECT_EQ(first.message->value(HeaderId::kExpires), "3600");
  EXPECT_EQ(first.message->value(HeaderId::kRoute), "<sip:proxy.provider;lr>");
  EXPECT_EQ(first.message->from().uri_text, "sip:alice@provider");
  EXPECT_EQ(log, std::vector<std::string>{"registered 600"});
  EXPECT_TRUE(registration->registered());
  advance(539s);
  expect_nothing();
  advance(1s);
  const Sent next = expect("REGISTER ");
  EXPECT_EQ(next.message->call_id(), first.message->call_id());   // RFC 3261 10.2
  EXPECT_GT(next.message->cseq().number, first.message->cseq().number);
  advance(60s);
  EXPECT_FALSE(registration->registered());
}

// RFC 3261 22.2
TEST_F(RegistrationTest, AnswersChallengesAndKeepsTheNonce) {
  start();
  const Sent first = expect("REGISTER ");
  feed(response(first, 401, "t", kChallenge));
  const Sent second = expect("REGISTER ");
  EXPECT_TRUE(proves(second, "REGISTER"));
  feed(response(second, 200, "t", "Expires: 100\n"));
  EXPECT_EQ(log, std::vector<std::string>{"registered 100"});
  advance(90s);
  const Sent refresh = expect("REGISTER ");
  EXPECT_TRUE(proves(refresh, "REGISTER"));
  EXPECT_GT(refresh.message->cseq().number, second.message->cseq().number);
}

// RFC 3261 10.2.8
TEST_F(RegistrationTest, A423RaisesTheTime) {
  config.expires = 60s;
  start();
  feed(response(expect("REGISTER "), 423, "t", "Min-Expires: 1800\n"));
  const Sent second = expect("REGISTER ");
  EXPECT_EQ(second.message->value(HeaderId::kExpires), "1800");
  feed(response(second, 423, "t", "Min-Expires: 99999999\n"));
  expect_nothing();
  EXPECT_EQ(log, std::vector<std::string>{"failed 423"});
}

TEST_F(RegistrationTest, AlwaysHigherMinimaAreNotFollowedForEver) {
  start();
  for (int i = 1; i <= 2; ++i) feed(response(expect("REGISTER "), 423, "t", "Min-Expires: " + std::to_string(3600 + i) + "\n"));
  feed(response(expect("REGISTER "), 423, "t", "Min-Expires: 4000\n"));
  expect_nothing();
}

// RFC 5626 4.5
TEST_F(RegistrationTest, FailuresAreRetriedEverMoreSlowly) {
  start();
  std::vector<std::chrono::seconds> waits;
  for (int i = 0; i < 9; ++i) {
    const Sent sent = expect("REGISTER ");
    network.sent.clear();   // sent again, since the wait was rounded up
    feed(response(sent, 500, "t"));
    waits.push_back(retry);
    advance(retry);
  }
  EXPECT_GE(waits[0], 15s);
  EXPECT_LE(waits[0], 30s);
  EXPECT_GE(waits[3], 120s);
  EXPECT_LE(waits[3], 240s);
  EXPECT_GE(waits[8], 900s);
  EXPECT_LE(waits[8], 1800s);
}

TEST_F(RegistrationTest, NoAnswerRefusalsAndRetryAfter) {
  start();
  advance(32s);
  EXPECT_EQ(log.back(), "failed 408");
  network.sent.clear();
  const auto next = [&] {
    advance(retry);
    const Sent sent = expect("REGISTER ");
    network.sent.clear();
    return sent;
  };
  feed(response(next(), 403, "t"));
  EXPECT_GE(retry, 300s);
  feed(response(next(), 503, "t", "Retry-After: 700 (later)\n"));
  EXPECT_EQ(retry, 700s);
  feed(response(next(), 503, "t", "Retry-After: 99999999\n"));
  EXPECT_EQ(retry, 3600s);
}

// RFC 3261 10.2.2
TEST_F(RegistrationTest, ClosingTakesItBack) {
  registered();
  registration->close();
  const Sent last = expect("REGISTER ");
  EXPECT_EQ(last.message->value(HeaderId::kExpires), "0");
  EXPECT_EQ(last.message->value(HeaderId::kContact), "<sip:trunk-1@192.0.2.1:5060>");
  feed(response(last, 200, "t"));
  advance(0s);
  EXPECT_EQ(log.back(), "unregistered");
  EXPECT_FALSE(registration->registered());
  advance(10000s);
  expect_nothing();
}

// RFC 3261 10.2: one at a time
TEST_F(RegistrationTest, ClosingWaitsForTheOneOnItsWay) {
  start();
  const Sent first = expect("REGISTER ");
  registration->close();
  expect_nothing();
  feed(response(first, 401, "t", kChallenge));
  feed(response(expect("REGISTER "), 200, "t"));
  const Sent last = expect("REGISTER ");
  EXPECT_EQ(last.message->value(HeaderId::kExpires), "0");
  EXPECT_TRUE(proves(last, "REGISTER"));
  advance(33s);
  EXPECT_EQ(log, std::vector<std::string>{"unregistered"});
}

TEST_F(RegistrationTest, ClosedBeforeItBegan) {
  registration = std::make_unique<sip::Registration>(*agent, timeline, config, *this);
  registration->close();
  advance(0s);
  EXPECT_EQ(log, std::vector<std::string>{"unregistered"});
  registration->start();
  expect_nothing();
}

TEST_F(RegistrationTest, AnotherAddressIsRegisteredAtOnce) {
  registered();
  auto target = sip::Target::back_to(udp(5080, "198.51.100.7"));
  registration->set_target(target);
  EXPECT_EQ(expect("REGISTER ").target.remote.port(), 5080);
  registration->refresh();   // while one is on its way: after it
  expect_nothing();
}

// RFC 3608 6.1
TEST_F(RegistrationTest, ServiceRouteIsForItsCalls) {
  config.route = "<sip:a;lr>";
  registered("Service-Route: <sip:edge.provider;lr>\nService-Route: <sip:core.provider;lr>\n");
  EXPECT_EQ(registration->route(), "<sip:edge.provider;lr>, <sip:core.provider;lr>");
}

TEST_F(RegistrationTest, MayGoAtAnyTime) {
  start();
  const Sent first = expect("REGISTER ");
  registration.reset();
  feed(response(first, 200, "t"));
  EXPECT_TRUE(log.empty());
  advance(10000s);
  expect_nothing();
}

TEST_F(RegistrationTest, HostileTimesAreBounded) {
  registered("Expires: 0\n");
  EXPECT_EQ(log, std::vector<std::string>{"registered 1"});
  advance(1s);
  feed(response(expect("REGISTER "), 200, "t", "Expires: 18446744073709551615\n"));
  EXPECT_EQ(log.back(), "registered 86400");
  EXPECT_TRUE(network.sent.empty());
}

}  // namespace
