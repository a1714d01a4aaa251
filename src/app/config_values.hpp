// Readers of single values for the table of keys: each gives a function from a node to a member, and says what is wrong
// with a value in words that can follow a key's name.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/config_node.hpp"
#include "base/address.hpp"

namespace app::values {

inline std::string expected(std::string_view what, const ConfigNode& node) {
  return fmt::format("must be {}, not {}", what, type_name(node));
}

template <typename T>
auto boolean(bool T::* member) {
  return [member](const ConfigNode& node, T& to) -> std::string {
    const auto* value = std::get_if<bool>(&node.value);
    if (value == nullptr) return expected("true or false", node);
    to.*member = *value;
    return {};
  };
}

inline std::string integer_within(const ConfigNode& node, std::int64_t min, std::int64_t max, std::int64_t& out) {
  const auto* value = std::get_if<std::int64_t>(&node.value);
  if (value == nullptr) return expected("an integer", node);
  if (*value < min || *value > max) return fmt::format("must be from {} to {}, not {}", min, max, *value);
  out = *value;
  return {};
}

template <typename T, typename I>
auto integer(I T::* member, std::int64_t min, std::int64_t max) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    std::int64_t value = 0;
    auto error = integer_within(node, min, max, value);
    if (error.empty()) to.*member = I(value);
    return error;
  };
}

template <typename T, typename I>
auto one_of(I T::* member, std::vector<std::int64_t> allowed) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    const auto* value = std::get_if<std::int64_t>(&node.value);
    if (value == nullptr) return expected("an integer", node);
    if (std::ranges::find(allowed, *value) == allowed.end()) {
      return fmt::format("must be one of {}, not {}", fmt::join(allowed, ", "), *value);
    }
    to.*member = static_cast<I>(*value);
    return {};
  };
}

template <typename T>
auto number(double T::* member, double min, double max) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    double value = 0;
    if (const auto* i = std::get_if<std::int64_t>(&node.value)) value = static_cast<double>(*i);
    else if (const auto* d = std::get_if<double>(&node.value)) value = *d;
    else return expected("a number", node);
    if (!(value >= min && value <= max)) return fmt::format("must be from {} to {}, not {}", min, max, value);
    to.*member = value;
    return {};
  };
}

// What is wrong with a string; "" when nothing is.
using TextCheck = std::string (*)(std::string_view);
std::string no_check(std::string_view text);          // no control characters; may be empty
std::string check_not_empty(std::string_view text);
std::string check_realm(std::string_view text);
std::string check_host(std::string_view text);        // a DNS name or an address, no port
std::string check_host_port(std::string_view text);   // the same, a port allowed
std::string check_origin(std::string_view text);      // "https://example.org", "*"
std::string check_path(std::string_view text);        // "/ws"
std::string check_line_name(std::string_view text);   // also of groups, queues and trunks
std::string check_token_secret(std::string_view text);
std::string check_media_type(std::string_view text);  // "text/plain", "text/*", "*/*"; lower case is made by the reader

template <typename T>
auto text(std::string T::* member, TextCheck check = no_check) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    const auto* value = std::get_if<std::string>(&node.value);
    if (value == nullptr) return expected("a string", node);
    auto error = check(*value);
    if (error.empty()) to.*member = *value;
    return error;
  };
}

// The elements of a list of strings, each put through `take`, which says what is wrong with it.
template <typename Take>
std::string each_text(const ConfigNode& node, std::size_t min, std::size_t max, Take&& take) {
  const auto* list = std::get_if<ConfigArray>(&node.value);
  if (list == nullptr) return expected("a list of strings", node);
  if (list->size() < min) return "must not be empty";
  if (list->size() > max) return fmt::format("has more than {} elements", max);
  for (const auto& element : *list) {
    const auto* value = std::get_if<std::string>(&element.value);
    if (value == nullptr) return fmt::format("must be a list of strings; one element is {}", type_name(element));
    if (auto error = take(*value); !error.empty()) return error;
  }
  return {};
}

template <typename T>
auto texts(std::vector<std::string> T::* member, std::size_t min, TextCheck check, bool lower_case = false) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    std::vector<std::string> all;
    auto error = each_text(node, min, 1000, [&](std::string value) -> std::string {
      if (auto wrong = check(value); !wrong.empty()) return fmt::format("\"{}\" {}", value, wrong);
      if (lower_case) std::ranges::transform(value, value.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
      if (std::ranges::find(all, value) != all.end()) return fmt::format("names \"{}\" twice", value);
      all.push_back(std::move(value));
      return {};
    });
    if (error.empty()) to.*member = std::move(all);
    return error;
  };
}

template <typename E>
using Choices = std::vector<std::pair<std::string_view, E>>;

template <typename E>
std::string choose(const Choices<E>& choices, std::string_view text, E& out) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : choices) {
    if (name == text) {
      out = value;
      return {};
    }
    names.push_back(name);
  }
  return fmt::format("must be one of {}, not \"{}\"", fmt::join(names, ", "), text);
}

template <typename T, typename E>
auto choice(E T::* member, Choices<E> choices) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    const auto* value = std::get_if<std::string>(&node.value);
    if (value == nullptr) return expected("a string", node);
    return choose(choices, *value, to.*member);
  };
}

// An order of some or all of the choices, none twice.
template <typename T, typename E>
auto order(std::vector<E> T::* member, Choices<E> choices) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    std::vector<E> all;
    auto error = each_text(node, 1, choices.size(), [&](const std::string& value) -> std::string {
      E chosen{};
      if (auto wrong = choose(choices, value, chosen); !wrong.empty()) return wrong;
      if (std::ranges::find(all, chosen) != all.end()) return fmt::format("names \"{}\" twice", value);
      all.push_back(std::move(chosen));
      return {};
    });
    if (error.empty()) to.*member = std::move(all);
    return error;
  };
}

std::string read_address(std::string_view text, base::SocketAddress& out);        // "127.0.0.1:7777"; port 0: any
std::string read_ip(std::string_view text, base::SocketAddress& out);             // "192.0.2.1", "::1"
std::string read_range(std::string_view text, std::uint32_t& min, std::uint32_t& max);       // "2000-2999"
std::string read_ports(std::string_view text, std::uint16_t& min, std::uint16_t& max);   // "20000-29999"

template <typename T>
auto address(base::SocketAddress T::* member, std::string (*read)(std::string_view, base::SocketAddress&)) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    const auto* value = std::get_if<std::string>(&node.value);
    return value == nullptr ? expected("a string", node) : read(*value, to.*member);
  };
}

template <typename T>
auto ips(std::vector<base::SocketAddress> T::* member) {
  return [=](const ConfigNode& node, T& to) -> std::string {
    std::vector<base::SocketAddress> all;
    auto error = each_text(node, 0, 100'000, [&](const std::string& value) {
      base::SocketAddress ip;
      auto wrong = read_ip(value, ip);
      if (wrong.empty()) all.push_back(ip);
      return wrong;
    });
    if (error.empty()) to.*member = std::move(all);
    return error;
  };
}

// A reader of a part of T, for keys of a struct inside another: in(&Config::media, boolean(&MediaSettings::tcp)).
template <typename T, typename Part, typename Read>
auto in(Part T::* part, Read read) {
  return [=](const ConfigNode& node, T& to) -> std::string { return read(node, to.*part); };
}

}  // namespace app::values
