#include "sip/digest.hpp"

#include <gtest/gtest.h>

#include <tuple>

#include "sip/digest_hash.hpp"

namespace sip {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kRealm = "parley";
constexpr std::string_view kUri = "sip:conf@example.org";
const base::TimePoint kStart = base::TimePoint(1000s);

class Digest : public testing::Test {
 protected:
  std::string answer(std::string_view challenge, std::string_view user = "alice",
                     std::string_view password = "secret", std::uint32_t count = 1) {
    const auto parsed = parse_challenge(challenge);
    EXPECT_TRUE(parsed);
    return answer_challenge(*parsed, {user, password}, "INVITE", kUri, count, "cn\"once");
  }
  AuthResult check(std::string_view authorization, const StoredHashes* account, base::TimePoint now = kStart,
                   std::string_view method = "INVITE", std::string_view uri = kUri) {
    const auto credentials = parse_authorization(authorization);
    EXPECT_TRUE(credentials) << authorization;
    return verify(nonces_, *credentials, {.method = method, .request_uri = uri, .realm = kRealm}, account,
                  now);
  }
  std::string challenge(std::size_t which = 0) {
    return make_challenges(kRealm, nonces_.make(kRealm, kStart), false)[which];
  }

  NonceSource nonces_{NonceSource::Options{.lifetime = 5min, .max_used = 4}};
  StoredHashes alice_ = StoredHashes::make("alice", kRealm, "secret");
};

// RFC 2617 3.5
TEST(DigestVectors, Rfc2617Md5) {
  const std::string ha1 = hash_ha1(DigestAlgorithm::kMd5, "Mufasa", "testrealm@host.com", "Circle Of Life");
  EXPECT_EQ(ha1, "939e7578ed9e3c518a452acee763bce9");
  EXPECT_EQ(digest_response(DigestAlgorithm::kMd5,
                            {ha1, "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001",
                             "0a4f113b", "auth"}),
            "6629fae49393a05397450978507c4ef1");
}

// RFC 7616 3.9.1
TEST(DigestVectors, Rfc7616Md5AndSha256) {
  const auto response = [](DigestAlgorithm algorithm) {
    return digest_response(algorithm,
                           {hash_ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life"), "GET",
                            "/dir/index.html", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001",
                            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth"});
  };
  EXPECT_EQ(response(DigestAlgorithm::kMd5), "8ca523f5e9506fed4657c9700eebdbec");
  EXPECT_EQ(response(DigestAlgorithm::kSha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

// RFC 7616 3.9.2, with the response of its erratum 4897
TEST(DigestVectors, Rfc7616Sha512_256) {
  const std::string ha1 =
      hash_ha1(DigestAlgorithm::kSha512_256, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org", "Secret, or not?");
  EXPECT_EQ(digest_response(DigestAlgorithm::kSha512_256,
                            {ha1, "GET", "/doe.json", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                             "00000001", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "auth"}),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

// RFC 8760 2.4: one header per algorithm
TEST_F(Digest, OffersOneChallengePerAlgorithmMd5First) {
  const auto values = make_challenges("a \"realm\"", "n", true);
  ASSERT_EQ(values.size(), 3u);
  EXPECT_EQ(values[0], R"(Digest realm="a \"realm\"", nonce="n", algorithm=MD5, qop="auth", stale=true)");
  EXPECT_NE(values[1].find("algorithm=SHA-256,"), std::string::npos);
  EXPECT_NE(values[2].find("algorithm=SHA-512-256,"), std::string::npos);
  constexpr DigestAlgorithm kOne[] = {DigestAlgorithm::kSha256};
  EXPECT_EQ(make_challenges("r", "n", false, kOne),
            std::vector<std::string>{R"(Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth")"});
}

TEST_F(Digest, LetsTheRightOneIn) {
  for (std::size_t i = 0; i < kDigestAlgorithms; ++i)
    EXPECT_EQ(check(answer(challenge(i)), &alice_), AuthResult::kOk);
}

TEST_F(Digest, AndNobodyElse) {
  EXPECT_EQ(check(answer(challenge(), "alice", "wrong"), &alice_), AuthResult::kDenied);
  EXPECT_EQ(check(answer(challenge(), "mallory", "secret"), nullptr), AuthResult::kDenied);
  EXPECT_EQ(check(answer(challenge()), &alice_, kStart, "BYE"), AuthResult::kDenied);
  EXPECT_EQ(check(answer(challenge()), &alice_, kStart, "INVITE", "sip:other@example.org"),
            AuthResult::kDenied);
  EXPECT_EQ(check(answer(challenge()), &alice_, kStart, "INVITE", "sip:conf@EXAMPLE.org;transport=ws"),
            AuthResult::kOk);
  const StoredHashes none;
  EXPECT_EQ(check(answer(challenge()), &none), AuthResult::kDenied);
  StoredHashes md5_only = alice_;
  md5_only.ha1[1].clear();
  EXPECT_EQ(check(answer(challenge(1)), &md5_only), AuthResult::kDenied);
}

// sipp signs its server's URI whatever it asks for; another user's or another server's is nobody's.
TEST_F(Digest, UriOfTheServerAloneWillDo) {
  const auto signed_for = [&](std::string_view uri) {
    return answer_challenge(*parse_challenge(challenge()), {"alice", "secret"}, "INVITE", uri, 1, "cnonce");
  };
  EXPECT_EQ(check(signed_for("sip:example.org:5060"), &alice_), AuthResult::kOk);
  EXPECT_EQ(check(signed_for("sip:example.net"), &alice_), AuthResult::kDenied);
  EXPECT_EQ(check(signed_for("sip:other@example.org"), &alice_), AuthResult::kDenied);
}

TEST_F(Digest, TakesItsOwnNoncesAlone) {
  NonceSource other{NonceSource::Options{}};
  const auto foreign = make_challenges(kRealm, other.make(kRealm, kStart), false);
  EXPECT_EQ(check(answer(foreign[0]), &alice_), AuthResult::kDenied);
  const auto other_realm = nonces_.make("elsewhere", kStart);
  EXPECT_EQ(check(answer(make_challenges(kRealm, other_realm, false)[0]), &alice_), AuthResult::kDenied);
  std::string bent = nonces_.make(kRealm, kStart);
  bent[0] = bent[0] == '0' ? '1' : '0';
  EXPECT_EQ(nonces_.check(bent, kRealm, kStart), NonceSource::Check::kForged);
  EXPECT_EQ(nonces_.check("", kRealm, kStart), NonceSource::Check::kForged);
  EXPECT_EQ(nonces_.check(std::string(64, 'g'), kRealm, kStart), NonceSource::Check::kForged);
  EXPECT_EQ(nonces_.check(std::string(64, 'f'), kRealm, kStart), NonceSource::Check::kForged);
}

TEST_F(Digest, NoncesExpire) {
  const std::string header = answer(challenge());
  EXPECT_EQ(check(header, &alice_, kStart + 5min + 1s), AuthResult::kStale);
  EXPECT_EQ(check(answer(challenge(), "alice", "wrong"), &alice_, kStart + 6min), AuthResult::kDenied);
  EXPECT_EQ(check(header, &alice_, kStart + 5min), AuthResult::kOk);
}

// RFC 7616 3.4.5, 5.12: a copied header does not pass twice
TEST_F(Digest, CountsTheUsesOfANonce) {
  const std::string c = challenge();
  EXPECT_EQ(check(answer(c, "alice", "secret", 1), &alice_), AuthResult::kOk);
  EXPECT_EQ(check(answer(c, "alice", "secret", 1), &alice_), AuthResult::kStale);
  EXPECT_EQ(check(answer(c, "alice", "secret", 3), &alice_), AuthResult::kOk);
  EXPECT_EQ(check(answer(c, "alice", "secret", 2), &alice_), AuthResult::kOk);  // overtaken on the way
  EXPECT_EQ(check(answer(c, "alice", "secret", 2), &alice_), AuthResult::kStale);
  EXPECT_EQ(check(answer(c, "alice", "secret", 200), &alice_), AuthResult::kOk);
  EXPECT_EQ(check(answer(c, "alice", "secret", 4), &alice_), AuthResult::kStale);  // too far back to know
  EXPECT_EQ(check(answer(c, "alice", "secret", 0), &alice_), AuthResult::kStale);
}

TEST_F(Digest, StrangersCostNoMemoryAndOldNoncesAreForgottenSafely) {
  for (int i = 0; i < 20; ++i) check(answer(challenge(), "alice", "wrong"), &alice_);
  EXPECT_EQ(nonces_.used(), 0u);
  const std::string first = challenge();
  EXPECT_EQ(check(answer(first), &alice_), AuthResult::kOk);
  for (int i = 0; i < 4; ++i) {  // max_used is 4: the first goes
    const auto nonce = nonces_.make(kRealm, kStart + 1s);
    EXPECT_EQ(check(answer(make_challenges(kRealm, nonce, false)[0]), &alice_, kStart + 2s), AuthResult::kOk);
  }
  EXPECT_EQ(nonces_.used(), 4u);
  EXPECT_EQ(check(answer(first), &alice_, kStart + 2s), AuthResult::kStale);  // no replay by forgetting
}

TEST_F(Digest, WantsQopAndOurRealm) {
  const std::string nonce = nonces_.make(kRealm, kStart);
  EXPECT_EQ(check(answer("Digest realm=\"parley\", nonce=\"" + nonce + "\""), &alice_), AuthResult::kDenied);
  std::string header = answer(challenge());
  header.replace(header.find("qop=auth"), 8, "qop=auth-int");
  EXPECT_EQ(check(header, &alice_), AuthResult::kDenied);
  header = answer(challenge());
  header.replace(header.find("algorithm=MD5"), 13, "algorithm=MD5-sess");
  EXPECT_EQ(check(header, &alice_), AuthResult::kDenied);
}

// The header of the captured Chromium and JsSIP session.
TEST(DigestParser, ReadsJsSip) {
  const auto c = parse_authorization(
      R"(Digest algorithm=MD5, username="1000", realm="asterisk", nonce="1795322244/111f91fe7f40f0da117258bb508957e7", uri="sip:conf@127.0.0.1", response="554c33cae47148cfdb540be47406ab8b", opaque="69bcca343ffa8385", qop=auth, cnonce="85h91ff9n15q", nc=00000001)");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->username, "1000");
  EXPECT_EQ(c->algorithm, DigestAlgorithm::kMd5);
  EXPECT_EQ(c->count, 1u);
  EXPECT_EQ(c->qop, "auth");
}

// Survival 5: a malformed Authorization never crashes
TEST(DigestParser, SurvivesHostileText) {
  const std::string good = R"(Digest username="a\"b", realm="r", nonce="n", uri="sip:x", response="00")";
  ASSERT_TRUE(parse_authorization(good));
  EXPECT_EQ(parse_authorization(good)->username, "a\"b");
  for (std::size_t i = 0; i <= good.size(); ++i) {
    EXPECT_EQ(parse_authorization(std::string_view(good).substr(0, i)).has_value(), i == good.size());
    std::string bent = good;
    if (i < bent.size()) bent[i] = '\0';
    std::ignore = parse_authorization(bent);
  }
  for (const std::string_view bad :
       {"", "Digest", "Digest ", "Digest ,", "Digest =", "Digest a=", "Digest a=\"", "Digest a=\"\\",
        "Digest a b", "Digestusername=\"a\"", "Digest username=a"}) {
    EXPECT_FALSE(parse_authorization(bad)) << bad;
  }
  for (const std::string_view tail :
       {", nc=1", ", nc=0000000g", ", nc=000000001", ", nonce=\"m\"", ",", ", x", " y=z"}) {
    EXPECT_FALSE(parse_authorization(good + std::string(tail))) << tail;
  }
  EXPECT_EQ(parse_authorization("Basic YTpi").error().code, base::ErrorCode::kUnsupported);
  EXPECT_EQ(parse_authorization(good + std::string(9000, ' ') + ",").error().code,
            base::ErrorCode::kTooLarge);
  std::string many = good;
  for (int i = 0; i < 100; ++i) many += ",x=y";
  EXPECT_EQ(parse_authorization(many).error().code, base::ErrorCode::kTooLarge);
}

TEST(DigestParser, ReadsChallenges) {
  const auto c = parse_challenge(
      R"(Digest realm="r", nonce="n", qop="auth-int,auth", algorithm=sha-256, stale=TRUE, opaque="o", domain="x")");
  ASSERT_TRUE(c);
  EXPECT_TRUE(c->qop_auth);
  EXPECT_TRUE(c->stale);
  EXPECT_EQ(c->algorithm, DigestAlgorithm::kSha256);
  EXPECT_EQ(c->opaque, "o");
  EXPECT_FALSE(parse_challenge(R"(Digest realm="r", nonce="n", qop="auth-int")"));
  EXPECT_FALSE(parse_challenge(R"(Digest realm="r", nonce="n", algorithm=MD5-sess)"));
  EXPECT_FALSE(parse_challenge(R"(Digest realm="r")"));
}

}  // namespace
}  // namespace sip
