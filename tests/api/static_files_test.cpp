#include "api/static_files.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

class StaticFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/parley-static-XXXXXX";
    top_ = ::mkdtemp(name);
    root_ = top_ / "dist";
    write("index.html", "<!doctype html>");
    write("app-3FA9C2D1.js", "export {}");
    write("livechat/index.html", "chat");
    write("logo.svg", "<svg/>");
    write("sdk/phone.js", "export {}");
    write("examples/ozeki-livechat/live_chat.html", "chat");
    write("examples/sdk-chat.html", "chat");
    write(".secret", "x");
    write(".git/config", "x");
    write("../outside.txt", "secret");
    fs::create_symlink(top_ / "outside.txt", root_ / "link.txt");
    files_ = *api::StaticFiles::load(root_.string());
  }
  void TearDown() override { fs::remove_all(top_); }
  void write(const std::string& path, const std::string& content) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  net::HttpResponse get(const std::string& path, const std::string& method = "GET", net::HttpHeaders headers = {}) {
    net::HttpRequest request;
    request.method = method;
    request.path = path;
    request.headers = std::move(headers);
    return files_.serve(request);
  }
  static std::string header(const net::HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }
  fs::path top_, root_;
  api::StaticFiles files_;
};

TEST_F(StaticFiles, ServesFilesWithTheirTypes) {
  EXPECT_EQ(*get("/").body, "<!doctype html>");
  EXPECT_EQ(header(get("/"), "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(*get("/livechat/").body, "chat");
  EXPECT_EQ(header(get("/app-3FA9C2D1.js"), "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(header(get("/logo.svg"), "Content-Type"), "image/svg+xml");
  EXPECT_EQ(*get("/healthz").body, "ok\n");
}

TEST_F(StaticFiles, LetsNothingElseOut) {
  for (const std::string path : {"/../outside.txt", "/link.txt", "/.secret", "/.git/config", "//index.html", "/sdk", "", "/livechat/../.secret"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(header(get("/none"), "Content-Type"), "text/plain; charset=utf-8");
  const auto posted = get("/", "POST");
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(header(posted, "Allow"), "GET, HEAD");
}

TEST_F(StaticFiles, AFolderWithAPageIsFoundWithoutItsSlash) {
  const auto moved = get("/livechat");
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(header(moved, "Location"), "/livechat/");
  EXPECT_EQ(get("//livechat").status, 404);
}

TEST_F(StaticFiles, LetsThePublishedExampleAloneRunInlineScript) {
  const auto policy = header(get("/examples/ozeki-livechat/live_chat.html"), "Content-Security-Policy");
  EXPECT_NE(policy.find("script-src 'self' 'unsafe-inline' 'unsafe-eval';"), std::string::npos);
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("style-src 'self';"), std::string::npos);
  // Survival item 21: what others write becomes HTML in it, so it has an origin of its own.
  EXPECT_NE(policy.find("; sandbox allow-scripts"), std::string::npos);
  EXPECT_EQ(policy.find("allow-same-origin"), std::string::npos);
  EXPECT_EQ(header(get("/examples/ozeki-livechat/live_chat.html"), "Cross-Origin-Opener-Policy"), "unsafe-none");
  for (const std::string path : {"/", "/examples/sdk-chat.html", "/sdk/phone.js", "/examples/ozeki-livechat/none"}) {
    EXPECT_EQ(header(get(path), "Content-Security-Policy").find("unsafe"), std::string::npos) << path;
  }
}

TEST_F(StaticFiles, LetsPagesOfEveryOriginLoadTheSdk) {
  EXPECT_EQ(header(get("/sdk/phone.js"), "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(get("/sdk/phone.js"), "Cross-Origin-Resource-Policy"), "cross-origin");
  EXPECT_EQ(header(get("/"), "Access-Control-Allow-Origin"), "");
}

TEST_F(StaticFiles, IsCachedByETagAndByHashedName) {
  const auto first = get("/");
  EXPECT_EQ(header(first, "Cache-Control"), "no-cache");
  const auto etag = header(first, "ETag");
  const auto again = get("/", "GET", {{"if-none-match", "\"other\", W/" + etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, nullptr);
  EXPECT_EQ(get("/", "GET", {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_NE(header(get("/app-3FA9C2D1.js"), "Cache-Control").find("immutable"), std::string::npos);
  EXPECT_EQ(header(get("/logo.svg"), "Cache-Control"), "no-cache");
}

// Survival item 21.
TEST_F(StaticFiles, GivesEveryAnswerAStrictPolicy) {
  for (const auto& response : {get("/"), get("/none"), get("/", "POST"), get("/healthz")}) {
    const auto policy = header(response, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self';")) << policy;
    EXPECT_EQ(policy.find("unsafe"), policy.npos);
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_NE(header(response, "Permissions-Policy").find("display-capture=(self)"), std::string::npos);
  }
}

TEST_F(StaticFiles, SaysWhatIsWrongWithTheDirectory) {
  const auto missing = api::StaticFiles::load((top_ / "none").string());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("none"), std::string::npos);
  EXPECT_FALSE(api::StaticFiles::load(root_.string(), {.file = 5, .total = 1000}));
}

}  // namespace
