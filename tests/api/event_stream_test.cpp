// Server-Sent Events: what happens, to whom, and what comes again after a break.
#include "net/http_server.hpp"
#include "support/rest_world.hpp"
#include "support/socket_client.hpp"

namespace {

using namespace test_support;
using testing::Test;

std::vector<std::string> types_in(const std::string& text) {
  std::vector<std::string> result;
  for (auto at = text.find("event: "); at != std::string::npos; at = text.find("event: ", at + 1)) result.push_back(text.substr(at + 7, text.find('\n', at) - at - 7));
  return result;
}
std::string last_id(const std::string& text) {
  const auto at = text.rfind("id: ");
  return at == std::string::npos ? "" : text.substr(at + 4, text.find('\n', at) - at - 4);
}

struct EventsTest : Test {
  RestWorld api;
  PbxWorld& world = api.world;
  Client& page(const std::string& account) {
    auto& client = world.page(account);
    client.password = "secret of " + account;
    client.audio_only = true;
    return client;
  }
  RestResponse open(const std::string& token, const std::string& query = {}, net::HttpHeaders headers = {}) {
    return api.ask({.method = "GET", .target = "/api/v1/events" + query, .token = token, .headers = std::move(headers)});
  }
};

TEST_F(EventsTest, RoomsParticipantsAndMessages) {
  const auto stream = open(api.token("events"));
  ASSERT_EQ(stream.status, 200);
  EXPECT_EQ(stream.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(stream.header("Access-Control-Allow-Origin"), "");
  EXPECT_TRUE(types_in(stream.events()).empty());
  auto& a = world.enter(page("alice"));
  EXPECT_EQ(types_in(stream.events()), (std::vector<std::string>{"room.opened", "participant.joined"}));
  const auto path = "/rooms/team/participants/" + a.participant();
  api.post(path + "/mute");
  api.post(path + "/unmute");
  world.pbx.on_talking(world.leg_of(a)->id(), true);
  auto text = stream.events();
  EXPECT_EQ(types_in(text), (std::vector<std::string>{"participant.muted", "participant.unmuted", "participant.talking"}));
  EXPECT_NE(text.find("\"talking\":true"), std::string::npos);
  EXPECT_EQ(text.find(a.token()), std::string::npos);
  a.message("text/plain", "the secret plan");
  text = stream.events();
  EXPECT_EQ(types_in(text), std::vector<std::string>{"message.sent"});
  EXPECT_EQ(text.find("the secret plan"), std::string::npos);   // metadata alone
  EXPECT_NE(text.find("\"bytes\":15"), std::string::npos);
  a.bye();
  world.settle();
  text = stream.events();
  EXPECT_EQ(types_in(text), (std::vector<std::string>{"participant.left", "room.closed"}));
  EXPECT_NE(text.find("\"reason\":\"left\""), std::string::npos);
}

TEST_F(EventsTest, TextIsForThoseWhoMayReadMessagesAndPrivateTextForNone) {
  const auto stream = open(api.token("events messages:read"), "?types=message");
  auto& a = world.enter(page("alice"));
  auto& b = world.enter(page("bob"));
  a.message("text/plain", "for\r\nall: data: x\n\nid: 9");
  const auto text = stream.events();
  EXPECT_NE(text.find("for\\r\\nall: data: x\\n\\nid: 9"), std::string::npos);   // no line break of a text ends an event
  EXPECT_EQ(types_in(text), std::vector<std::string>{"message.sent"});
  a.message("text/plain", "for bob", "Parley-To: " + b.participant() + "\r\n");
  const auto hidden = stream.events();
  EXPECT_EQ(hidden.find("for bob"), std::string::npos);
  EXPECT_NE(hidden.find("\"private\":true"), std::string::npos);
}

TEST_F(EventsTest, Calls) {
  auto& alice = world.registered(page("alice"));
  auto& bob = world.registered(world.phone("bob"));
  const auto stream = open(api.token("events"), "?types=call");
  auto& a = alice.invite("sip:bob@parley");
  EXPECT_EQ(types_in(stream.events()), std::vector<std::string>{"call.ringing"});
  bob.incoming.back()->ring();
  bob.incoming.back()->answer();
  EXPECT_EQ(types_in(stream.events()), std::vector<std::string>{"call.answered"});
  a.bye();
  world.settle();
  EXPECT_EQ(types_in(stream.events()), std::vector<std::string>{"call.ended"});
  api.post("/calls", {{"from", "bob"}, {"to", "alice"}});
  EXPECT_EQ(types_in(stream.events()), std::vector<std::string>{"call.dialing"});
  bob.incoming.back()->refuse(603);
  EXPECT_EQ(types_in(stream.events()), std::vector<std::string>{"call.ended"});
}

TEST_F(EventsTest, OneThatComesBackMissesNothing) {
  const auto token = api.token("events");
  auto stream = open(token);
  auto& a = world.enter(page("alice"));
  const auto id = last_id(stream.events());
  stream.stream->close();
  api.post("/rooms/team/participants/" + a.participant() + "/mute");
  world.enter(page("bob"));
  stream = open(token, "", {{"Last-Event-ID", id}});
  EXPECT_EQ(types_in(stream.events()), (std::vector<std::string>{"participant.muted", "participant.joined"}));
  // The newest id: nothing was missed.
  const auto fresh = open(token);
  const auto newest = open(token, "", {{"Last-Event-ID", last_id(fresh.events())}});
  EXPECT_TRUE(types_in(newest.events()).empty());
}

TEST_F(EventsTest, OneThatWasAwayTooLongIsTold) {
  const auto token = api.token("events");
  for (const auto* id : {"x", "-", "other-3", "abcdef-99999999999999999999", "-1"}) {
    const auto text = open(token, "", {{"Last-Event-ID", id}}).events();
    EXPECT_EQ(types_in(text), std::vector<std::string>{"reset"}) << id;
  }
  EXPECT_EQ(open(token, "", {{"Last-Event-ID", std::string(200, 'x')}}).status, 400);
}

TEST(EventStream, KeepsABoundedNumberOfEvents) {
  api::EventStream events({.events = 10, .bytes = 100'000});
  const auto token = std::make_shared<const api::ApiToken>(api::ApiToken{"t", "t", "", api::scope::kEvents, {}});
  const auto first = *events.open({.token = token, .last_event_id = {}, .types = {}}, {});
  std::vector<base::SharedBytes> pieces;
  first->take(pieces);
  const auto start = last_id(*pieces[0]);
  const auto prefix = start.substr(0, start.find('-') + 1);
  for (int i = 0; i < 25; ++i) events.publish("room.opened", "{}");
  const auto resume = [&](int number) {
    std::vector<base::SharedBytes> got;
    const auto stream = *events.open({.token = token, .last_event_id = prefix + std::to_string(number), .types = {}}, {});
    stream->take(got);
    std::string all;
    for (const auto& piece : got) all += *piece;
    stream->close();
    return types_in(all);
  };
  EXPECT_EQ(resume(15).size(), 10u);
  EXPECT_EQ(resume(15)[0], "room.opened");
  EXPECT_EQ(resume(14), std::vector<std::string>{"reset"});
  EXPECT_EQ(resume(26), std::vector<std::string>{"reset"});
}

TEST(EventStream, NothingIsMadeForNobody) {
  api::EventStream events({.linger = std::chrono::seconds(60)});
  EXPECT_FALSE(events.wanted());
  api::ApiTokens tokens;
  tokens.replace({{"t", "t", std::string(64, 'a'), "events", {}}});
  const auto token = std::make_shared<const api::ApiToken>(api::ApiToken{"t", "t", "", api::scope::kEvents, {}});
  const auto now = base::TimePoint{} + 1h;
  const auto stream = *events.open({.token = token, .last_event_id = {}, .types = {}}, now);
  EXPECT_TRUE(events.wanted());
  stream->close();
  events.tick(tokens, now + 30s);
  EXPECT_TRUE(events.wanted());   // it may come back
  events.tick(tokens, now + 2min);
  EXPECT_FALSE(events.wanted());
}

TEST(EventStream, ARevokedTokenEndsItsStreams) {
  api::EventStream events;
  api::ApiTokens tokens;
  tokens.replace({{"t", "t", std::string(64, 'a'), "events", {}}});
  const auto token = std::make_shared<const api::ApiToken>(api::ApiToken{"t", "t", "", api::scope::kEvents, {}});
  const auto stream = *events.open({.token = token, .last_event_id = {}, .types = {}}, {});
  events.tick(tokens, {});
  EXPECT_TRUE(stream->is_open());
  tokens.replace({});
  events.tick(tokens, {});
  EXPECT_FALSE(stream->is_open());
  EXPECT_EQ(events.clients(), 0u);
}

TEST(EventStream, StreamsAreBoundedForAllAndForOneToken) {
  api::EventStream events({.clients = 5, .clients_of_token = 3});
  std::vector<std::shared_ptr<net::HttpStream>> kept;
  const auto open = [&](const std::string& id) {
    auto stream = events.open({.token = std::make_shared<const api::ApiToken>(api::ApiToken{id, id, "", api::scope::kEvents, {}}), .last_event_id = {}, .types = {}}, {});
    if (stream) kept.push_back(*stream);
    return stream.has_value();
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(open("a"));
  EXPECT_FALSE(open("a"));
  EXPECT_TRUE(open("b"));
  EXPECT_TRUE(open("b"));
  EXPECT_FALSE(open("c"));
  kept[0]->close();
  EXPECT_TRUE(open("c"));
}

// Survival item 19: slow readers, over a real connection.
TEST(EventStream, OneThatDoesNotReadIsCutOffAndOthersAreServed) {
  api::EventStream events({.waiting = 64 * 1024});
  const auto token = std::make_shared<const api::ApiToken>(api::ApiToken{"t", "t", "", api::scope::kEvents, {}});
  net::IoThreads threads(1);
  net::HttpServerConfig config;
  config.listeners.push_back({*base::SocketAddress::parse("127.0.0.1", 0), nullptr, false});
  config.handler = [&](const net::HttpRequest&, const net::HttpRespond& respond) {
    net::HttpResponse response;
    response.header("Content-Type", "text/event-stream");
    response.stream = *events.open({.token = token, .last_event_id = {}, .types = {}}, {});
    respond(std::move(response));
  };
  auto server = *net::HttpServer::start(threads, std::move(config));
  support::SocketClient slow(server->local(0)), good(server->local(0));
  const int small = 4096;
  ::setsockopt(slow.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (auto* client : {&slow, &good}) {
    client->send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_FALSE(client->read_until("events of Parley\n\n").empty());
  }
  ASSERT_EQ(events.clients(), 2u);
  api::ApiTokens tokens;
  tokens.replace({{"t", "t", std::string(64, 'a'), "events", {}}});
  const std::string data = "{\"text\":\"" + std::string(10'000, 'x') + "\"}";
  std::size_t served = 0;
  EXPECT_TRUE(support::eventually([&] {
    events.publish("message.sent", data);
    served += !good.read_until("\"}\n\n").empty();
    events.tick(tokens, {});
    return events.clients() == 1;
  }, std::chrono::seconds(20)));
  events.publish("room.closed", "{}");
  EXPECT_FALSE(good.read_until("event: room.closed\n").empty());
  EXPECT_GT(served, 10u);
}

}  // namespace
