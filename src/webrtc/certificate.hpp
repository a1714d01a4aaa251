// The self-signed certificate of our DTLS end, and fingerprints as SDP carries them (RFC 8122 section 5).
// Thread: a Certificate is immutable and may be shared; the functions are pure.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"

namespace webrtc {

// "sha-256" and "AB:CD:...": the two words of an a=fingerprint line.
struct Fingerprint {
  std::string hash;
  std::string value;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

class Certificate {
 public:
  // ECDSA on P-256 (RFC 8827 section 6.5), self-signed, valid from a day before `wall_now` for 365 days.
  static base::Result<std::shared_ptr<const Certificate>> make(base::WallTime wall_now);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  const Fingerprint& fingerprint() const { return fingerprint_; }  // sha-256, upper case with colons
  X509* x509() const { return x509_; }
  EVP_PKEY* key() const { return key_; }

 private:
  Certificate(X509* x509, EVP_PKEY* key);
  X509* x509_;
  EVP_PKEY* key_;
  Fingerprint fingerprint_;
};

// Of the certificate under "sha-1", "sha-256", "sha-384" or "sha-512" (any case); an empty value for another
// hash.
Fingerprint fingerprint_of(const X509* certificate, std::string_view hash);

// RFC 8122 section 5.1: of the hashes listed, the strongest that we know decides, and one of its fingerprints
// must be the certificate's. An empty list, or one with unknown hashes alone, matches nothing.
bool fingerprint_matches(const X509* certificate, std::span<const Fingerprint> expected);

}  // namespace webrtc
