// PUBLISH and its entity tags.
#include "sip/publication.hpp"
#include "support/sip_script.hpp"

namespace {

using namespace test;
using sip::PublicationChange;

class PublicationTest : public ::testing::Test {
 protected:
  static sip::PublicationConfig config() {
    sip::PublicationConfig out;
    out.max_per_resource = 3;
    out.max_total = 4;
    return out;
  }
  static sip::MessagePtr request(const std::string& headers, const std::string& body = {}, const std::string& type = "application/pidf+xml") {
    std::string text = "PUBLISH sip:bob@b SIP/2.0\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\nFrom: <sip:bob@b>;tag=1\nTo: <sip:bob@b>\nCall-ID: i\nCSeq: 1 PUBLISH\n" + headers;
    if (!body.empty()) text += "Content-Type: " + type + "\n";
    return parse(wire(text, body));
  }
  sip::PublicationStore::Outcome publish(const std::string& headers, const std::string& body = {}, const std::string& resource = "bob",
                                         const std::string& type = "application/pidf+xml") {
    auto outcome = store.publish(*request(headers, body, type), resource, now);
    tag.clear();
    for (const auto& [name, value] : outcome.reply.headers) {
      if (name == "SIP-ETag") tag = value;
    }
    return outcome;
  }
  static std::string header(const sip::PublicationStore::Outcome& outcome, const std::string& wanted) {
    for (const auto& [name, value] : outcome.reply.headers) {
      if (name == wanted) return value;
    }
    return {};
  }
  std::string body() const {
    const auto found = store.find("bob", "presence", now);
    return found.size() == 1 ? *found[0].body : "(" + std::to_string(found.size()) + ")";
  }

  sip::PublicationStore store{config()};
  base::TimePoint now = base::TimePoint{} + 1h;
  std::string tag;
};

// RFC 3903 4.2, 4.3, 4.4, 4.5, 11.3
TEST_F(PublicationTest, InitialRefreshModifyRemove) {
  auto outcome = publish("Event: presence\nExpires: 600\n", "<open/>");
  EXPECT_EQ(outcome.reply.status, 200);
  EXPECT_EQ(outcome.change, PublicationChange::kCreated);
  EXPECT_EQ(header(outcome, "Expires"), "600");
  EXPECT_EQ(body(), "<open/>");
  const std::string first = tag;

  now += 500s;
  outcome = publish("Event: presence\nExpires: 600\nSIP-If-Match: " + first + "\n");
  EXPECT_EQ(outcome.change, PublicationChange::kRefreshed);
  EXPECT_NE(tag, first);
  EXPECT_EQ(body(), "<open/>");
  const std::string second = tag;

  now += 500s;
  outcome = publish("Event: presence\nSIP-If-Match: " + second + "\n", "<busy/>");
  EXPECT_EQ(outcome.change, PublicationChange::kModified);
  EXPECT_EQ(header(outcome, "Expires"), "3600");
  EXPECT_EQ(body(), "<busy/>");
  const std::string third = tag;

  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: " + first + "\n").reply.status, 412);
  outcome = publish("Event: presence\nExpires: 0\nSIP-If-Match: " + third + "\n");
  EXPECT_EQ(outcome.change, PublicationChange::kRemoved);
  EXPECT_EQ(header(outcome, "Expires"), "0");
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.next_expiry(), base::kNever);
}

// RFC 3903 6: 412 for what is unknown, expired, or somebody else's
TEST_F(PublicationTest, TagsThatDoNotMatch) {
  publish("Event: presence\nExpires: 60\n", "<a/>");
  const std::string own = tag;
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: " + own + "\n", "<b/>", "carol").reply.status, 412);
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: nothing\n").reply.status, 412);
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: *\n", "<b/>").reply.status, 412);
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: a, b\n").reply.status, 400);
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: a\nSIP-If-Match: b\n").reply.status, 400);
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match:\n").reply.status, 400);
  now += 60s;
  EXPECT_EQ(publish("Event: presence\nSIP-If-Match: " + own + "\n").reply.status, 412);
  EXPECT_EQ(store.expire(now), std::vector<std::string>{"bob"});
  EXPECT_EQ(store.size(), 0U);
}

// RFC 3903 6: 489, 423, 415, 413, 400
TEST_F(PublicationTest, Refusals) {
  EXPECT_EQ(header(publish("Event: dialog\n", "<a/>"), "Allow-Events"), "presence");
  EXPECT_EQ(publish("", "<a/>").reply.status, 489);
  EXPECT_EQ(publish("Event: pre sence\n", "<a/>").reply.status, 489);
  EXPECT_EQ(header(publish("Event: presence\nExpires: 59\n", "<a/>"), "Min-Expires"), "60");
  EXPECT_EQ(publish("Event: presence\nExpires: 59\n", "<a/>").reply.status, 423);
  EXPECT_EQ(publish("Event: presence\nExpires: x\n", "<a/>").reply.status, 400);
  EXPECT_EQ(header(publish("Event: presence\n", "x", "bob", "text/plain"), "Accept"), "application/pidf+xml");
  EXPECT_EQ(publish("Event: presence\n", std::string(16 * 1024 + 1, 'x')).reply.status, 413);
  EXPECT_EQ(publish("Event: presence\n").reply.status, 400);
  EXPECT_EQ(store.size(), 0U);
}

TEST_F(PublicationTest, ExpiresZeroAtOnceKeepsNothing) {
  const auto outcome = publish("Event: presence\nExpires: 0\n", "<a/>");
  EXPECT_EQ(outcome.reply.status, 200);
  EXPECT_EQ(outcome.change, PublicationChange::kNone);
  EXPECT_EQ(store.size(), 0U);
}

// Survival item 7
TEST_F(PublicationTest, SurvivalItem7IsBounded) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(publish("Event: presence\n", "<a/>").reply.status, 200);
  EXPECT_EQ(publish("Event: presence\n", "<a/>").reply.status, 503);
  EXPECT_EQ(publish("Event: presence\nExpires: 99999\n", "<a/>", "carol").reply.status, 200);
  EXPECT_EQ(publish("Event: presence\n", "<a/>", "dave").reply.status, 503);
  EXPECT_EQ(store.size(), 4U);
  now += 3600s;
  EXPECT_EQ(store.expire(now), (std::vector<std::string>{"bob", "carol"}));
}

}  // namespace
