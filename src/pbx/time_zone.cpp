#include "pbx/time_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

namespace pbx {
namespace {

constexpr std::size_t kMaxFile = 256 * 1024;
constexpr std::int64_t kDay = 86'400;
constexpr auto kFolder = "/usr/share/zoneinfo/";

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes a POSIX TZ text apart, from the left. Once something was not there, everything fails.
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_end() const { return rest_.empty(); }
  bool begins_offset() const { return !rest_.empty() && rest_.front() != ','; }

  // "CET" or "<+0330>"
  bool name() {
    const bool quoted = take('<');
    std::size_t length = 0;
    while (length < rest_.size() && (is_alpha(rest_[length]) || (quoted && (is_digit(rest_[length]) || rest_[length] == '+' || rest_[length] == '-')))) ++length;
    if (length < 3 || length > 16) return false;
    rest_.remove_prefix(length);
    return !quoted || take('>');
  }
  std::optional<int> number(int max) {
    int value = 0;
    std::size_t length = 0;
    for (; length < rest_.size() && length < 4 && is_digit(rest_[length]); ++length) value = value * 10 + (rest_[length] - '0');
    if (length == 0 || value > max) return std::nullopt;
    rest_.remove_prefix(length);
    return value;
  }
  // [+-]hh[:mm[:ss]]
  std::optional<std::int64_t> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    const auto hours = number(167);
    if (!hours) return std::nullopt;
    std::int64_t seconds = std::int64_t{*hours} * 3600;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      const auto value = number(59);
      if (!value) return std::nullopt;
      seconds += std::int64_t{*value} * unit;
    }
    return negative ? -seconds : seconds;
  }
  std::optional<ZoneRule::Day> day() {
    using Kind = ZoneRule::Day::Kind;
    ZoneRule::Day day;
    if (take('M')) {
      const auto month = number(12);
      if (!month || *month < 1 || !take('.')) return std::nullopt;
      const auto week = number(5);
      if (!week || *week < 1 || !take('.')) return std::nullopt;
      const auto weekday = number(6);
      if (!weekday) return std::nullopt;
      day = {.kind = Kind::kWeekday, .month = *month, .week = *week, .day = *weekday};
    } else {
      const bool julian = take('J');
      const auto of_year = number(365);
      if (!of_year || (julian && *of_year < 1)) return std::nullopt;
      day = {.kind = julian ? Kind::kJulian : Kind::kZeroBased, .day = *of_year};
    }
    if (take('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      day.time = *at;
    }
    return day;
  }

 private:
  std::string_view rest_;
};

// Seconds from 1970 to that day's time in that year, on the local clock.
std::int64_t moment_of(const ZoneRule::Day& day, std::chrono::year year) {
  using namespace std::chrono;
  sys_days date = year / January / 1;
  switch (day.kind) {
    case ZoneRule::Day::Kind::kJulian: date += days(day.day - 1 + (year.is_leap() && day.day >= 60 ? 1 : 0)); break;
    case ZoneRule::Day::Kind::kZeroBased: date += days(day.day); break;
    case ZoneRule::Day::Kind::kWeekday: {
      const auto m = year / month(static_cast<unsigned>(day.month));
      const weekday w(static_cast<unsigned>(day.day));
      date = day.week == 5 ? sys_days(m / w[last]) : sys_days(m / w[static_cast<unsigned>(day.week)]);
      break;
    }
  }
  return std::int64_t{date.time_since_epoch().count()} * kDay + day.time;
}

// Big-endian numbers from the left; `ok` is false once there were too few bytes.
class FileReader {
 public:
  explicit FileReader(std::string_view bytes) : rest_(bytes) {}
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) {
      ok = false;
      return {};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::int64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<std::uint8_t>(c);
    return bytes == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value)) : static_cast<std::int64_t>(value);
  }
  std::string_view rest() const { return rest_; }
  bool ok = true;

 private:
  std::string_view rest_;
};

// RFC 8536 section 3.1
struct Header {
  char version = 0;
  std::uint64_t utc_flags = 0, standard_flags = 0, leaps = 0, changes = 0, types = 0, characters = 0;
};

std::optional<Header> read_header(FileReader& file) {
  if (file.take(4) != "TZif") return std::nullopt;
  Header h;
  const auto version = file.take(16);
  if (!file.ok) return std::nullopt;
  h.version = version.front();
  for (auto* count : {&h.utc_flags, &h.standard_flags, &h.leaps, &h.changes, &h.types, &h.characters}) {
    const auto value = file.number(4);
    if (!file.ok || value < 0 || value > std::int64_t{kMaxFile}) return std::nullopt;
    *count = static_cast<std::uint64_t>(value);
  }
  return h;
}

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxFile, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.gcount() <= 0) return base::fail(base::ErrorCode::kNotFound, path);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// So that no name leaves the folder of zones.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || !is_alpha(name.front()) || name.contains("..") || name.contains("//")) return false;
  return std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || std::string_view("_+-/.").contains(c); });
}

}  // namespace

std::optional<ZoneRule> ZoneRule::parse(std::string_view text) {
  RuleReader reader(text);
  ZoneRule rule;
  if (!reader.name()) return std::nullopt;
  const auto west = reader.time();
  if (!west) return std::nullopt;
  rule.standard = rule.summer = -*west;
  if (reader.at_end()) return rule;
  if (!reader.name()) return std::nullopt;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (reader.begins_offset()) {
    const auto summer_west = reader.time();
    if (!summer_west) return std::nullopt;
    rule.summer = -*summer_west;
  }
  for (auto* day : {&rule.begin, &rule.end}) {
    if (!reader.take(',')) return std::nullopt;
    const auto read = reader.day();
    if (!read) return std::nullopt;
    *day = *read;
  }
  return reader.at_end() ? std::optional(rule) : std::nullopt;
}

std::int64_t ZoneRule::offset(std::int64_t utc) const {
  if (!has_summer) return standard;
  const std::chrono::sys_seconds local{std::chrono::seconds(utc + standard)};
  const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(local)).year();
  const auto from = moment_of(begin, year) - standard;
  const auto to = moment_of(end, year) - summer;
  const bool is_summer = from < to ? utc >= from && utc < to : utc >= from || utc < to;   // south of the equator the year begins in it
  return is_summer ? summer : standard;
}

base::Result<TimeZone> TimeZone::parse(std::string_view tzif) {
  const auto damaged = [] { return base::malformed("that is no file of a time zone"); };
  FileReader file(tzif);
  auto header = read_header(file);
  if (!header) return damaged();
  std::size_t width = 4;
  if (header->version >= '2') {   // the same again with 64 bits follows
    const auto& h = *header;
    file.take(h.changes * 5 + h.types * 6 + h.characters + h.leaps * 8 + h.standard_flags + h.utc_flags);
    header = read_header(file);
    width = 8;
  }
  if (!header || header->types == 0 || header->types > 256 || !file.ok) return damaged();
  FileReader times(file.take(header->changes * width));
  const auto kinds = file.take(header->changes);
  std::vector<std::int64_t> offsets;
  for (std::uint64_t i = 0; i < header->types; ++i) {
    offsets.push_back(file.number(4));
    file.take(2);
  }
  file.take(header->characters + header->leaps * (width + 4) + header->standard_flags + header->utc_flags);
  if (!file.ok) return damaged();
  TimeZone zone;
  zone.first_ = offsets.front();
  for (const char kind : kinds) {
    const auto at = times.number(width);
    const auto type = static_cast<std::uint8_t>(kind);
    if (type >= offsets.size() || (!zone.changes_.empty() && at <= zone.changes_.back().at)) return damaged();
    zone.changes_.push_back({at, offsets[type]});
  }
  if (width == 8 && file.rest().starts_with('\n')) {
    const auto footer = file.rest().substr(1, file.rest().find('\n', 1) - 1);
    if (!footer.empty()) {
      zone.rule_ = ZoneRule::parse(footer);
      if (!zone.rule_) return damaged();
    }
  }
  return zone;
}

base::Result<TimeZone> TimeZone::load(std::string_view name) {
  if (name.empty()) {
    const char* set = std::getenv("TZ");   // NOLINT(concurrency-mt-unsafe): nobody writes the environment
    std::string wanted = set == nullptr ? "/etc/localtime" : set;
    if (wanted.starts_with(':')) wanted.erase(0, 1);
    if (is_zone_name(wanted)) wanted.insert(0, kFolder);
    if (const auto text = read_file(wanted)) {
      if (auto zone = parse(*text)) return zone;
    }
    TimeZone zone;
    zone.rule_ = ZoneRule::parse(set == nullptr ? std::string_view() : set);
    return zone;
  }
  if (name == "UTC") return TimeZone();
  if (!is_zone_name(name)) return base::malformed(fmt::format("\"{}\" is no name of a time zone, as Europe/Berlin", name));
  const auto text = read_file(kFolder + std::string(name));
  if (!text) return base::fail(base::ErrorCode::kNotFound, fmt::format("there is no time zone \"{}\" on this machine (the package tzdata has them)", name));
  auto zone = parse(*text);
  if (!zone) zone.error().detail = fmt::format("the file of time zone \"{}\" is damaged", name);
  return zone;
}

std::int64_t TimeZone::offset_at(std::int64_t utc) const {
  if (rule_ && (changes_.empty() || utc >= changes_.back().at)) return rule_->offset(utc);
  const auto next = std::ranges::upper_bound(changes_, utc, {}, &Change::at);
  return next == changes_.begin() ? first_ : std::prev(next)->offset;
}

std::chrono::seconds TimeZone::offset(base::WallTime when) const {
  return std::chrono::seconds(offset_at(std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count()));
}

std::chrono::local_seconds TimeZone::local(base::WallTime when) const {
  return std::chrono::local_seconds(std::chrono::floor<std::chrono::seconds>(when).time_since_epoch() + offset(when));
}

base::WallTime TimeZone::moment(std::chrono::local_seconds local) const {
  const auto wall = local.time_since_epoch().count();
  // The offsets of the day before and of the day after: the right one is among them, unless the hour is left out.
  const auto early = offset_at(wall - kDay), late = offset_at(wall + kDay);
  for (const auto offset : {std::max(early, late), std::min(early, late)}) {
    if (offset_at(wall - offset) == offset) return base::WallTime(std::chrono::seconds(wall - offset));
  }
  return base::WallTime(std::chrono::seconds(wall - early));
}

}  // namespace pbx
