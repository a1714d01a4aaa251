// The nonces of Digest: 8 bytes of time, 8 random ones, 16 of HMAC-SHA-256, in hex.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdlib>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "sip/digest.hpp"
#include "sip/digest_hash.hpp"

namespace sip {
namespace {

constexpr std::size_t kHeadBytes = 16;
constexpr std::size_t kSealBytes = 16;
constexpr std::size_t kNonceHex = 2 * (kHeadBytes + kSealBytes);
constexpr std::uint32_t kWindow = 64;  // counts that may come out of order

std::string random_secret() {
  std::uint8_t bytes[32];
  base::random_bytes(bytes);
  return std::string(base::as_text(bytes));
}

}  // namespace

struct NonceSource::Mac {
  explicit Mac(std::string_view secret) {
    EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (context == nullptr ||
        EVP_MAC_init(context, base::as_bytes(secret).data(), secret.size(), params) != 1) {
      std::abort();
    }
  }
  ~Mac() { EVP_MAC_CTX_free(context); }
  Mac(const Mac&) = delete;
  Mac& operator=(const Mac&) = delete;

  EVP_MAC_CTX* context = nullptr;
};

NonceSource::NonceSource() : NonceSource(Options{}) {}
NonceSource::NonceSource(Options options) : NonceSource(random_secret(), options) {}
NonceSource::NonceSource(std::string_view secret, Options options)
    : mac_(std::make_unique<Mac>(secret)), options_(options) {}
NonceSource::~NonceSource() = default;

std::string NonceSource::seal(std::string_view head, std::string_view realm) {
  std::uint8_t out[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  EVP_MAC_CTX* const context = mac_->context;
  const bool good = EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&  // the same key again
                    EVP_MAC_update(context, base::as_bytes(head).data(), head.size()) == 1 &&
                    EVP_MAC_update(context, base::as_bytes(realm).data(), realm.size()) == 1 &&
                    EVP_MAC_final(context, out, &size, sizeof out) == 1;
  if (!good || size < kSealBytes) std::abort();
  return base::to_hex({out, kSealBytes});
}

std::string NonceSource::make(std::string_view realm, base::TimePoint now) {
  std::uint8_t head[kHeadBytes];
  base::store_be64(head, static_cast<std::uint64_t>(now.time_since_epoch().count()));
  base::random_bytes({head + 8, 8});
  std::string nonce = base::to_hex(head);
  nonce += seal(nonce, realm);
  return nonce;
}

std::optional<NonceSource::Parts> NonceSource::parts(std::string_view nonce) {
  if (nonce.size() != kNonceHex) return std::nullopt;
  const auto head = base::from_hex(nonce.substr(0, 2 * kHeadBytes));
  if (!head) return std::nullopt;
  const auto time = static_cast<std::int64_t>(base::load_be64(head->data()));
  return Parts{base::TimePoint(base::Duration(time)), base::load_be64(head->data() + 8)};
}

NonceSource::Check NonceSource::check(std::string_view nonce, std::string_view realm, base::TimePoint now) {
  const auto found = parts(nonce);
  if (!found) return Check::kForged;
  const std::string_view head = nonce.substr(0, 2 * kHeadBytes);
  if (!equal_in_constant_time(seal(head, realm), nonce.substr(2 * kHeadBytes))) return Check::kForged;
  if (now < found->made) return Check::kForged;  // authentic, so of another run with the same secret
  if (now - found->made > options_.lifetime) return Check::kStale;
  if (found->made <= forgotten_ && !used_.contains(found->id)) return Check::kStale;
  return Check::kValid;
}

void NonceSource::forget_old(base::TimePoint now) {
  while (!order_.empty()) {
    const auto oldest = used_.find(order_.front());
    const bool expired = now - oldest->second.made > options_.lifetime;
    if (!expired && used_.size() < options_.max_used) return;
    if (!expired) forgotten_ = std::max(forgotten_, oldest->second.made);
    used_.erase(oldest);
    order_.pop_front();
  }
}

bool NonceSource::use(std::string_view nonce, std::uint32_t count, base::TimePoint now) {
  const auto found = parts(nonce);
  if (!found || count == 0) return false;
  auto entry = used_.find(found->id);
  if (entry == used_.end()) {
    forget_old(now);
    entry = used_.emplace(found->id, Used{.made = found->made}).first;
    order_.push_back(found->id);
  }
  Used& used = entry->second;
  if (count > used.highest) {
    const std::uint32_t step = count - used.highest;
    used.window = step >= kWindow ? 0 : used.window << step;
    used.window |= 1;
    used.highest = count;
    return true;
  }
  const std::uint32_t back = used.highest - count;
  if (back >= kWindow || ((used.window >> back) & 1) != 0) return false;
  used.window |= 1ULL << back;
  return true;
}

}  // namespace sip
