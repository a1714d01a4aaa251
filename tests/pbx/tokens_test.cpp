// Tokens of webphones: who signed what, and until when.
#include "pbx/tokens.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

namespace {

using namespace std::chrono_literals;

const std::string kSecret(32, 's');
const base::WallTime kNow{std::chrono::seconds(1'790'000'000)};

std::string base64url(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(n));
  while (out.ends_with('=')) out.pop_back();
  for (auto& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string hs256(std::string_view header, std::string_view claims, const std::string& secret = kSecret) {
  const auto text = base64url(header) + "." + base64url(claims);
  unsigned char mac[32];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &length);
  return text + "." + base64url({reinterpret_cast<char*>(mac), length});
}

constexpr auto kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr auto kClaims = R"({"line":"support","name":"Ann","exp":1790000060})";

struct Ed25519 {
  Ed25519() : key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    public_pem.assign(text, static_cast<std::size_t>(size));
    BIO_free(bio);
  }
  ~Ed25519() { EVP_PKEY_free(key); }
  std::string sign(std::string_view header, std::string_view claims) const {
    const auto text = base64url(header) + "." + base64url(claims);
    unsigned char signature[64];
    std::size_t length = sizeof signature;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key);
    EVP_DigestSign(context, signature, &length, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    return text + "." + base64url({reinterpret_cast<char*>(signature), length});
  }
  EVP_PKEY* key;
  std::string public_pem;
};

std::string why(const base::Result<pbx::TokenClaims>& result) {
  if (result) return "taken";
  EXPECT_EQ(result.error().code, base::ErrorCode::kDenied);
  return result.error().detail;
}

struct TokensTest : testing::Test {
  pbx::TokenKeys keys = *pbx::TokenKeys::make(kSecret, {});
};

// RFC 7519 section 4.1.4, RFC 7515 appendix A.1
TEST_F(TokensTest, ASignedOneSaysWhoMayDoWhat) {
  const auto claims = keys.verify(hs256(kHeader, R"({"line":"support","name":"Ann","room":"team","exp":1790000060,"may":["message","call_external","later"]})"), kNow);
  ASSERT_TRUE(claims) << claims.error().detail;
  EXPECT_EQ(claims->line, "support");
  EXPECT_EQ(claims->display_name, "Ann");
  EXPECT_EQ(claims->room, "team");
  EXPECT_EQ(claims->expires, kNow + 60s);
  EXPECT_EQ(pbx::names(claims->may), (std::vector<std::string>{"message", "external"}));
  EXPECT_EQ(pbx::names(keys.verify(hs256(kHeader, kClaims), kNow)->may), (std::vector<std::string>{"message", "internal"}));
}

TEST_F(TokensTest, OurOwnAreTaken) {
  pbx::TokenClaims claims{.line = "support", .display_name = "Änn \"quoted\"", .room = "team", .may = {}, .expires = kNow + 60s};
  claims.may.supervise = true;
  const auto token = keys.sign(claims, kNow);
  ASSERT_TRUE(token);
  const auto back = keys.verify(*token, kNow);
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->display_name, claims.display_name);
  EXPECT_EQ(back->may, claims.may);
  EXPECT_EQ(back->expires, claims.expires);
  EXPECT_FALSE(pbx::TokenKeys().sign(claims, kNow));
}

TEST_F(TokensTest, TimeRunsOut) {
  EXPECT_EQ(why(keys.verify(hs256(kHeader, kClaims), kNow + 59s)), "taken");
  EXPECT_EQ(why(keys.verify(hs256(kHeader, kClaims), kNow + 60s)), "the token has expired");
  EXPECT_EQ(why(keys.verify(hs256(kHeader, R"({"line":"x"})"), kNow)), "the token does not say when it expires (exp)");
  for (const auto* exp : {"-1", "1e300", "\"1790000060\"", "true", "null", "99999999999999999999999999"}) {
    EXPECT_NE(why(keys.verify(hs256(kHeader, std::string(R"({"line":"x","exp":)") + exp + "}"), kNow)), "taken") << exp;
  }
  EXPECT_EQ(why(keys.verify(hs256(kHeader, R"({"line":"x","exp":1790000060,"nbf":1790000050})"), kNow)), "taken");
  EXPECT_EQ(why(keys.verify(hs256(kHeader, R"({"line":"x","exp":1790000600,"nbf":1790000300})"), kNow)), "the token does not hold yet (nbf)");
}

// RFC 8725 sections 3.1 and 3.2: what a token says of itself chooses nothing.
TEST_F(TokensTest, NoOtherAlgorithmIsTaken) {
  for (const std::string alg : {"none", "None", "hs256", "HS384", "RS256", "ES256", ""}) {
    const auto header = R"({"alg":")" + alg + "\"}";
    EXPECT_NE(why(keys.verify(hs256(header, kClaims), kNow)), "taken") << alg;
    EXPECT_NE(why(keys.verify(base64url(header) + "." + base64url(kClaims) + ".", kNow)), "taken") << alg;
  }
  EXPECT_NE(why(keys.verify(hs256(R"({"typ":"JWT"})", kClaims), kNow)), "taken");
  EXPECT_NE(why(keys.verify(hs256(R"({"alg":["HS256"]})", kClaims), kNow)), "taken");
  EXPECT_NE(why(keys.verify(hs256(R"({"alg":"HS256","crit":["x"],"x":1})", kClaims), kNow)), "taken");
}

TEST_F(TokensTest, AWrongSignatureIsRefused) {
  const auto good = hs256(kHeader, kClaims);
  EXPECT_EQ(why(keys.verify(hs256(kHeader, kClaims, std::string(32, 't')), kNow)), "the token's signature is wrong");
  const auto last = good.rfind('.');
  for (std::size_t i = 0; i < last; ++i) {
    auto bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(why(keys.verify(bad, kNow)), "taken") << i;
  }
  EXPECT_NE(why(keys.verify(good.substr(0, last + 1), kNow)), "taken");
  EXPECT_NE(why(keys.verify(good + "A", kNow)), "taken");
  EXPECT_NE(why(keys.verify(good.substr(0, good.size() - 1), kNow)), "taken");
  // The last character of 43 holds two bits too many: they must be 0 (one form of each token).
  auto loose = good;
  loose.back() = loose.back() == 'A' ? 'B' : static_cast<char>(loose.back() + 1);
  EXPECT_NE(why(keys.verify(loose, kNow)), "taken");
}

// RFC 8037 section 3.1
TEST_F(TokensTest, EdDsaIsTakenWithThePublicKeyAlone) {
  const Ed25519 pair, other;
  const auto both = pbx::TokenKeys::make(kSecret, pair.public_pem);
  ASSERT_TRUE(both);
  const auto token = pair.sign(R"({"alg":"EdDSA"})", kClaims);
  EXPECT_EQ(why(both->verify(token, kNow)), "taken");
  EXPECT_EQ(why(both->verify(hs256(kHeader, kClaims), kNow)), "taken");
  EXPECT_NE(why(keys.verify(token, kNow)), "taken");
  EXPECT_NE(why(both->verify(other.sign(R"({"alg":"EdDSA"})", kClaims), kNow)), "taken");
  // The public key as an HMAC's secret, the old trick.
  EXPECT_NE(why(pbx::TokenKeys::make({}, pair.public_pem)->verify(hs256(kHeader, kClaims, pair.public_pem), kNow)), "taken");
  EXPECT_NE(why(both->verify(pair.sign(kHeader, kClaims), kNow)), "taken");
}

TEST_F(TokensTest, WithoutKeysNoneIsTaken) {
  EXPECT_NE(why(pbx::TokenKeys().verify(hs256(kHeader, kClaims, ""), kNow)), "taken");
  EXPECT_FALSE(pbx::TokenKeys::make("short", {}));
  EXPECT_FALSE(pbx::TokenKeys::make(kSecret, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
}

TEST_F(TokensTest, MalformedOnesAreRefused) {
  for (const std::string text : {"", ".", "..", "a.b.c", "eyJ", "eyJ..", "eyJhbGciOiJIUzI1NiJ9", "eyJ.eyJ.eyJ.eyJ", "eyJhbGciOiJIUzI1NiJ9.e30=.AAAA"}) {
    EXPECT_NE(why(keys.verify(text, kNow)), "taken") << text;
  }
  EXPECT_NE(why(keys.verify(std::string(5000, 'e'), kNow)), "taken");
  EXPECT_NE(why(keys.verify(hs256(kHeader, std::string(2000, '[')), kNow)), "taken");
  for (const auto* claims : {"", "[]", "1", "{", R"({"exp":1790000060})", R"({"line":"","exp":1790000060})", R"({"line":5,"exp":1790000060})",
                             R"({"line":"x","exp":1790000060,"may":"all"})", R"({"line":"x","exp":1790000060,"may":[1]})",
                             R"({"line":"x","exp":1790000060,"name":{}})", R"({"line":"x","exp":1790000060,"room":[]})"}) {
    EXPECT_NE(why(keys.verify(hs256(kHeader, claims), kNow)), "taken") << claims;
  }
}

TEST_F(TokensTest, ALineIsNoToken) {
  EXPECT_TRUE(pbx::looks_like_token(hs256(kHeader, kClaims)));
  for (const auto* text : {"Webphone1", "1500", "a.b.c", "eyJ.x", ""}) EXPECT_FALSE(pbx::looks_like_token(text)) << text;
}

}  // namespace
