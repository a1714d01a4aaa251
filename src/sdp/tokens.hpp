// Splitting one SDP value at its spaces. Views into the text given.
#pragma once

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text.hpp"

namespace sdp {

class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(base::trim(text)) {}

  // The next word, empty at the end.
  std::string_view next() {
    const auto end = rest_.find_first_of(" \t");
    const auto word = rest_.substr(0, end);
    rest_ = end == rest_.npos ? std::string_view{} : base::trim(rest_.substr(end));
    return word;
  }
  std::string_view rest() const { return rest_; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  const auto value = base::parse_decimal(text);
  if (!value || *value > std::numeric_limits<T>::max()) return std::nullopt;
  return static_cast<T>(*value);
}

}  // namespace sdp
