// The registrar (RFC 3261 section 10.3, RFC 3327, RFC 5626, RFC 7118).
#include "support/pbx_world.hpp"

namespace {

using namespace test_support;

struct RegistrarTest : testing::Test {
  PbxWorld world;
  Client& alice = with_password(world.phone("alice"));
  static Client& with_password(Client& client) {
    client.password = "secret of " + client.account;
    return client;
  }
  int status(Client& client, const std::string& headers) {
    answer = client.request("REGISTER", "sip:parley", headers);
    return answer ? answer->status() : 0;
  }
  std::vector<std::string> contacts() {
    std::vector<std::string> result;
    for (const auto value : answer->values(sip::HeaderId::kContact)) result.emplace_back(value);
    return result;
  }
  std::vector<pbx::Binding> bindings(const std::string& account = "alice") { return world.pbx.registrar().find(account, world.timeline.now()); }
  sip::MessagePtr answer;
};

// RFC 3261 10.3 step 8
TEST_F(RegistrarTest, A200ListsTheBindingsWithWhatIsLeftOfThem) {
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1:5060>;q=0.5\r\nExpires: 600\r\n"), 200);
  EXPECT_EQ(contacts(), std::vector<std::string>{"<sip:alice@192.0.2.1:5060>;expires=600;q=0.5"});
  world.advance(100s);
  EXPECT_EQ(status(alice, "X-Fetch: 1\r\n"), 200);
  EXPECT_EQ(contacts(), std::vector<std::string>{"<sip:alice@192.0.2.1:5060>;expires=500;q=0.5"});
  world.advance(500s);
  EXPECT_EQ(status(alice, "X-Fetch: 1\r\n"), 200);
  EXPECT_TRUE(contacts().empty());
  EXPECT_TRUE(bindings().empty());
}

// RFC 3261 10.3 step 7, 21.4.17
TEST_F(RegistrarTest, TooShortIs423WithMinExpiresAndTooLongIsShortened) {
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>;expires=10\r\n"), 423);
  EXPECT_EQ(answer->value(sip::HeaderId::kMinExpires), "60");
  EXPECT_TRUE(bindings().empty());
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>;expires=99999999999\r\n"), 200);
  EXPECT_EQ(contacts(), std::vector<std::string>{"<sip:a@192.0.2.1>;expires=3600"});
}

// RFC 3261 10.2.1.1: the parameter, the header, the default; what is malformed counts as the default.
TEST_F(RegistrarTest, ExpiresOfEachContact) {
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>;expires=100, <sip:b@192.0.2.1>, <sip:c@192.0.2.1>;expires=soon\r\nExpires: 200\r\n"), 200);
  auto all = contacts();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (std::vector<std::string>{"<sip:a@192.0.2.1>;expires=100", "<sip:b@192.0.2.1>;expires=200", "<sip:c@192.0.2.1>;expires=3600"}));
}

TEST_F(RegistrarTest, AllContactsAreTakenOrNone) {
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>;expires=100, <sip:b@192.0.2.1>;expires=5\r\n"), 423);
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>, <tel:+1555>\r\n"), 400);
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>, <<<\r\n"), 400);
  EXPECT_TRUE(bindings().empty());
  std::string many = "Contact: <sip:0@192.0.2.1>";
  for (int i = 1; i < 11; ++i) many += ", <sip:" + std::to_string(i) + "@192.0.2.1>";
  EXPECT_EQ(status(alice, many + "\r\n"), 403);
  EXPECT_TRUE(bindings().empty());
}

TEST_F(RegistrarTest, OneContactIsRemovedByExpires0AndAllByTheStar) {
  EXPECT_EQ(status(alice, "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>, <sip:c@192.0.2.1>\r\n"), 200);
  EXPECT_EQ(status(alice, "Contact: <sip:b@192.0.2.1>;expires=0\r\n"), 200);
  EXPECT_EQ(bindings().size(), 2u);
  EXPECT_EQ(status(alice, "Contact: *\r\n"), 400);                                   // needs Expires: 0
  EXPECT_EQ(status(alice, "Contact: *\r\nExpires: 60\r\n"), 400);
  EXPECT_EQ(status(alice, "Contact: *, <sip:a@192.0.2.1>\r\nExpires: 0\r\n"), 400);
  EXPECT_EQ(bindings().size(), 2u);
  EXPECT_EQ(status(alice, "Contact: *\r\nExpires: 0\r\n"), 200);
  EXPECT_TRUE(bindings().empty());
}

// RFC 3261 10.3 step 7, 19.1.4
TEST_F(RegistrarTest, EqualUrisAreOneBindingAndItsOrderIsTheCSeqs) {
  EXPECT_EQ(status(alice, "Contact: <sip:%61lice@192.0.2.1>;expires=100\r\n"), 200);
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>;expires=200\r\n"), 200);
  EXPECT_EQ(contacts(), std::vector<std::string>{"<sip:alice@192.0.2.1>;expires=200"});
  alice.register_cseq -= 3;   // an old one comes late
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>;expires=0\r\n"), 500);
  EXPECT_EQ(status(alice, "Contact: *\r\nExpires: 0\r\n"), 200) << "the star's number is higher again";
  EXPECT_TRUE(bindings().empty());
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>\r\n"), 200);
  alice.register_call_id = "after-a-restart";   // numbers of another Call-ID are not compared
  alice.register_cseq = 0;
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>;expires=100\r\n"), 200);
  EXPECT_EQ(bindings().size(), 1u);
}

TEST_F(RegistrarTest, AnOldStarRemovesNothing) {
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>\r\n"), 200);
  alice.register_cseq -= 2;
  EXPECT_EQ(status(alice, "Contact: *\r\nExpires: 0\r\n"), 500);
  EXPECT_EQ(bindings().size(), 1u);
}

// RFC 3327 5.3
TEST_F(RegistrarTest, PathIsKeptAndGivenBack) {
  EXPECT_EQ(status(alice, "Contact: <sip:alice@192.0.2.1>\r\nSupported: path\r\nPath: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n"), 200);
  EXPECT_EQ(bindings().at(0).path, "<sip:p1.example;lr>, <sip:p2.example;lr>");
  EXPECT_FALSE(answer->value(sip::HeaderId::kPath).empty());
}

// RFC 5626 6
TEST_F(RegistrarTest, OutboundFlowsAreToldApartByInstanceAndRegId) {
  auto& page = with_password(world.page("bob"));
  const std::string head = "Supported: path, outbound\r\nContact: <sip:x1@bob.invalid;transport=ws>;+sip.instance=\"<urn:uuid:1>\";reg-id=";
  EXPECT_EQ(status(page, head + "1\r\n"), 200);
  EXPECT_EQ(answer->value(sip::HeaderId::kRequire), "outbound");
  EXPECT_NE(contacts().at(0).find("reg-id=1"), std::string::npos);
  EXPECT_NE(contacts().at(0).find("+sip.instance=\"<urn:uuid:1>\""), std::string::npos);
  EXPECT_EQ(status(page, replace_all(head, "x1@", "x2@") + "1\r\n"), 200);    // the same flow again, by another URI
  EXPECT_EQ(bindings("bob").size(), 1u);
  EXPECT_EQ(status(page, head + "2\r\n"), 200);
  EXPECT_EQ(bindings("bob").size(), 2u);
}

// RFC 7118 5
TEST_F(RegistrarTest, AnInvalidContactIsBoundToItsConnectionAndDiesWithIt) {
  auto& page = world.registered(world.page("bob"));
  ASSERT_EQ(bindings("bob").size(), 1u);
  EXPECT_EQ(bindings("bob")[0].target.flow, page.source.flow);
  EXPECT_TRUE(bindings("bob")[0].bound_to_flow);
  auto& second = world.registered(world.page("bob"));
  second.account = "bob2";   // another contact of the same account
  ASSERT_EQ(bindings("bob").size(), 1u) << "the same URI is the same binding";
  page.lose_flow();
  EXPECT_EQ(bindings("bob").size(), 1u);
  second.lose_flow();
  EXPECT_TRUE(bindings("bob").empty());
  EXPECT_EQ(world.pbx.registrar().size(), 0u);
}

TEST_F(RegistrarTest, AUdpContactIsReachedWhereItRegisteredFrom) {
  EXPECT_EQ(status(alice, "Contact: <sip:alice@10.0.0.7:5070>\r\n"), 200);          // behind a NAT
  EXPECT_EQ(bindings()[0].target.remote, alice.source.remote);
  EXPECT_EQ(status(alice, "Contact: <sip:alice@" + alice.source.remote.ip() + ":5070>\r\n"), 200);
  const auto all = bindings();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const auto& b) { return b.target.remote.port() == 5070; }));
}

// Survival item 10: qvalues that strtod would take and nothing can be sorted by.
TEST_F(RegistrarTest, SurvivalItem10QValuesOfAnyShape) {
  std::string all = "Contact: <sip:0@192.0.2.1>;q=0.9";
  int n = 0;
  for (const auto* q : {"nan", "inf", "-1", "1e300", "0x1p3", "2", "0.", "0.1234", "1.0"}) all += ", <sip:x" + std::to_string(++n) + "@192.0.2.1>;q=" + q;
  EXPECT_EQ(status(alice, all + "\r\n"), 200);
  for (const auto& b : bindings()) EXPECT_TRUE(b.q >= 0 && b.q <= 1) << b.contact;
  EXPECT_EQ(bindings().back().contact, "sip:x7@192.0.2.1");   // "0." is 0
}

// Survival items 8 and 11
TEST_F(RegistrarTest, SurvivalItem11AFoldedContactStartsNoHeaderInTheAnswer) {
  status(alice, "Contact: <sip:alice@192.0.2.1>;+sip.instance=\"<a\r\n X-Evil: 1>\"\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->find("X-Evil"), nullptr);
}

TEST_F(RegistrarTest, SurvivalItem8AFlowThatClosesWhileARegisterIsAnsweredLeavesNothing) {
  auto& page = world.registered(world.page("bob"));
  page.deaf = true;
  page.register_contact();
  page.lose_flow();
  world.advance(1min);
  EXPECT_EQ(world.pbx.registrar().size(), 0u);
  EXPECT_EQ(world.agent->transactions(), 0u);
}

}  // namespace
