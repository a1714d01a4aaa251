#include "base/random.hpp"

#include <openssl/rand.h>

#include <cstdlib>

#include <fmt/format.h>

namespace base {
namespace {

// A pool per thread: one call of the generator serves many tokens.
class Pool {
 public:
  void take(MutableByteView out) {
    if (out.size() > sizeof bytes_) return fill(out);
    if (used_ + out.size() > sizeof bytes_) {
      fill(bytes_);
      used_ = 0;
    }
    std::memcpy(out.data(), bytes_ + used_, out.size());
    std::memset(bytes_ + used_, 0, out.size());
    used_ += out.size();
  }

 private:
  static void fill(MutableByteView out) {
    if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();  // no entropy, no service
  }
  std::uint8_t bytes_[512] = {};
  std::size_t used_ = sizeof bytes_;
};

thread_local Pool pool;

}  // namespace

void random_bytes(MutableByteView out) { pool.take(out); }

std::uint32_t random_u32() {
  std::uint8_t b[4];
  random_bytes(b);
  return load_be32(b);
}

std::uint64_t random_u64() {
  std::uint8_t b[8];
  random_bytes(b);
  return load_be64(b);
}

std::string random_token(std::size_t length) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string result;
  result.reserve(length);
  while (result.size() < length) {
    std::uint8_t byte;
    random_bytes({&byte, 1});
    if (byte < 248) result += kAlphabet[byte % 62];  // 248 = 4 * 62: no bias
  }
  return result;
}

std::string random_uuid() {
  std::uint8_t b[16];
  random_bytes(b);
  b[6] = static_cast<std::uint8_t>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<std::uint8_t>((b[8] & 0x3f) | 0x80);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", load_be32(b), load_be16(b + 4), load_be16(b + 6),
                     load_be16(b + 8), load_be16(b + 10), load_be32(b + 12));
}

}  // namespace base
