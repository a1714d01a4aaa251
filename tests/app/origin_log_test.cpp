// Refused origins in the log: said once, with the remedy, and not by whoever floods it.
#include "app/origin_log.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
const base::TimePoint kStart{1h};

TEST(OriginLogTest, SaysEachOriginOnceWithTheRemedy) {
  app::OriginLog log;
  const auto said = log.refused_by_line("support", "https://shop.example", kStart);
  ASSERT_TRUE(said);
  EXPECT_EQ(*said, "webphone line support: pages of https://shop.example are refused; to let them in add that to \"origins\" of the [[webphone_line]] support");
  EXPECT_FALSE(log.refused_by_line("support", "https://shop.example", kStart + 1h));
  EXPECT_TRUE(log.refused_by_line("sales", "https://shop.example", kStart + 2h));   // another line is another matter
  const auto socket = log.refused_by_listener("192.0.2.1:8080", "https://shop.example", kStart + 3h);
  ASSERT_TRUE(socket);
  EXPECT_NE(socket->find("[[http]]"), socket->npos);
  EXPECT_FALSE(log.refused_by_listener("192.0.2.1:8080", "https://shop.example", kStart + 4h));
}

TEST(OriginLogTest, AFloodWritesLittleAndWhatItHidIsSaidLater) {
  app::OriginLog log;
  int lines = 0;
  for (int i = 0; i < 1000; ++i) lines += log.refused_by_line("support", "https://" + std::to_string(i) + ".example", kStart + i * 10ms) ? 1 : 0;
  EXPECT_EQ(lines, 1);
  const auto said = log.refused_by_line("support", "https://shop.example", kStart + 1h);
  ASSERT_TRUE(said);
  EXPECT_NE(said->find("(999 refusals of others not shown)"), said->npos) << *said;
}

TEST(OriginLogTest, FewAreRemembered) {
  app::OriginLog log;
  auto now = kStart;
  for (std::size_t i = 0; i <= app::OriginLog::kRemembered; ++i) EXPECT_TRUE(log.refused_by_line("a", "https://" + std::to_string(i), now += 1h));
  EXPECT_FALSE(log.refused_by_line("a", "https://1", now += 1h));
  EXPECT_TRUE(log.refused_by_line("a", "https://0", now += 1h));   // forgotten
}

TEST(OriginLogTest, WhatStrangersSendIsEscapedAndCut) {
  app::OriginLog log;
  const auto said = log.refused_by_line("support", "https://x\r\n[error] all is lost\x1b[31m" + std::string(10'000, 'y'), kStart);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->find_first_of("\r\n\x1b"), said->npos);
  EXPECT_LT(said->size(), 500u);
  const auto none = log.refused_by_line("support", "null", kStart + 1h);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->find("add"), none->npos) << *none;
}

}  // namespace
