// docs/configuration.md's reference, made of the table of keys.
#include "app/config_keys.hpp"

namespace app {
namespace {

template <typename T>
std::string table_of(const std::vector<ConfigKey<T>>& keys) {
  std::string out = "| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const auto& key : keys) {
    const auto fallback = key.fallback.empty() ? std::string("required") : fmt::format("`{}`", key.fallback);
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, key.type, fallback, key.meaning);
  }
  return out + "\n";
}

}  // namespace

std::string config_reference() {
  std::string out;
  const auto section = [&](std::string_view title, std::string_view about, const std::string& table) {
    out += fmt::format("### {}\n\n", title);
    if (!about.empty()) out += fmt::format("{}\n\n", about);
    out += table;
  };
  const auto& sections = config_sections();
  section("The top of the file", sections.front().about, table_of(sections.front().keys));
  section("`[[http]]`", "One for each address with pages, API and WebSocket. Without any: one on 127.0.0.1:7777.", table_of(http_keys()));
  section("`[[sip]]`", "One for each address of SIP over UDP, TCP or TLS. Without any: UDP and TCP on 127.0.0.1:5060.", table_of(sip_keys()));
  section("`[[webphone_line]]`", "One for each line that pages connect to as webphones. Without any, where guests are allowed: `Webphone1`, open.",
          table_of(webphone_line_keys()));
  section("`[[account]]`", "Accounts that stand in the file, beside those of `parley account`; of two with one name the file's holds.", table_of(account_keys()));
  section("`[[rule]]`", "The dial plan, in the order of the file; [dial-plan.md](dial-plan.md) explains it. `parley dial-plan test FROM TO` tells which rule takes a call.",
          table_of(rule_keys()));
  section("`[[group]]`", "Several accounts under one number.", table_of(group_keys()));
  section("`[[queue]]`", "Callers wait, with music, until an agent takes one of them.", table_of(queue_keys()));
  section("`[[trunk]]`", "A provider, by which calls leave and come. Who reaches it, rules say.", table_of(trunk_keys()));
  for (const auto& s : sections) {
    if (!s.name.empty()) section(fmt::format("`[{}]`", s.name), s.about, table_of(s.keys));
    if (s.name == "messages") {
      section("`[rooms]` and `[room.\"NAME\"]`",
              "`[rooms]` holds for every room; a `[room.\"NAME\"]` changes some of it for one. Names are compared without case.", table_of(room_keys()));
    }
  }
  out.pop_back();
  return out;
}

}  // namespace app
