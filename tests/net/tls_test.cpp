#include "net/tls.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

class Tls : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/parley-tls-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
};

std::string contents(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(Tls, MakesACertificateOnceAndKeepsItsKeyPrivate) {
  const auto files = net::make_self_signed({"localhost", "127.0.0.1", "::1"}, directory_);
  ASSERT_TRUE(files) << files.error().detail;
  struct stat status {};
  ASSERT_EQ(::stat(files->key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto before = contents(files->certificate);
  ASSERT_TRUE(net::make_self_signed({"localhost"}, directory_));
  EXPECT_EQ(contents(files->certificate), before);
  ASSERT_TRUE(net::make_self_signed({"localhost", "new.example"}, directory_));
  EXPECT_NE(contents(files->certificate), before);
  EXPECT_TRUE(net::TlsServer::load(*files));
}

TEST_F(Tls, KeepsTheOldCertificateWhenTheNewOneIsHalfWritten) {
  const auto files = *net::make_self_signed({"localhost"}, directory_);
  const auto server = *net::TlsServer::load(files);
  const auto before = server->context();
  const auto whole = contents(files.certificate);
  std::ofstream(files.certificate, std::ios::trunc) << whole.substr(0, whole.size() / 2);
  const auto status = server->reload();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().detail.find(files.certificate), std::string::npos);
  EXPECT_EQ(server->context(), before);
  std::ofstream(files.certificate, std::ios::trunc) << whole;
  EXPECT_TRUE(server->reload());
  EXPECT_NE(server->context(), before);
}

TEST_F(Tls, RefusesAKeyOfAnotherCertificateAndMissingFiles) {
  const auto files = *net::make_self_signed({"localhost"}, directory_);
  const auto other = *net::make_self_signed({"localhost"}, directory_ + "/other");
  EXPECT_FALSE(net::TlsServer::load({files.certificate, other.key}));
  const auto missing = net::TlsServer::load({directory_ + "/none.pem", files.key});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("none.pem"), std::string::npos);
}

}  // namespace
