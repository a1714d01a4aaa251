// The copy of a message that each other participant receives (spec A.2, B.1, B.2).
#include "support/room_world.hpp"

namespace {

using namespace test_support;

const Invite kNoEvents{.headers = "X-None: 1\r\n"};

struct CopyTest : testing::Test {
  RoomWorld world;
  Client& alice = world.page("alice", "Alice");
  Client& bob = world.page("bob", "Bob");
  Client& carol = world.phone("carol", "Carol");
  ClientCall* a = nullptr;
  ClientCall* b = nullptr;
  ClientCall* c = nullptr;

  void SetUp() override {
    alice.audio_only = bob.audio_only = true;
    a = &world.enter(alice, kNoEvents);
    b = &world.enter(bob, kNoEvents);
    c = &world.enter(carol, kNoEvents);
    ASSERT_EQ(c->status(), 200);
  }
  const sip::Message& copy_of(const ClientCall& call, std::size_t index = 0) {
    EXPECT_GT(call.messages().size(), index);
    return *call.messages().at(index)->message;
  }
};

// RFC 3261 12.2.1.1
TEST_F(CopyTest, IsARequestOfTheRecipientsOwnDialog) {
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  for (auto* call : {b, c}) {
    const auto& m = copy_of(*call);
    const auto contact = call->client.contact();
    EXPECT_EQ(m.request_uri_text(), contact.substr(1, contact.find('>') - 1));
    EXPECT_EQ(m.from_tag(), call->remote_tag);
    EXPECT_EQ(m.to_tag(), call->local_tag);
    EXPECT_EQ(m.from().uri_text, call->remote_uri);
    EXPECT_EQ(m.to().uri_text, call->local_uri);
    EXPECT_EQ(m.call_id(), call->call_id);
    EXPECT_EQ(m.cseq().method, sip::Method::kMessage);
  }
}

// RFC 7118 5, RFC 5626
TEST_F(CopyTest, GoesByTheConnectionOfTheDialogNeverByTheContactsHost) {
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  EXPECT_EQ(b->messages()[0]->sent.target.flow, bob.source.flow);
  EXPECT_EQ(c->messages()[0]->sent.target.remote, carol.source.remote);
}

TEST_F(CopyTest, CSeqOnlyGrows) {
  std::uint32_t last = 0;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(a->message("text/plain", "x"), 202);
  for (const auto* r : b->messages()) {
    EXPECT_GT(r->message->cseq().number, last);
    last = r->message->cseq().number;
  }
  EXPECT_EQ(b->messages().size(), 20u);
}

TEST_F(CopyTest, CarriesTheNicknameThatTheSenderSetInFrom) {
  a->local_display = "Queen \"A\" \\ of Hearts";
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  EXPECT_EQ(copy_of(*b).from().display(), "Queen \"A\" \\ of Hearts");
  a->local_display.clear();   // none: the name that she joined with
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  EXPECT_EQ(copy_of(*b, 1).from().display(), "Alice");
}

TEST_F(CopyTest, CarriesTheSendersToDisplayName) {
  auto text = a->text_of("MESSAGE", {}, "text/plain", "hi");
  text.replace(text.find("\r\nTo: ") + 6, 0, "\"Everybody\" ");
  alice.write(text);
  world.settle();
  EXPECT_EQ(copy_of(*b).to().display(), "Everybody");
  EXPECT_EQ(copy_of(*c).to().display(), "Everybody");
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  EXPECT_EQ(copy_of(*b, 1).to().display(), "");
}

// Survival items 3 and 11: names can neither write headers nor turn the text around.
TEST_F(CopyTest, SurvivalItem3DisplayNamesLoseControlAndBidiCharacters) {
  a->local_display = "Al\u202eice\u2066\u200f\x01\x1b[31m";
  ASSERT_EQ(a->message("text/plain", "hi"), 202);
  EXPECT_EQ(copy_of(*b).from().display(), "Alice[31m");
}
TEST_F(CopyTest, SurvivalItem11AFoldedNameStartsNoHeader) {
  auto text = a->text_of("MESSAGE", {}, "text/plain", "hi");
  text = replace_all(text, "From: \"Alice\"", "From: \"Al\r\n X-Evil: 1\r\n ice\"");
  alice.write(text);
  world.settle();
  for (const auto* r : b->messages()) EXPECT_EQ(r->message->find("X-Evil"), nullptr);
}

TEST_F(CopyTest, ContentTypeIsByteForByte) {
  const std::string type = "Text/PLAIN ;charset=\"UTF-8\"; x=Y";
  ASSERT_EQ(a->message(type, "hi"), 202);
  EXPECT_EQ(copy_of(*b).content_type(), type);
  EXPECT_EQ(copy_of(*c).content_type(), type);
}

TEST_F(CopyTest, BodyIsByteForByteNulIncludedInATextFrame) {
  using namespace std::string_literals;
  const auto body = "a\0b\r\n\r\n\xc3\xa4 \xf0\x9f\x98\x80"s;
  ASSERT_EQ(a->message("text/plain", body), 202);
  EXPECT_EQ(copy_of(*b).body(), body);
  EXPECT_EQ(copy_of(*c).body(), body);
  EXPECT_TRUE(b->messages()[0]->sent.utf8);
}

// RFC 6455 8.1: a browser closes the socket on a text frame that is no UTF-8.
TEST_F(CopyTest, AnythingElseThanUtf8GoesInABinaryFrame) {
  std::string body = "text";
  for (int i = 0; i < 256; ++i) body += static_cast<char>(i);
  ASSERT_EQ(a->message("application/octet-stream", body), 202);
  EXPECT_EQ(copy_of(*b).body(), body);
  EXPECT_FALSE(b->messages()[0]->sent.utf8);
  ASSERT_EQ(a->message("text/plain", "plain again"), 202);
  EXPECT_TRUE(b->messages()[1]->sent.utf8);
}
TEST_F(CopyTest, AContentTypeThatIsNoUtf8CostsNobodyTheSocket) {
  ASSERT_EQ(a->message("text/plain;name=\xff", "hi"), 202);
  ASSERT_EQ(b->messages().size(), 1u);
  EXPECT_FALSE(b->messages()[0]->sent.utf8);
}

TEST_F(CopyTest, TheMutedMayChat) {
  auto* room = world.rooms.find("team");
  room->mute(*world.leg_of(*a), true);
  EXPECT_TRUE(world.media_of(*a).muted);
  EXPECT_EQ(a->message("text/plain", "muted"), 202);
  EXPECT_EQ(b->texts(), std::vector<std::string>{"muted"});
}

// RFC 3261 21.4.13
TEST_F(CopyTest, ATypeThatWasAnswered415IsNotSentThereAgain) {
  bob.message_status = [](const sip::Message& m) { return m.content_type() == "application/x-a" ? 415 : 200; };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(a->message("application/x-a", "x"), 202);
  ASSERT_EQ(a->message("text/plain", "y"), 202);
  EXPECT_EQ(b->texts("application/x-a").size(), 1u);
  EXPECT_EQ(b->texts().size(), 1u);
  EXPECT_EQ(c->texts("application/x-a").size(), 3u);   // the others get all
  EXPECT_FALSE(b->ended);
  EXPECT_FALSE(world.media_of(*b).removed);
}

TEST_F(CopyTest, WhoAnswered405Or501IsSentThatTypeNoMoreAndStaysInTheCall) {
  for (auto [client, status] : {std::pair{&bob, 405}, std::pair{&carol, 501}}) {
    client->message_status = [status](const sip::Message&) { return status; };
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(a->message("text/plain", "1"), 202);
    world.settle();
    EXPECT_EQ(b->messages().size(), 1u);
    EXPECT_EQ(c->messages().size(), 1u);
  }
  for (auto* client : {&bob, &carol}) client->message_status = [](const sip::Message&) { return 200; };
  ASSERT_EQ(a->message("application/x-other", "2"), 202);
  EXPECT_EQ(b->messages().size(), 2u);
  EXPECT_EQ(c->messages().size(), 2u);
  EXPECT_NE(world.leg_of(*b), nullptr);
  EXPECT_NE(world.leg_of(*c), nullptr);
}

// RFC 5057 5.1
TEST_F(CopyTest, A481EndsThatLegAndNoOther) {
  bob.message_status = [](const sip::Message&) { return 481; };
  ASSERT_EQ(a->message("text/plain", "1"), 202);
  EXPECT_EQ(world.leg_of(*b), nullptr);
  EXPECT_NE(world.leg_of(*c), nullptr);
  EXPECT_EQ(world.rooms.find("team")->members(), 2u);
}

TEST_F(CopyTest, ATimeoutDoesNotEndALeg) {
  carol.message_status = [](const sip::Message&) { return 0; };
  ASSERT_EQ(a->message("text/plain", "1"), 202);
  world.advance(40s);
  EXPECT_NE(world.leg_of(*c), nullptr);
  carol.message_status = [](const sip::Message&) { return 200; };
  ASSERT_EQ(a->message("text/plain", "2"), 202);
  EXPECT_EQ(c->texts().back(), "2");
}

// RFC 3261 18.1.1
TEST_F(CopyTest, OnAUdpLegABigOneGoesByTcpWhereThatIsThere) {
  carol.listens_tcp = true;
  const std::string big(5000, 'x');
  ASSERT_EQ(a->message("text/plain", big), 202);
  ASSERT_EQ(c->texts(), std::vector<std::string>{big});
  EXPECT_EQ(c->messages()[0]->sent.target.transport, sip::Transport::kTcp);
  EXPECT_EQ(c->messages()[0]->message->top_via().transport, sip::Transport::kTcp);
  ASSERT_EQ(a->message("text/plain", "small"), 202);
  world.settle();
  EXPECT_EQ(c->messages()[1]->sent.target.transport, sip::Transport::kUdp);
}
TEST_F(CopyTest, OnAUdpLegABigOneGoesByUdpWhereTcpIsNot) {
  const std::string big(5000, 'x');
  ASSERT_EQ(a->message("text/plain", big), 202);
  world.advance(1s);
  ASSERT_EQ(c->texts(), std::vector<std::string>{big});
  EXPECT_EQ(c->messages()[0]->sent.target.transport, sip::Transport::kUdp);
}
TEST_F(CopyTest, OnAUdpLegWhatIsOver60000IsSkippedAndTheNextGoesOn) {
  ASSERT_EQ(a->message("text/plain", std::string(60000, 'y')), 202);
  world.advance(1s);
  ASSERT_EQ(c->texts().size(), 1u);
  ASSERT_EQ(a->message("text/plain", std::string(61000, 'x')), 202);
  ASSERT_EQ(a->message("text/plain", "next"), 202);
  world.advance(1s);
  ASSERT_EQ(c->texts().size(), 2u);
  EXPECT_EQ(c->texts().back(), "next");
  EXPECT_EQ(b->texts().size(), 3u);
}

TEST(CopyProfileTest, AProfileWithoutTextIsSkippedButToldOfEvents) {
  RoomWorld world({.enable_events = true, .text_messaging = false});
  auto& a = world.enter(world.phone("alice"));
  auto& b = world.enter(world.phone("bob"));
  EXPECT_EQ(a.message("text/plain", "x"), 202);
  world.settle();
  EXPECT_TRUE(b.texts().empty());
  EXPECT_EQ(b.events("ConfbridgeWelcome").size(), 1u);
}

// B.1
TEST_F(CopyTest, OneOrderForAllWithNumberIdAndDate) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(a->message("text/plain", "a" + std::to_string(i)), 202);
    EXPECT_EQ(a->last->value("Parley-Sequence"), std::to_string(3 * i + 1));
    ASSERT_EQ(b->message("text/plain", "b" + std::to_string(i)), 202);
    ASSERT_EQ(c->message("text/plain", "c" + std::to_string(i)), 202);
  }
  std::set<std::string> ids;
  for (auto* call : {a, b, c}) {
    std::uint64_t last = 0;
    EXPECT_EQ(call->messages().size(), 20u);
    for (const auto* r : call->messages()) {
      const auto number = base::parse_decimal(r->message->value("Parley-Sequence")).value_or(0);
      EXPECT_GT(number, last);
      last = number;
      ids.emplace(r->message->value("Parley-Message-ID"));
      // 1'790'000'000 seconds after the epoch.
      EXPECT_EQ(r->message->value(sip::HeaderId::kDate), "Mon, 21 Sep 2026 14:13:20 GMT");
    }
  }
  EXPECT_EQ(ids.size(), 30u);
}

// B.1: pipelined on a stream, one outstanding on UDP.
TEST_F(CopyTest, OnAStreamCopiesArePipelinedAndOnUdpOneIsOutstanding) {
  bob.message_status = carol.message_status = [](const sip::Message&) { return 0; };
  for (int i = 0; i < 5; ++i) ASSERT_EQ(a->message("text/plain", std::to_string(i)), 202);
  EXPECT_EQ(b->texts().size(), 5u);
  EXPECT_EQ(c->texts().size(), 1u);
  carol.message_status = [](const sip::Message&) { return 200; };
  world.advance(2s);
  EXPECT_EQ(std::set<std::string>({"0", "1", "2", "3", "4"}), [&] {
    const auto texts = c->texts();
    return std::set<std::string>(texts.begin(), texts.end());
  }());
}

// B.2
TEST_F(CopyTest, ParleyParticipantIsTheServersWord) {
  a->local_display = "Bob";
  ASSERT_EQ(a->message("text/plain", "I am Bob", "Parley-Participant: id-bob\r\nParley-Sequence: 999\r\n"), 202);
  const auto& m = copy_of(*c);
  EXPECT_EQ(m.value("Parley-Participant"), "id-alice");
  EXPECT_EQ(m.value("Parley-Sequence"), "1");
  EXPECT_EQ(test_support::count(c->messages()[0]->sent.text, "Parley-Participant:"), 1u);
}

TEST_F(CopyTest, NothingOfTheSendersOwnDialogIsInACopy) {
  ASSERT_EQ(a->message("text/plain", "hi", "X-Secret: mine\r\n"), 202);
  const auto& text = c->messages()[0]->sent.text;
  for (const auto& secret : {a->call_id, a->local_tag, a->remote_tag, std::string("X-Secret"), std::string("secret-alice")}) {
    EXPECT_EQ(text.find(secret), text.npos) << secret;
  }
}

}  // namespace
