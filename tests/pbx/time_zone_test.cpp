// Time zones as the system's files have them, for any moment, whatever zone the test runs in.
#include "pbx/time_zone.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>

namespace {

using namespace std::chrono;
using pbx::TimeZone;
using pbx::ZoneRule;

TimeZone zone(std::string_view name) {
  auto loaded = TimeZone::load(name);
  EXPECT_TRUE(loaded) << loaded.error().detail;
  return loaded ? *loaded : TimeZone();
}

// RFC 8536 3.2
TEST(TimeZone, Berlin) {
  const auto berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.offset(sys_days(2026y / January / 1)), 1h);
  EXPECT_EQ(berlin.offset(sys_days(2026y / March / 29) + 1h - 1s), 1h);
  EXPECT_EQ(berlin.offset(sys_days(2026y / March / 29) + 1h), 2h);
  EXPECT_EQ(berlin.offset(sys_days(2026y / October / 25) + 1h - 1s), 2h);
  EXPECT_EQ(berlin.offset(sys_days(2026y / October / 25) + 1h), 1h);
  EXPECT_EQ(berlin.offset(sys_days(2099y / July / 1)), 2h);     // by the rule behind the list
  EXPECT_EQ(berlin.local(sys_days(2026y / July / 1)), local_days(2026y / July / 1) + 2h);
}

TEST(TimeZone, OthersOfTheWorld) {
  EXPECT_EQ(zone("America/New_York").offset(sys_days(2060y / July / 1)), -4h);
  EXPECT_EQ(zone("America/New_York").offset(sys_days(2060y / January / 1)), -5h);
  EXPECT_EQ(zone("Australia/Sydney").offset(sys_days(2060y / January / 1)), 11h);
  EXPECT_EQ(zone("Australia/Sydney").offset(sys_days(2060y / July / 1)), 10h);
  EXPECT_EQ(zone("Asia/Kolkata").offset(sys_days(2060y / July / 1)), 5h + 30min);
  EXPECT_EQ(zone("UTC").offset(sys_days(2060y / July / 1)), 0h);
  EXPECT_EQ(zone("Europe/Dublin").offset(sys_days(2060y / July / 1)), 1h);
  EXPECT_EQ(zone("Europe/Dublin").offset(sys_days(2060y / January / 1)), 0h);
}

// The C library as the judge, over 150 years.
TEST(TimeZone, AgreesWithTheCLibrary) {
  const char* before = std::getenv("TZ");
  const std::string kept = before ? before : "";
  std::mt19937_64 random(11);   // NOLINT: the same on every run
  for (const auto* name : {"Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "Africa/Casablanca", "Pacific/Chatham", "America/Sao_Paulo", "Europe/Dublin"}) {
    ::setenv("TZ", name, 1);
    ::tzset();
    const auto own = zone(name), machine = zone("");
    for (int i = 0; i < 3000; ++i) {
      const auto t = static_cast<std::time_t>(random() % 4'700'000'000) - 600'000'000;
      std::tm parts{};
      ::localtime_r(&t, &parts);
      ASSERT_EQ(own.offset(base::WallTime(seconds(t))).count(), parts.tm_gmtoff) << name << " " << t;
      ASSERT_EQ(machine.offset(base::WallTime(seconds(t))).count(), parts.tm_gmtoff) << name << " " << t;
    }
  }
  ::setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
  EXPECT_EQ(zone("").offset(sys_days(2026y / July / 1)), -4h);
  ::setenv("TZ", "", 1);
  EXPECT_EQ(zone("").offset(sys_days(2026y / July / 1)), 0h);
  if (before) ::setenv("TZ", kept.c_str(), 1);
  else ::unsetenv("TZ");
  ::tzset();
}

TEST(TimeZone, FromTheWallsClock) {
  const auto berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.moment(local_days(2026y / January / 2) + 3h + 4min), sys_days(2026y / January / 2) + 2h + 4min);
  EXPECT_EQ(berlin.moment(local_days(2026y / July / 2)), sys_days(2026y / July / 1) + 22h);
  EXPECT_EQ(berlin.moment(local_days(2026y / October / 25) + 2h + 30min), sys_days(2026y / October / 25) + 30min);           // told twice
  EXPECT_EQ(berlin.local(berlin.moment(local_days(2026y / March / 29) + 2h + 30min)), local_days(2026y / March / 29) + 3h + 30min);   // left out
}

TEST(ZoneRule, Texts) {
  EXPECT_EQ(ZoneRule::parse("UTC0")->offset(0), 0);
  EXPECT_EQ(ZoneRule::parse("<+0330>-3:30")->offset(0), 12'600);
  EXPECT_EQ(ZoneRule::parse("XYZ5ABC,J60,J300/-1")->offset(1'780'000'000), -4 * 3600);
  EXPECT_EQ(ZoneRule::parse("XYZ5ABC4:30,59/25,299")->offset(1'780'000'000), -4 * 3600 - 1800);
  for (const auto* text : {"", "A0", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J2",
                           "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-999", "<CET-1", "CET-1CEST,M0.5.0,M1.1.1", "CET-1CEST,M3.0.0,M1.1.1"}) {
    EXPECT_FALSE(ZoneRule::parse(text)) << text;
  }
}

TEST(TimeZone, NamesThatAreNone) {
  for (const auto* name : {"../../etc/passwd", "/etc/localtime", "Europe/../UTC", "a b", ".", "Europe//Berlin"}) {
    const auto loaded = TimeZone::load(name);
    ASSERT_FALSE(loaded) << name;
    EXPECT_EQ(loaded.error().code, base::ErrorCode::kMalformed) << name;
  }
  for (const auto* name : {"Europe/Atlantis", "Europe"}) EXPECT_EQ(TimeZone::load(name).error().code, base::ErrorCode::kNotFound) << name;
}

// RFC 8536 3
// A file that is cut or damaged is an error, never a crash.
TEST(TimeZone, DamagedFiles) {
  std::ifstream in("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string good(std::istreambuf_iterator<char>(in), {});
  ASSERT_TRUE(TimeZone::parse(good));
  for (std::size_t length = 0; length + 40 < good.size(); length += 7) EXPECT_FALSE(TimeZone::parse(good.substr(0, length))) << length;
  std::mt19937 random(5);   // NOLINT: the same on every run
  for (int i = 0; i < 5000; ++i) {
    auto bad = good;
    for (int n = 0; n < 4; ++n) bad[random() % (n % 2 ? bad.size() : 44)] = static_cast<char>(random());
    if (const auto read = TimeZone::parse(bad)) static_cast<void>(read->offset(base::WallTime(seconds(random()))));
  }
}

}  // namespace
