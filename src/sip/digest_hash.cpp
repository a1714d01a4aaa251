#include "sip/digest_hash.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

#include "base/bytes.hpp"
#include "base/text.hpp"

namespace sip {
namespace {

// Fetched once: a look-up in OpenSSL's providers costs more than the hash.
const EVP_MD* md(DigestAlgorithm algorithm) {
  static EVP_MD* const kMds[kDigestAlgorithms] = {EVP_MD_fetch(nullptr, "MD5", nullptr),
                                                  EVP_MD_fetch(nullptr, "SHA256", nullptr),
                                                  EVP_MD_fetch(nullptr, "SHA512-256", nullptr)};
  EVP_MD* const found = kMds[static_cast<std::size_t>(algorithm)];
  if (found == nullptr) std::abort();  // an OpenSSL without it can't authenticate anybody
  return found;
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string digest_hex(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts) {
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::uint8_t out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  bool good = EVP_DigestInit_ex2(context.get(), md(algorithm), nullptr) == 1;
  bool first = true;
  for (const std::string_view part : parts) {
    if (!first) good = good && EVP_DigestUpdate(context.get(), ":", 1) == 1;
    first = false;
    good = good && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  }
  good = good && EVP_DigestFinal_ex(context.get(), out, &size) == 1;
  if (!good) std::abort();
  return base::to_hex({out, size});
}

std::size_t digest_hex_size(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5 ? 32 : 64;
}

std::string digest_response(DigestAlgorithm algorithm, const DigestInput& in) {
  const std::string ha2 = digest_hex(algorithm, {in.method, in.uri});
  if (in.qop.empty()) return digest_hex(algorithm, {in.ha1, in.nonce, ha2});
  return digest_hex(algorithm, {in.ha1, in.nonce, in.count, in.cnonce, in.qop, ha2});
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sip
