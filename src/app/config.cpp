// From the tree of values to the configuration: which keys there are, and what must hold between them.
#include "app/config.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "app/config_check.hpp"
#include "app/config_keys.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "conference/rooms.hpp"

namespace app {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;

base::SocketAddress loopback(std::uint16_t port) { return *base::SocketAddress::parse("127.0.0.1", port); }
HttpListener default_http() { return {.address = loopback(7777)}; }
SipListener default_sip(SipTransport transport) { return {.transport = transport, .address = loopback(5060)}; }

const ConfigEntry* find(const ConfigTable& table, std::string_view key) { return find_entry(table, key); }

// Reads one document. Mistakes are told in the order of the file; of several at one place the first that is found.
class Reader {
 public:
  Reader(const std::string& name, bool is_file) : name_(name), is_file_(is_file) {}

  base::Result<Config> read(const ConfigNode& root, std::vector<std::string>& mistakes) {
    const auto& document = std::get<ConfigTable>(root.value);
    pbx_places_.top = {.where = root.position, .table = &document};
    read_sections(document);
    read_list(document, "http", http_keys(), default_http(), config_.http, http_places_);
    read_list(document, "sip", sip_keys(), default_sip(SipTransport::kUdp), config_.sip, sip_places_);
    read_list(document, "webphone_line", webphone_line_keys(), WebphoneLineSettings{}, config_.webphone_lines, line_places_);
    read_list(document, "rule", rule_keys(), pbx::DialRuleConfig{}, config_.dial_plan.rules, pbx_places_.rules);
    read_list(document, "group", group_keys(), pbx::GroupConfig{}, config_.groups, pbx_places_.groups);
    read_list(document, "queue", queue_keys(), pbx::QueueConfig{}, config_.queues, pbx_places_.queues);
    read_list(document, "trunk", trunk_keys(), TrunkSettings{}, config_.trunks, pbx_places_.trunks);
    read_list(document, "account", account_keys(), AccountSettings{}, config_.accounts, pbx_places_.accounts);
    read_rooms(document);
    check_lines();
    check_guests(document);
    check_certificates(document);
    check_registrar(document);
    check_ports();
    const auto filled = default_config();
    if (config_.http.empty()) config_.http = filled.http;
    if (config_.sip.empty()) config_.sip = filled.sip;
    resolve_paths(find(document, "data") != nullptr);
    if (is_file_) check_certificate_files(document);
    check_pbx(document);
    if (wrong_.empty()) {
      config_.mentions = account_mentions(config_, pbx_places_, name_);
      return std::move(config_);
    }
    for (const auto& [place, what] : wrong_) mistakes.push_back(error_line(name_, place, what));
    auto first = base::malformed(mistakes.front());
    if (more_ > 0) mistakes.push_back(fmt::format("{}: and {} more", base::for_log(name_, 4096), more_));
    return first;
  }

 private:
  void complain(Position position, std::string what) {
    if (!wrong_.emplace(position, std::move(what)).second || wrong_.size() <= kMaxMistakes) return;
    wrong_.erase(std::prev(wrong_.end()));
    ++more_;
  }

  // The node as a table, or a complaint.
  const ConfigTable* table_of(const ConfigNode& node, std::string_view called) {
    const auto* table = std::get_if<ConfigTable>(&node.value);
    if (table == nullptr) complain(node.position, fmt::format("{} must be a table, not {}", called, type_name(node)));
    return table;
  }

  template <typename T>
  bool read_key(const std::vector<ConfigKey<T>>& keys, const ConfigEntry& entry, std::string_view where, T& to) {
    const auto key = std::ranges::find(keys, entry.key, &ConfigKey<T>::name);
    if (key == keys.end()) {
      complain(entry.key_position, fmt::format("unknown key {}{}", entry.key, where));
      return false;
    }
    auto what = key->read(entry.node, to);
    if (what.empty()) return true;
    complain(entry.node.position, fmt::format("{} {}", entry.key, what));
    return false;
  }

  void read_sections(const ConfigTable& document) {
    const auto& sections = config_sections();
    for (const auto& entry : document) {
      if (std::ranges::find(kLists, entry.key) != std::end(kLists)) continue;
      const auto section = std::ranges::find(sections, entry.key, &ConfigSection::name);
      if (section == sections.end() || entry.key.empty()) {
        read_key(sections.front().keys, entry, " at the top of the file", config_);
      } else if (const auto* table = table_of(entry.node, entry.key)) {
        for (const auto& inner : *table) {
          if (!read_key(section->keys, inner, fmt::format(" in [{}]", entry.key), config_)) broken_.insert(entry.key);
        }
      }
    }
  }

  // [[http]], [[sip]] ...; [http] is meant as a list of one.
  template <typename T>
  void read_list(const ConfigTable& document, std::string_view key, const std::vector<ConfigKey<T>>& keys, const T& fallback, std::vector<T>& out,
                 std::vector<ConfigPlace>& places) {
    const auto* entry = find(document, key);
    if (entry == nullptr) return;
    const auto one = [&](const ConfigNode& node) {
      const auto* table = table_of(node, key);
      if (table == nullptr) return;
      T item = fallback;
      ConfigPlace place{.where = node.position, .table = table};
      for (const auto& inner : *table) place.broken |= !read_key(keys, inner, fmt::format(" in [[{}]]", key), item);
      place.where = place.of("address");
      if (place.broken) broken_.insert(std::string(key));
      places.push_back(place);
      out.push_back(std::move(item));
    };
    if (const auto* list = std::get_if<ConfigArray>(&entry->node.value)) {
      for (const auto& node : *list) one(node);
    } else {
      one(entry->node);
    }
  }

  void read_rooms(const ConfigTable& document) {
    if (const auto* entry = find(document, "rooms")) {
      if (const auto* table = table_of(entry->node, "rooms")) {
        for (const auto& inner : *table) read_key(room_keys(), inner, " in [rooms]", config_.rooms);
      }
    }
    const auto* entry = find(document, "room");
    const auto* rooms = entry == nullptr ? nullptr : table_of(entry->node, "room");
    if (rooms == nullptr) return;
    for (const auto& room : *rooms) {
      const auto name = conference::Rooms::clean_name(room.key);
      if (name.empty()) {
        complain(room.key_position, "that is no name for a room");
        continue;
      }
      const auto* table = table_of(room.node, fmt::format("room.\"{}\"", name));
      if (table == nullptr) continue;
      auto settings = config_.rooms;
      for (const auto& inner : *table) read_key(room_keys(), inner, fmt::format(" in [room.\"{}\"]", name), settings);
      if (!config_.room.emplace(conference::Rooms::key_of(name), std::move(settings)).second) {
        complain(room.key_position, fmt::format("room \"{}\" is there twice: names of rooms are compared without case", name));
      }
    }
  }

  void check_lines() {
    using Access = WebphoneLineSettings::Access;
    for (std::size_t i = 0; i < config_.webphone_lines.size(); ++i) {
      const auto& line = config_.webphone_lines[i];
      if (line_places_[i].broken) continue;
      if (line.name.empty()) complain(line_places_[i].where, "a webphone line needs a name");
      if ((line.access == Access::kPassword) == line.password.empty()) complain(line_places_[i].where, "password and access = \"password\" go together");
      const auto same = [&](const auto& other) { return base::equals_ignoring_case(other.name, line.name); };
      if (std::any_of(config_.webphone_lines.begin(), config_.webphone_lines.begin() + static_cast<std::ptrdiff_t>(i), same)) {
        complain(line_places_[i].where, fmt::format("webphone line \"{}\" is there twice: names of lines are compared without case", line.name));
      }
    }
  }

  // Survival item 23: who opens the server to strangers has said so.
  void check_guests(const ConfigTable& document) {
    if (find(document, "guests") != nullptr) return;
    const auto check = [&](const auto& listeners, const std::vector<ConfigPlace>& places) {
      for (std::size_t i = 0; i < listeners.size(); ++i) {
        if (listeners[i].address.is_loopback()) continue;
        complain(places[i].where, fmt::format("address {} can be reached from elsewhere: say guests = true at the top of the file to let people in "
                                        "without an account, or guests = false",
                                        listeners[i].address.to_string()));
      }
    };
    check(config_.http, http_places_);
    check(config_.sip, sip_places_);
  }

  void check_certificates(const ConfigTable& document) {
    for (std::size_t i = 0; i < config_.http.size(); ++i) {
      const auto& l = config_.http[i];
      if (http_places_[i].broken) continue;
      if (l.certificate.empty() != l.key.empty()) complain(http_places_[i].where, "certificate and key go together");
      if (!l.tls && !l.certificate.empty()) complain(http_places_[i].where, "a certificate needs tls = true");
    }
    for (std::size_t i = 0; i < config_.sip.size(); ++i) {
      const auto& l = config_.sip[i];
      if (sip_places_[i].broken) continue;
      if (l.certificate.empty() != l.key.empty()) complain(sip_places_[i].where, "certificate and key go together");
      if (l.transport != SipTransport::kTls && !l.certificate.empty()) complain(sip_places_[i].where, "a certificate needs transport = \"tls\"");
    }
    const auto* tls = find(document, "tls");
    if (tls != nullptr && !broken_.contains("tls") && config_.certificate.empty() != config_.key.empty()) complain(tls->key_position, "certificate and key go together");
  }

  // What is in them is looked at when they are read.
  void check_certificate_files(const ConfigTable& document) {
    const auto there = [this](const std::string& path, std::string_view what, Position place) {
      std::error_code ignored;
      if (!path.empty() && !std::filesystem::exists(path, ignored)) complain(place, fmt::format("there is no {} file {}", what, path));
    };
    const auto both = [&](const std::string& certificate, const std::string& key, Position place) {
      there(certificate, "certificate", place);
      there(key, "key", place);
    };
    for (std::size_t i = 0; i < http_places_.size(); ++i) both(config_.http[i].certificate, config_.http[i].key, http_places_[i].where);
    for (std::size_t i = 0; i < sip_places_.size(); ++i) both(config_.sip[i].certificate, config_.sip[i].key, sip_places_[i].where);
    if (const auto* tls = find(document, "tls")) both(config_.certificate, config_.key, tls->key_position);
  }

  void check_registrar(const ConfigTable& document) {
    const auto* entry = find(document, "registrar");
    const auto* table = entry == nullptr ? nullptr : std::get_if<ConfigTable>(&entry->node.value);
    if (table == nullptr || broken_.contains("registrar")) return;
    if (config_.max_expires < config_.min_expires) complain(entry->key_position, "max_expires must not be less than min_expires");
    // A default that nobody wrote follows the limits that somebody did.
    if (find(*table, "default_expires") == nullptr) {
      config_.default_expires = std::max(config_.min_expires, std::min(config_.max_expires, config_.default_expires));
    } else if (config_.default_expires < config_.min_expires || config_.default_expires > config_.max_expires) {
      complain(entry->key_position, "default_expires must be between min_expires and max_expires");
    }
  }

  void check_pbx(const ConfigTable& document) {
    // A name that could not be read would be missed elsewhere.
    for (const auto* list : {"webphone_line", "rule", "group", "queue", "trunk", "account", "sounds", "dial_plan"}) {
      if (broken_.contains(list)) return;
    }
    const auto place = [&](std::string_view section, std::string_view key) {
      const auto* entry = find(document, section);
      const auto* table = entry == nullptr ? nullptr : std::get_if<ConfigTable>(&entry->node.value);
      const auto* inner = table == nullptr ? nullptr : find(*table, key);
      return inner == nullptr ? Position{} : inner->node.position;
    };
    pbx_places_.time_zone = place("dial_plan", "time_zone");
    pbx_places_.music = place("sounds", "music");
    pbx_places_.directory = place("sounds", "directory");
    const auto tell = [this](Position where, std::string what) { complain(where, std::move(what)); };
    check_dial_plan(config_, pbx_places_, tell);
    if (is_file_) check_sounds(config_, pbx_places_, tell);
  }

  // HTTP, SIP over TCP and over TLS share the ports of TCP.
  void check_ports() {
    std::map<std::pair<bool, base::SocketAddress>, bool> taken;
    const auto take = [&](bool udp, const base::SocketAddress& address, Position place) {
      if (address.port() == 0 || taken.emplace(std::pair{udp, address}, true).second) return;
      complain(place, fmt::format("address {} is listened on twice", address.to_string()));
    };
    for (std::size_t i = 0; i < config_.http.size(); ++i) take(false, config_.http[i].address, http_places_[i].where);
    for (std::size_t i = 0; i < config_.sip.size(); ++i) {
      take(config_.sip[i].transport == SipTransport::kUdp, config_.sip[i].address, sip_places_[i].where);
    }
  }

  // The default data folder stays the one of whoever starts the program.
  void resolve_paths(bool data_given) {
    const auto folder = std::filesystem::path(name_).parent_path();
    if (folder.empty()) return;
    const auto resolve = [&](std::string& path) {
      if (!path.empty()) path = (folder / path).lexically_normal().string();
    };
    if (data_given) resolve(config_.data_directory);
    for (auto* path : {&config_.web_directory, &config_.certificate, &config_.key, &config_.tokens.public_key, &config_.sounds.music, &config_.sounds.directory}) resolve(*path);
    for (auto& l : config_.http) resolve(l.certificate), resolve(l.key);
    for (auto& l : config_.sip) resolve(l.certificate), resolve(l.key);
    for (auto& q : config_.queues) resolve(q.music);
    for (auto& t : config_.trunks) resolve(t.ca_file);
  }

  // What is read by something other than config_sections().
  static constexpr std::string_view kLists[] = {"http", "sip", "rooms", "room", "webphone_line", "rule", "group", "queue", "trunk", "account"};

  const std::string& name_;
  const bool is_file_;
  Config config_;
  PbxPlaces pbx_places_;
  std::vector<ConfigPlace> http_places_, sip_places_, line_places_;
  std::set<std::string, std::less<>> broken_;    // tables and lists with a key that could not be read
  std::map<Position, std::string> wrong_;        // kMaxMistakes at the most
  std::size_t more_ = 0;
};

base::Result<Config> read_document(std::string_view text, const std::string& name, bool is_file, std::vector<std::string>& mistakes) {
  auto document = parse_toml(text, name);
  if (!document) {
    mistakes.push_back(document.error().detail);
    return std::unexpected(document.error());
  }
  return Reader(name, is_file).read(*document, mistakes);
}

}  // namespace

Config default_config() {
  Config config;
  config.http = {default_http()};
  config.sip = {default_sip(SipTransport::kUdp), default_sip(SipTransport::kTcp)};
  return config;
}

base::Result<Config> parse_config(std::string_view text, const std::string& name) {
  std::vector<std::string> mistakes;
  return read_document(text, name, false, mistakes);
}

base::Result<Config> load_config(const std::string& path) {
  std::vector<std::string> mistakes;
  return load_config(path, mistakes);
}

base::Result<Config> load_config(const std::string& path, std::vector<std::string>& mistakes) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return base::fail(base::ErrorCode::kNotFound, path + ": is a folder, not a file");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const auto code = errno == ENOENT ? base::ErrorCode::kNotFound : base::ErrorCode::kUnavailable;
    return base::fail(code, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  std::string text(kMaxFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return base::fail(base::ErrorCode::kUnavailable, fmt::format("{}: can't be read", path));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFile) return base::malformed(fmt::format("{}:1:1: is larger than 1 MiB", path));
  return read_document(text, path, true, mistakes);
}

std::vector<std::string> unknown_accounts(const Config& config, const std::vector<std::string>& known) {
  std::vector<std::string> lines;
  std::size_t more = 0;
  const std::set<std::string_view> names(known.begin(), known.end());
  for (const auto& mention : config.mentions) {
    if (names.contains(mention.name)) continue;
    if (lines.size() < kMaxMistakes) lines.push_back(mention.line);
    else ++more;
  }
  if (more > 0) lines.push_back(fmt::format("and {} more accounts that nobody knows", more));
  return lines;
}

}  // namespace app
