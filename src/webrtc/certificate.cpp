#include "webrtc/certificate.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>

#include "base/random.hpp"
#include "base/text.hpp"

namespace webrtc {
namespace {

struct Hash {
  std::string_view name;
  const EVP_MD* (*digest)();
};
// Strongest first.
constexpr std::array<Hash, 4> kHashes{
    {{"sha-512", EVP_sha512}, {"sha-384", EVP_sha384}, {"sha-256", EVP_sha256}, {"sha-1", EVP_sha1}}};

bool sign(X509* x509, EVP_PKEY* key, base::WallTime wall_now) {
  std::array<std::uint8_t, 8> serial{};
  base::random_bytes(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x01);  // positive, not zero
  const auto from = base::WallTime::clock::to_time_t(wall_now - std::chrono::hours(24));
  const auto until = base::WallTime::clock::to_time_t(wall_now + std::chrono::hours(24 * 365));
  const auto name_text = base::random_token(16);  // says nothing about us
  auto* name = X509_get_subject_name(x509);
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  const bool ok = number != nullptr && X509_set_version(x509, X509_VERSION_3) == 1 &&
                  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nullptr &&
                  ASN1_TIME_set(X509_getm_notBefore(x509), from) != nullptr &&
                  ASN1_TIME_set(X509_getm_notAfter(x509), until) != nullptr &&
                  X509_set_pubkey(x509, key) == 1 &&
                  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                             reinterpret_cast<const unsigned char*>(name_text.data()),
                                             static_cast<int>(name_text.size()), -1, 0) == 1 &&
                  X509_set_issuer_name(x509, name) == 1 && X509_sign(x509, key, EVP_sha256()) > 0;
  BN_free(number);
  return ok;
}

}  // namespace

Certificate::Certificate(X509* x509, EVP_PKEY* key)
    : x509_(x509), key_(key), fingerprint_(fingerprint_of(x509, "sha-256")) {}

Certificate::~Certificate() {
  X509_free(x509_);
  EVP_PKEY_free(key_);
}

base::Result<std::shared_ptr<const Certificate>> Certificate::make(base::WallTime wall_now) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* x509 = X509_new();
  if (key == nullptr || x509 == nullptr || !sign(x509, key, wall_now)) {
    X509_free(x509);
    EVP_PKEY_free(key);
    return base::fail(base::ErrorCode::kInternal, "cannot make a DTLS certificate");
  }
  return std::shared_ptr<const Certificate>(new Certificate(x509, key));
}

Fingerprint fingerprint_of(const X509* certificate, std::string_view hash) {
  for (const auto& known : kHashes) {
    if (!base::equals_ignoring_case(known.name, hash)) continue;
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, known.digest(), digest.data(), &size) != 1) break;
    Fingerprint result{std::string(known.name), {}};
    for (unsigned i = 0; i < size; ++i) {
      if (i > 0) result.value += ':';
      result.value += "0123456789ABCDEF"[digest[i] >> 4];
      result.value += "0123456789ABCDEF"[digest[i] & 15];
    }
    return result;
  }
  return {std::string(hash), {}};
}

bool fingerprint_matches(const X509* certificate, std::span<const Fingerprint> expected) {
  for (const auto& known : kHashes) {
    bool listed = false;
    Fingerprint actual;
    for (const auto& fingerprint : expected) {
      if (!base::equals_ignoring_case(fingerprint.hash, known.name)) continue;
      if (!listed) actual = fingerprint_of(certificate, known.name);
      listed = true;
      if (!actual.value.empty() && base::equals_ignoring_case(actual.value, base::trim(fingerprint.value)))
        return true;
    }
    if (listed) return false;
  }
  return false;
}

}  // namespace webrtc
