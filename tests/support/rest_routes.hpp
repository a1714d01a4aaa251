// For tests of single routes: a world with the API, and answers held against the schema that the description names for them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "api/rest_schema.hpp"
#include "support/rest_world.hpp"

namespace test_support {

struct RestRoutes : testing::Test {
  RestWorld api;
  PbxWorld& world = api.world;

  static void expect(const RestResponse& answer, int status, std::string_view schema = {}) {
    EXPECT_EQ(answer.status, status) << answer.text;
    if (!schema.empty()) EXPECT_EQ(api::check_schema(answer.json, schema), "") << answer.text;
  }
  static void expect_problem(const RestResponse& answer, int status, std::string_view reason) {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.reason(), reason);
    EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(api::check_schema(answer.json, "Problem"), "");
  }
  Client& page(const std::string& account) {
    auto& client = world.page(account);
    client.password = "secret of " + account;
    client.audio_only = true;
    return client;
  }
};

}  // namespace test_support
