#include <algorithm>
#include <iterator>
#include <string>

#include "base/text.hpp"
#include "sdp/attribute_parser.hpp"
#include "sdp/description.hpp"
#include "sdp/tokens.hpp"

namespace sdp {
namespace {

// "IN IP4 host": the caller has seen that there are three words.
bool parse_connection(std::string_view value, Connection& out) {
  Tokens words(value);
  out.net_type = words.next();
  out.address_type = words.next();
  out.address = words.next();
  return !out.address.empty();
}

bool parse_origin(std::string_view value, Origin& out) {
  Tokens words(value);
  out.username = words.next();
  out.session_id = words.next();
  const auto version = parse_number<std::uint64_t>(words.next());
  out.net_type = words.next();
  out.address_type = words.next();
  out.address = words.next();
  if (!version || out.address.empty()) return false;
  out.version = *version;
  return std::ranges::all_of(out.session_id, [](char c) { return c >= '0' && c <= '9'; });
}

bool parse_bandwidth(std::string_view value, Bandwidth& out) {
  const auto colon = value.find(':');
  if (colon == value.npos || colon == 0) return false;
  const auto number = parse_number<std::uint64_t>(base::trim(value.substr(colon + 1)));
  const auto type = base::trim(value.substr(0, colon));
  if (!number || type.empty()) return false;
  out = {std::string(type), *number};
  return true;
}

base::Status parse_media(std::string_view value, Media& out) {
  Tokens words(value);
  out.media = words.next();
  const auto port_text = words.next();
  out.protocol = words.next();
  const auto slash = port_text.find('/');
  const auto port = parse_number<std::uint16_t>(port_text.substr(0, slash));
  if (!port || out.protocol.empty()) return base::malformed("m= line");
  out.port = *port;
  if (slash != port_text.npos) {
    out.port_count = parse_number<std::uint16_t>(port_text.substr(slash + 1));
    if (!out.port_count) return base::malformed("m= line");
  }
  while (!words.done()) {
    if (out.formats.size() == kMaxFormats) return base::fail(base::ErrorCode::kTooLarge, "formats of an m-line");
    out.formats.emplace_back(words.next());
  }
  return {};
}

class Parser {
 public:
  base::Status line(std::string_view text);
  Description take() {
    if (std::ranges::none_of(times_, [](const Line& l) { return l.type == 't'; })) {
      times_.insert(times_.begin(), Line{'t', "0 0"});
    }
    result_.times = std::move(times_);
    return std::move(result_);
  }
  bool started() const { return started_; }

 private:
  base::Status session_line(char type, std::string_view value);
  void media_line(Media& media, char type, std::string_view value);
  void attribute(std::string_view value);
  void bandwidth(Attributes& level, std::string_view value) {
    if (Bandwidth b; parse_bandwidth(value, b)) level.bandwidths.push_back(std::move(b));
  }

  Description result_;
  std::vector<Line> times_;
  bool started_ = false;
  bool origin_ = false;
};

base::Status Parser::line(std::string_view text) {
  if (text.size() < 2 || text[1] != '=') {
    return started_ ? base::Status{} : base::malformed("no v= line");
  }
  const char type = text[0];
  const auto value = base::trim(text.substr(2));
  if (!started_) {
    if (type != 'v') return base::malformed("no v= line");
    if (value != "0") return base::fail(base::ErrorCode::kUnsupported, "SDP version");
    started_ = true;
    return {};
  }
  if (type == 'm') {
    if (result_.media.size() == kMaxMedia) return base::fail(base::ErrorCode::kTooLarge, "m-lines");
    return parse_media(value, result_.media.emplace_back());
  }
  if (type == 'a') {
    attribute(value);
    return {};
  }
  if (!result_.media.empty()) {
    media_line(result_.media.back(), type, value);
    return {};
  }
  return session_line(type, value);
}

base::Status Parser::session_line(char type, std::string_view value) {
  switch (type) {
    case 'o':
      if (std::exchange(origin_, true)) return {};
      if (!parse_origin(value, result_.origin)) return base::malformed("o= line");
      return {};
    case 's': result_.session_name = value.empty() ? "-" : std::string(value); return {};
    case 'c':
      if (Connection c; !result_.connection && parse_connection(value, c)) result_.connection = std::move(c);
      return {};
    case 'b': bandwidth(result_, value); return {};
    case 'i': case 'u': case 'e': case 'p': result_.lines.push_back({type, std::string(value)}); return {};
    case 't': case 'r': case 'z': case 'k': times_.push_back({type, std::string(value)}); return {};
    default: return {};   // RFC 8866 section 5: a type that isn't known is overlooked
  }
}

void Parser::media_line(Media& media, char type, std::string_view value) {
  switch (type) {
    case 'c':
      if (Connection c; parse_connection(value, c)) media.connections.push_back(std::move(c));
      return;
    case 'b': bandwidth(media, value); return;
    case 'i': case 'k': media.lines.push_back({type, std::string(value)}); return;
    default: return;
  }
}

void Parser::attribute(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = base::trim(text.substr(0, colon));
  std::optional<std::string_view> value;
  if (colon != text.npos) value = base::trim(text.substr(colon + 1));
  if (name.empty()) return;
  const bool typed = result_.media.empty() ? parse_session_attribute(name, value, result_)
                                           : parse_media_attribute(name, value, result_.media.back());
  if (typed) return;
  auto& other = result_.media.empty() ? result_.other : result_.media.back().other;
  Attribute a{std::string(name), std::nullopt};
  if (value) a.value = std::string(*value);
  other.push_back(std::move(a));
}

}  // namespace

base::Result<Description> parse(std::string_view text) {
  if (text.size() > kMaxBytes) return base::fail(base::ErrorCode::kTooLarge, "SDP of too many bytes");
  if (text.find('\0') != text.npos) return base::malformed("NUL in SDP");
  // Control characters have no place in a value; write() leaves them out, and so does reading.
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n'; };
  std::string cleaned;
  if (std::ranges::any_of(text, control)) {
    std::ranges::remove_copy_if(text, std::back_inserter(cleaned), control);
    text = cleaned;
  }
  Parser parser;
  std::size_t lines = 0;
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    const auto line = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty()) continue;
    if (++lines > kMaxLines) return base::fail(base::ErrorCode::kTooLarge, "SDP of too many lines");
    if (auto status = parser.line(line); !status) return std::unexpected(status.error());
  }
  if (!parser.started()) return base::malformed("no v= line");
  return parser.take();
}

}  // namespace sdp
