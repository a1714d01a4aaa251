// The one file that sees toml++.
#include "app/config_node.hpp"

#include <toml++/toml.h>

#include <algorithm>

#include "base/log.hpp"

namespace app {
namespace {

Position position_of(const toml::source_region& region) { return {region.begin.line, region.begin.column}; }

// toml++ has already refused what is nested more than 256 deep.
ConfigNode convert(const toml::node& from) {
  ConfigNode to;
  to.position = position_of(from.source());
  if (const auto* table = from.as_table()) {
    ConfigTable entries;
    for (const auto& [key, node] : *table) entries.push_back({std::string(key.str()), position_of(key.source()), convert(node)});
    // Of a table that only its sub-tables made ([a.b] alone), toml++ gives no position of its own.
    if (to.position.line == 0 && !entries.empty()) to.position = entries.front().key_position;
    to.value = std::move(entries);
  } else if (const auto* array = from.as_array()) {
    ConfigArray nodes;
    for (const auto& node : *array) nodes.push_back(convert(node));
    to.value = std::move(nodes);
  } else if (const auto* boolean = from.as_boolean()) {
    to.value = boolean->get();
  } else if (const auto* integer = from.as_integer()) {
    to.value = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    to.value = number->get();
  } else if (const auto* text = from.as_string()) {
    to.value = text->get();
  } else {
    to.value = std::monostate();
  }
  return to;
}

}  // namespace

const ConfigEntry* find_entry(const ConfigTable& table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &ConfigEntry::key);
  return found == table.end() ? nullptr : &*found;
}

Position ConfigPlace::of(std::string_view key) const {
  const auto* entry = table == nullptr ? nullptr : find_entry(*table, key);
  return entry == nullptr ? where : entry->node.position;
}

Position ConfigPlace::of(std::string_view key, std::size_t element) const {
  const auto* entry = table == nullptr ? nullptr : find_entry(*table, key);
  const auto* list = entry == nullptr ? nullptr : std::get_if<ConfigArray>(&entry->node.value);
  return list == nullptr || element >= list->size() ? of(key) : (*list)[element].position;
}

std::string_view type_name(const ConfigNode& node) {
  static constexpr std::string_view kNames[] = {"true or false", "an integer", "a number", "a string", "a list", "a table", "a date or time"};
  return kNames[node.value.index()];
}

std::string error_line(const std::string& name, Position position, std::string_view what) {
  return fmt::format("{}:{}:{}: {}", base::for_log(name, 4096), position.line, position.column, base::for_log(what, 500));
}

base::Result<ConfigNode> parse_toml(std::string_view text, const std::string& name) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return base::malformed(error_line(name, position_of(error.source()), error.description()));
  }
}

}  // namespace app
