// A TOML document as a tree of values that know where they stand; what the rest of the configuration is read from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace app {

struct Position {
  std::uint32_t line = 0, column = 0;      // from 1; 0: nowhere
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct ConfigNode;
struct ConfigEntry;
using ConfigArray = std::vector<ConfigNode>;
using ConfigTable = std::vector<ConfigEntry>;    // sorted by key, which TOML has no two alike of

struct ConfigNode {
  std::variant<bool, std::int64_t, double, std::string, ConfigArray, ConfigTable, std::monostate /* a date or time */> value;
  Position position;
};
struct ConfigEntry {
  std::string key;
  Position key_position;
  ConfigNode node;
};

// A table of the file, for what is found wrong with it later; valid as long as the document.
struct ConfigPlace {
  Position where;
  const ConfigTable* table = nullptr;
  bool broken = false;                           // a key of it could not be read
  Position of(std::string_view key) const;       // of the key's value; `where`: it has none
  Position of(std::string_view key, std::size_t element) const;
};
const ConfigEntry* find_entry(const ConfigTable& table, std::string_view key);   // null: it isn't there

// "a string", "an integer" ...
std::string_view type_name(const ConfigNode& node);

// The whole document, always a table. An error's detail is "name:line:column: what is wrong".
base::Result<ConfigNode> parse_toml(std::string_view text, const std::string& name);

// That line for something else that is wrong.
std::string error_line(const std::string& name, Position position, std::string_view what);

}  // namespace app
