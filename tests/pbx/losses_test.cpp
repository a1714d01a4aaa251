// Whole calls over a network that loses a quarter of all packets and changes their order: phones with our own stack on both sides.
#include <random>
#include <set>

#include "pbx/pbx.hpp"
#include "support/fake_media_engine.hpp"
#include "support/lossy_network.hpp"

namespace {

using namespace test_support;
using Ringing = LossyPhone::Habits::Ringing;
using std::chrono::milliseconds;

constexpr std::uint64_t kSeeds = 250;

pbx::PbxConfig config() {
  pbx::PbxConfig c;
  c.requests_per_second = 0;
  return c;
}

// A caller, a server, and the two phones of whom he calls.
struct World {
  explicit World(const Losses& losses) : net(timeline, losses), server(net, "198.51.100.1"), pbx(config(), environment, accounts) {
    sip::UserAgentConfig agent_config;
    pbx::Pbx::prepare(agent_config);
    agent = std::make_unique<sip::UserAgent>(agent_config, timeline, server, pbx);
    server.agent = agent.get();
    pbx.attach(*agent);
    accounts.replace({account("alice"), account("bob")});
  }
  ~World() {
    server.agent = nullptr;
    agent.reset();
    EXPECT_EQ(media.misuse, "");
  }
  static pbx::Account account(const std::string& name) {
    return {name, name, sip::StoredHashes::make(name, "parley", "secret of " + name)};
  }

  base::Timeline timeline{base::TimePoint{} + std::chrono::hours(1), base::WallTime{std::chrono::seconds(1'790'000'000)}};
  LossyNetwork net;
  LossyNetwork::Node server;
  FakeMediaEngine media;
  bridge::LegEnvironment environment{timeline, media, {}};
  pbx::Accounts accounts;
  pbx::Pbx pbx;
  std::unique_ptr<sip::UserAgent> agent;
  LossyPhone caller{net, "192.0.2.1", server.address, "alice", "secret of alice"};
  LossyPhone one{net, "192.0.2.2", server.address, "bob", "secret of bob"};
  LossyPhone two{net, "192.0.2.3", server.address, "bob", "secret of bob"};
};

// What the people do, drawn from the seed as the losses are.
void choose_habits(World& world, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto under = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  if (under(4) == 0) world.caller.habits.gives_up = milliseconds(1 + under(5000));
  for (auto* phone : {&world.one, &world.two}) {
    const int kind = under(10);
    phone->habits.ringing = kind < 7 ? Ringing::kAnswers : kind < 9 ? Ringing::kBusy : Ringing::kLetsRing;
    phone->habits.rings = milliseconds(1 + under(1000));
    phone->habits.answers = milliseconds(1 + under(3000));
    if (under(3) == 0) phone->habits.hangs_up = milliseconds(1 + under(20000));
    if (under(3) == 0) phone->habits.reoffers = milliseconds(1 + under(4000));
  }
  world.caller.habits.hangs_up = milliseconds(1 + under(under(5) == 0 ? 150000 : 8000));   // now and then sessions are refreshed
  if (under(3) == 0) world.caller.habits.reoffers = milliseconds(1 + under(4000));
}

// Each final answer that the server gave the caller, by the number of the INVITE.
std::map<std::uint32_t, std::set<std::string>> finals_for_caller(const World& world) {
  std::map<std::uint32_t, std::set<std::string>> finals;
  for (const auto& one : world.net.log) {
    const auto& m = *one.message;
    if (one.to != "192.0.2.1" || m.is_request() || m.status() < 200 || m.method() != sip::Method::kInvite) continue;
    finals[m.cseq().number].insert(std::to_string(m.status()) + " " + std::string(m.to_tag()));
  }
  return finals;
}

// Who was sent a 2xx to an INVITE, and by neither ACK nor BYE was told that it arrived: Call-ID and the answer's To tag.
std::set<std::string> unacknowledged(const World& world) {
  std::set<std::string> open;
  for (const auto& one : world.net.log) {
    const auto& m = *one.message;
    if (!m.is_request() && m.method() == sip::Method::kInvite && m.status() / 100 == 2 && one.arrived > 0) open.insert(std::string(m.call_id()) + " " + std::string(m.to_tag()));
  }
  for (const auto& one : world.net.log) {
    const auto& m = *one.message;
    if (!m.is_request() || one.arrived == 0) continue;
    if (m.method() != sip::Method::kAck && m.method() != sip::Method::kBye) continue;
    open.erase(std::string(m.call_id()) + " " + std::string(m.to_tag()));
    if (m.method() == sip::Method::kBye) open.erase(std::string(m.call_id()) + " " + std::string(m.from_tag()));
  }
  return open;
}

void expect_no_phone_is_left(const World& world) {
  for (const auto* phone : {&world.caller, &world.one, &world.two}) {
    for (const auto& side : phone->sides) {
      EXPECT_EQ(side->ended, 1);
      EXPECT_LE(side->established, 1);
    }
    EXPECT_EQ(phone->agent.sessions(), 0u);
    EXPECT_EQ(phone->agent.transactions(), 0u);
    EXPECT_LE(phone->sides.size(), 1u);            // nobody is called twice
  }
}

void expect_nothing_left(const World& world) {
  expect_no_phone_is_left(world);
  EXPECT_EQ(world.agent->sessions(), 0u);
  EXPECT_EQ(world.agent->transactions(), 0u);
  EXPECT_EQ(world.pbx.calls(), 0u);
  EXPECT_EQ(world.media.legs_alive(), 0u);
  EXPECT_EQ(world.environment.pending, 0u);
}

// RFC 3261 16.7: what the caller should have heard, if the losses of one message were never too many. 0: it depends on who was first.
int expected_answer(const World& world) {
  if (world.caller.habits.gives_up.count() > 0) return 0;
  const auto either = [&](Ringing ringing) { return world.one.habits.ringing == ringing || world.two.habits.ringing == ringing; };
  return either(Ringing::kAnswers) ? 200 : either(Ringing::kBusy) ? 486 : 480;
}
int answer_of(const LossyPhone::Side& side) { return side.established > 0 ? 200 : side.end.status; }

// Both phones; one whose REGISTER was lost too often tries again.
void register_phones(World& world) {
  for (auto* phone : {&world.one, &world.two}) {
    int status = 0;
    for (int tries = 0; tries < 10 && status != 200; ++tries) {
      phone->register_contact([&](int got) { status = got; });
      world.timeline.advance(std::chrono::seconds(80));
    }
    ASSERT_EQ(status, 200);
  }
}

// RFC 3261 17: retransmissions carry calls; nothing is left half open, and nobody hears two things.
TEST(LossesTest, AQuarterOfAllPacketsIsLost) {
  std::size_t lost = 0, cancelled = 0, as_expected = 0, otherwise = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world({.seed = seed});
    register_phones(world);
    choose_habits(world, seed);
    const auto& call = world.caller.call("bob");
    world.timeline.advance(std::chrono::minutes(8));

    expect_nothing_left(world);
    for (const auto& [number, answers] : finals_for_caller(world)) EXPECT_EQ(answers.size(), 1u) << number;
    EXPECT_EQ(unacknowledged(world), std::set<std::string>());
    lost += world.net.lost();
    cancelled += call.end.cause == sip::EndCause::kCancelled;
    const int expected = expected_answer(world);
    if (expected != 0) ++(expected == answer_of(call) ? as_expected : otherwise);
    if (testing::Test::HasFailure()) ADD_FAILURE() << world.net.story();
  }
  EXPECT_GT(lost, kSeeds * 4);
  EXPECT_GT(cancelled, kSeeds / 20);
  EXPECT_GT(as_expected, kSeeds / 2);
  EXPECT_LE(otherwise, kSeeds / 50);   // seven INVITEs in a row are lost once in some thousand calls
}

// RFC 5407 3.1.4: a re-INVITE that comes while the ACK is lost is answered, not put off until an ACK comes through.
TEST(LossesTest, OffersAreNotRefusedForALostAck) {
  std::size_t refused = 0, reoffered = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    World world({.seed = seed});
    register_phones(world);
    world.caller.habits.reoffers = milliseconds(100);
    world.caller.habits.hangs_up = std::chrono::seconds(30);
    world.caller.call("bob");
    world.timeline.advance(std::chrono::minutes(2));
    for (const auto& one : world.net.log) {
      const auto& m = *one.message;
      if (one.to != "192.0.2.1" || m.method() != sip::Method::kInvite) continue;
      refused += !m.is_request() && m.status() == 500;
    }
    reoffered += world.caller.sides.front()->answers > 1;
  }
  EXPECT_EQ(refused, 0u);
  EXPECT_GT(reoffered, kSeeds * 9 / 10);
}

}  // namespace
