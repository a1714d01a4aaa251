// A keyed hash (SipHash-1-3) for tables whose keys come from the network, and for values that nobody may guess.
// Any thread; no state but the key.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/random.hpp"

namespace sip {

class KeyedHash {
 public:
  KeyedHash() : k0_(base::random_u64()), k1_(base::random_u64()) {}

  std::uint64_t operator()(std::string_view text) const {
    State s = start();
    const char* p = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, p += 8) {
      std::uint64_t word;
      std::memcpy(&word, p, 8);
      s.take(word);
    }
    std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56;
    std::uint64_t tail = 0;
    if (left > 0) std::memcpy(&tail, p, left);
    s.take(last | tail);
    return s.end();
  }
  std::uint64_t operator()(std::uint64_t value) const {
    State s = start();
    s.take(value);
    s.take(std::uint64_t{8} << 56);
    return s.end();
  }

 private:
  struct State {
    std::uint64_t v0, v1, v2, v3;
    void round() {
      v0 += v1; v1 = std::rotl(v1, 13); v1 ^= v0; v0 = std::rotl(v0, 32);
      v2 += v3; v3 = std::rotl(v3, 16); v3 ^= v2;
      v0 += v3; v3 = std::rotl(v3, 21); v3 ^= v0;
      v2 += v1; v1 = std::rotl(v1, 17); v1 ^= v2; v2 = std::rotl(v2, 32);
    }
    void take(std::uint64_t word) {
      v3 ^= word;
      round();
      v0 ^= word;
    }
    std::uint64_t end() {
      v2 ^= 0xff;
      for (int i = 0; i < 3; ++i) round();
      return v0 ^ v1 ^ v2 ^ v3;
    }
  };
  State start() const {
    return {k0_ ^ 0x736f6d6570736575U, k1_ ^ 0x646f72616e646f6dU, k0_ ^ 0x6c7967656e657261U, k1_ ^ 0x7465646279746573U};
  }
  std::uint64_t k0_, k1_;
};

// For unordered containers with std::string keys, looked up by views; each table has a key of its own.
struct TableHash {
  using is_transparent = void;
  KeyedHash hash;
  std::size_t operator()(std::string_view text) const { return hash(text); }
};

}  // namespace sip
