// Names of SIP servers, asked of a name server on loopback.
#include "net/resolver.hpp"

#include <gtest/gtest.h>

#include <future>
#include <set>

#include "support/dns_server.hpp"

namespace {

using namespace std::chrono_literals;
using net::Resolver;
using test_support::DnsServer;
using Found = std::vector<std::string>;

class ResolverTest : public ::testing::Test {
 protected:
  Found ask(std::string_view what, Resolver::Service service = Resolver::Service::kUdp) {
    if (!resolver) start();
    auto promise = std::make_shared<std::promise<Found>>();
    resolver->resolve(what, service, [promise](std::vector<base::SocketAddress> found) {
      Found out;
      for (const auto& address : found) out.push_back(address.to_string());
      promise->set_value(std::move(out));
    });
    auto future = promise->get_future();
    if (future.wait_for(20s) != std::future_status::ready) {
      ADD_FAILURE() << "no answer for " << what;
      return {};
    }
    return future.get();
  }
  void start(net::ResolverConfig config = {}) {
    config.servers = {dns.address()};
    auto started = Resolver::start(std::move(config));
    ASSERT_TRUE(started) << started.error().detail;
    resolver = std::move(*started);
  }
  bool asked(const std::string& question) const {
    const auto all = dns.asked();
    return std::find(all.begin(), all.end(), question) != all.end();
  }

  DnsServer dns;
  std::unique_ptr<Resolver> resolver;
};

TEST_F(ResolverTest, AnAddressIsItself) {
  EXPECT_EQ(ask("192.0.2.1"), Found{"192.0.2.1:5060"});
  EXPECT_EQ(ask("192.0.2.1", Resolver::Service::kTls), Found{"192.0.2.1:5061"});
  EXPECT_EQ(ask("192.0.2.1:5080"), Found{"192.0.2.1:5080"});
  EXPECT_EQ(ask("[2001:db8::1]:5080"), Found{"[2001:db8::1]:5080"});
  EXPECT_EQ(ask("2001:db8::1"), Found{"[2001:db8::1]:5060"});
  EXPECT_TRUE(dns.asked().empty());
}

// RFC 3263 4.2: with a port there is no SRV query
TEST_F(ResolverTest, ANameWithAPortHasAddresses) {
  dns.a("sip.example.com", "192.0.2.1");
  dns.a("sip.example.com", "192.0.2.2");
  dns.aaaa("sip.example.com", "2001:db8::1");
  dns.srv("_sip._udp.sip.example.com", 1, 1, 5070, "elsewhere.example.com");
  const auto found = ask("sip.example.com:5080");
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), (std::set<std::string>{"192.0.2.1:5080", "192.0.2.2:5080", "[2001:db8::1]:5080"}));
  EXPECT_FALSE(asked("33 _sip._udp.sip.example.com"));
}

// RFC 3263 4.2, RFC 2782
TEST_F(ResolverTest, SrvRecordsComeByPriority) {
  dns.srv("_sip._udp.example.com", 20, 0, 5062, "c.example.com");
  dns.srv("_sip._udp.example.com", 10, 0, 5060, "a.example.com");
  dns.srv("_sip._udp.example.com", 15, 0, 5061, "b.example.com");
  dns.a("a.example.com", "192.0.2.1");
  dns.a("b.example.com", "192.0.2.2");
  dns.a("c.example.com", "192.0.2.3");
  dns.a("example.com", "192.0.2.9");
  EXPECT_EQ(ask("Example.com."), (Found{"192.0.2.1:5060", "192.0.2.2:5061", "192.0.2.3:5062"}));
}

// RFC 2782: the weight is a share of a priority's calls
TEST_F(ResolverTest, SrvWeightsShare) {
  dns.srv("_sip._tcp.example.com", 1, 90, 5060, "a.example.com");
  dns.srv("_sip._tcp.example.com", 1, 10, 5060, "b.example.com");
  dns.srv("_sip._tcp.example.com", 1, 0, 5060, "c.example.com");
  dns.a("a.example.com", "192.0.2.1");
  dns.a("b.example.com", "192.0.2.2");
  dns.a("c.example.com", "192.0.2.3");
  int first = 0;
  for (int i = 0; i < 40; ++i) {
    const auto found = ask("example.com", Resolver::Service::kTcp);
    ASSERT_EQ(found.size(), 3U);
    first += found.front() == "192.0.2.1:5060";
  }
  EXPECT_GE(first, 24);
}

// RFC 3263 4.2: no SRV records, the default port
TEST_F(ResolverTest, WithoutSrvRecordsTheNameItselfCounts) {
  dns.a("example.com", "192.0.2.9");
  EXPECT_EQ(ask("example.com"), Found{"192.0.2.9:5060"});
  EXPECT_EQ(ask("example.com", Resolver::Service::kTls), Found{"192.0.2.9:5061"});
  EXPECT_TRUE(asked("33 _sip._udp.example.com"));
  EXPECT_TRUE(asked("33 _sips._tcp.example.com"));
}

// RFC 2782: "." says that there is no such service
TEST_F(ResolverTest, AServiceThatIsNotOfferedIsNotFound) {
  dns.srv("_sip._udp.example.com", 0, 0, 0, "");
  dns.a("example.com", "192.0.2.9");
  EXPECT_EQ(ask("example.com"), Found{});
}

TEST_F(ResolverTest, NamesThatCannotBeAreNotAskedFor) {
  for (const std::string& bad : {std::string(), std::string("exa mple.com"), std::string("a..b"), std::string(".a"), std::string("a.com:0"),
                                std::string("a.com:70000"), std::string("a.com:x"), std::string("[a.com]"), std::string("[::1"), std::string("a\r\nb.com"),
                                std::string(300, 'a'), std::string(64, 'a') + ".com", std::string("a/b")}) {
    EXPECT_EQ(ask(bad), Found{}) << bad;
    EXPECT_FALSE(net::parse_host_port(bad)) << bad;
  }
  EXPECT_TRUE(dns.asked().empty());
}

TEST_F(ResolverTest, UnknownNamesAreNotFound) { EXPECT_EQ(ask("nobody.example.com"), Found{}); }

TEST_F(ResolverTest, WhatNoCallCanGoToIsLeftOut) {
  for (const auto* ip : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1"}) dns.a("sip.example.com", ip);
  dns.aaaa("sip.example.com", "ff02::1");
  dns.aaaa("sip.example.com", "::");
  EXPECT_EQ(ask("sip.example.com:5060"), Found{"192.0.2.1:5060"});
}

TEST_F(ResolverTest, AnswersAreBounded) {
  for (int i = 0; i < 20; ++i) {
    const auto host = "h" + std::to_string(i) + ".example.com";
    dns.srv("_sip._udp.example.com", static_cast<unsigned>(i), 0, 5060, host);
    dns.a(host, "192.0.2." + std::to_string(i + 1));
  }
  for (int i = 0; i < 25; ++i) dns.a("many.example.com", "198.51.100." + std::to_string(i + 1));
  start({.servers = {}, .max_servers = 5});
  const auto found = ask("example.com");
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found.front(), "192.0.2.1:5060");
  EXPECT_FALSE(asked("1 h5.example.com"));
  EXPECT_EQ(ask("many.example.com:5060").size(), 16U);
}

TEST_F(ResolverTest, ASilentServerEndsALookup) {
  dns.answer_with("");
  start({.servers = {}, .timeout = 10s, .tries = 1, .limit = 300ms});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(ask("example.com"), Found{});
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, 250ms);
  EXPECT_LT(took, 5s);
}

TEST_F(ResolverTest, PendingLookupsAreBounded) {
  dns.answer_with("");
  start({.servers = {}, .timeout = 10s, .tries = 1, .limit = 10s, .max_pending = 2});
  std::atomic<int> answered = 0;
  for (int i = 0; i < 2; ++i) resolver->resolve("pending.example.com", Resolver::Service::kUdp, [&](auto) { ++answered; });
  EXPECT_EQ(ask("more.example.com"), Found{});
  EXPECT_EQ(answered, 0);
  EXPECT_FALSE(asked("33 _sip._udp.more.example.com"));
  resolver.reset();
  EXPECT_EQ(answered, 2);
}

TEST_F(ResolverTest, SurvivalItem10HostileAnswersAreNothing) {
  const auto question = DnsServer::name_of("_sip._udp.example.com") + DnsServer::u16(33) + DnsServer::u16(1);
  const auto end = static_cast<unsigned>(12 + question.size());
  const auto header = [](unsigned answers) {
    return "{id}" + DnsServer::u16(0x8580) + DnsServer::u16(1) + DnsServer::u16(answers) + DnsServer::u16(0) + DnsServer::u16(0);
  };
  const auto record = [](const std::string& name, const std::string& data, unsigned length) {
    return name + DnsServer::u16(33) + DnsServer::u16(1) + DnsServer::u16(0) + DnsServer::u16(60) + DnsServer::u16(length) + data;
  };
  const std::string fixed = DnsServer::u16(1) + DnsServer::u16(1) + DnsServer::u16(5060);
  std::vector<std::string> hostile{
      "{id}", "{id}\x85\x80", std::string(64, '\xff'), header(1), header(65535) + question, header(1) + question,
      header(1) + question + record(DnsServer::u16(0xc00c), fixed, 60000),                                  // longer than it is
      header(1) + question + record(DnsServer::u16(0xc00c), fixed, 2),                                      // shorter than it must be
      header(1) + question + record(DnsServer::u16(0xc000 | end), fixed, 6),             // a name that is itself
      header(1) + question + record(DnsServer::u16(0xc00c), fixed + DnsServer::u16(0xc000 | (end + 18)), 8),
      header(1) + question + record(DnsServer::u16(0xffff), fixed, 6),                                      // beyond the end
      header(1) + question + record(DnsServer::u16(0xc00c), fixed + DnsServer::name_of("a b\r\n.com"), 6 + 11),
  };
  start({.servers = {}, .timeout = 50ms, .tries = 1, .limit = 400ms});
  for (const auto& bytes : hostile) {
    dns.answer_with(bytes);
    EXPECT_EQ(ask("example.com"), Found{});
  }
}

TEST(HostPort, IsRead) {
  const auto name = net::parse_host_port("SIP.Example.com:5080");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->host, "sip.example.com");
  EXPECT_EQ(name->port, 5080);
  EXPECT_FALSE(name->literal);
  const auto literal = net::parse_host_port("[2001:db8::1]");
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->host, "2001:db8::1");
  EXPECT_TRUE(literal->literal);
  EXPECT_EQ(literal->port, 0);
}

}  // namespace
