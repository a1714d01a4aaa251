// Strong types for ids: one kind of number can't be taken for another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace base {

// 0 is "none".
template <typename Tag>
struct Id {
  std::uint64_t value = 0;
  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace base

template <typename Tag>
struct std::hash<base::Id<Tag>> {
  std::size_t operator()(const base::Id<Tag>& id) const { return std::hash<std::uint64_t>{}(id.value * 0x9e3779b97f4a7c15u); }
};
