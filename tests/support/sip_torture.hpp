// The torture messages of RFC 4475 and RFC 5118, and what is asked of each.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sip/request_check.hpp"
#include "support/sip_text.hpp"

namespace test {

inline Parsed valid(std::string_view name) {
  auto parsed = parse_sip(torture_message(name));
  EXPECT_TRUE(parsed.message) << name << ": " << parsed.failure.reason;
  return parsed;
}

// What the server layer answers: by the parser, or by check_request(). 200: nothing is wrong.
inline sip::ParseFailure judged(std::string_view name,
                                const sip::RequestChecks& checks = sip::RequestChecks::defaults()) {
  const auto parsed = parse_sip(torture_message(name));
  if (!parsed.message) return parsed.failure;
  if (parsed->is_request()) {
    if (auto failure = sip::check_request(*parsed.message, checks)) return *failure;
  }
  return {200, ""};
}
inline int status(std::string_view name) {
  return judged(name).status;
}

// The whole way of a request that can't be parsed: an answer that is itself a message.
inline void expect_answer(std::string_view name, int expected) {
  const std::string bytes = torture_message(name);
  const auto parsed = parse_sip(bytes);
  ASSERT_FALSE(parsed.message) << name;
  EXPECT_EQ(parsed.failure.status, expected) << name << ": " << parsed.failure.reason;
  const auto answer = sip::make_failure_response(bytes, udp_source(), parsed.failure);
  ASSERT_TRUE(answer) << name;
  EXPECT_TRUE(answer->starts_with("SIP/2.0 " + std::to_string(expected) + " ")) << *answer;
}

inline std::vector<sip::Via> vias(const sip::Message& message) {
  std::vector<sip::Via> result;
  for (const auto text : message.values(sip::HeaderId::kVia)) {
    const auto via = sip::Via::parse(text);
    EXPECT_TRUE(via) << text;
    if (via) result.push_back(*via);
  }
  return result;
}

inline sip::NameAddr contact(const sip::Message& message, std::size_t which = 0) {
  const auto all = message.values(sip::HeaderId::kContact);
  EXPECT_LT(which, all.size());
  auto parsed = sip::NameAddr::parse(all.at(which));
  EXPECT_TRUE(parsed);
  return parsed ? *parsed : sip::NameAddr{};
}

}  // namespace test
