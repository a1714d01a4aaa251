#include "sdp/attribute_parser.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "base/text.hpp"
#include "sdp/tokens.hpp"

namespace sdp {
namespace {

using Value = std::string_view;

bool keep_first(std::string& field, Value value) {
  if (value.empty()) return false;
  if (field.empty()) field = value;
  return true;
}

std::optional<Direction> direction_of(Value name) {
  if (name == "sendrecv") return Direction::kSendRecv;
  if (name == "sendonly") return Direction::kSendOnly;
  if (name == "recvonly") return Direction::kRecvOnly;
  if (name == "inactive") return Direction::kInactive;
  return std::nullopt;
}

std::optional<Setup> setup_of(Value text) {
  if (text == "active") return Setup::kActive;
  if (text == "passive") return Setup::kPassive;
  if (text == "actpass") return Setup::kActpass;
  if (text == "holdconn") return Setup::kHoldconn;
  return std::nullopt;
}

std::optional<std::uint8_t> payload_type_of(Value text) {
  const auto value = parse_number<std::uint8_t>(text);
  return value && *value < 128 ? value : std::nullopt;
}

bool fingerprint(Value value, Attributes& out) {
  Tokens words(value);
  Fingerprint f{base::to_lower(words.next()), std::string(words.next())};
  if (f.value.empty() || !words.done()) return false;
  for (char& c : f.value) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 32);
    if (!(c == ':' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) return false;
  }
  out.fingerprints.push_back(std::move(f));
  return true;
}

bool extmap(Value value, Attributes& out) {
  Tokens words(value);
  const auto id_text = words.next();
  const auto slash = id_text.find('/');
  const auto id = parse_number<std::uint16_t>(id_text.substr(0, slash));
  Extmap e;
  if (!id || *id == 0) return false;
  e.id = *id;
  if (slash != id_text.npos) {
    e.direction = direction_of(id_text.substr(slash + 1));
    if (!e.direction) return false;
  }
  e.uri = words.next();
  e.attributes = words.rest();
  if (e.uri.empty()) return false;
  out.extmaps.push_back(std::move(e));
  return true;
}

// What is understood at both levels.
bool common(Value name, std::optional<Value> value, Attributes& out) {
  if (!value) {
    if (const auto direction = direction_of(name)) {
      if (!out.direction) out.direction = direction;
      return true;
    }
    if (name == "extmap-allow-mixed") return out.extmap_allow_mixed = true;
    return false;
  }
  if (name == "ice-ufrag") return keep_first(out.ice_ufrag, *value);
  if (name == "ice-pwd") return keep_first(out.ice_pwd, *value);
  if (name == "ice-options") return keep_first(out.ice_options, *value);
  if (name == "tls-id") return keep_first(out.tls_id, *value);
  if (name == "fingerprint") return fingerprint(*value, out);
  if (name == "extmap") return extmap(*value, out);
  if (name == "setup") {
    const auto setup = setup_of(*value);
    if (setup && !out.setup) out.setup = setup;
    return setup.has_value();
  }
  return false;
}

bool rtpmap(Value value, Media& out) {
  Tokens words(value);
  const auto pt = payload_type_of(words.next());
  const auto encoding = words.next();
  const auto slash = encoding.find('/');
  if (!pt || slash == encoding.npos || slash == 0 || !words.done()) return false;
  const auto rest = encoding.substr(slash + 1);
  const auto second = rest.find('/');
  const auto clock = parse_number<std::uint32_t>(rest.substr(0, second));
  Rtpmap map{*pt, std::string(encoding.substr(0, slash)), 0, 1};
  if (!clock || *clock == 0) return false;
  map.clock_rate = *clock;
  if (second != rest.npos) {
    const auto channels = parse_number<std::uint8_t>(rest.substr(second + 1));
    if (!channels || *channels == 0) return false;
    map.channels = *channels;
  }
  out.rtpmaps.push_back(std::move(map));
  return true;
}

bool fmtp(Value value, Media& out) {
  Tokens words(value);
  const auto pt = payload_type_of(words.next());
  if (!pt || words.done()) return false;
  out.fmtps.push_back({*pt, std::string(words.rest())});
  return true;
}

bool rtcp_feedback(Value value, Media& out) {
  Tokens words(value);
  const auto first = words.next();
  RtcpFeedback f;
  if (first != "*") {
    f.payload_type = payload_type_of(first);
    if (!f.payload_type) return false;
  }
  f.value = words.rest();
  if (f.value.empty()) return false;
  out.feedback.push_back(std::move(f));
  return true;
}

bool rtcp(Value value, Media& out) {
  Tokens words(value);
  const auto port = parse_number<std::uint16_t>(words.next());
  if (!port) return false;
  Rtcp r{*port, std::nullopt};
  if (!words.done()) {
    Connection c{std::string(words.next()), std::string(words.next()), std::string(words.next())};
    if (c.address.empty()) return false;
    r.connection = std::move(c);
  }
  if (!out.rtcp) out.rtcp = std::move(r);
  return true;
}

bool msid(Value value, Media& out) {
  Tokens words(value);
  Msid m{std::string(words.next()), std::string(words.next())};
  if (m.stream.empty() || !words.done()) return false;
  out.msids.push_back(std::move(m));
  return true;
}

bool rid(Value value, Media& out) {
  Tokens words(value);
  Rid r;
  r.id = words.next();
  const auto direction = words.next();
  if (direction != "send" && direction != "recv") return false;
  r.send = direction == "send";
  r.parameters = words.rest();
  out.rids.push_back(std::move(r));
  return true;
}

bool ssrc(Value value, Media& out) {
  Tokens words(value);
  const auto number = parse_number<std::uint32_t>(words.next());
  const auto text = words.rest();
  const auto colon = text.find(':');
  const auto name = base::trim(text.substr(0, colon));
  if (!number || name.empty()) return false;
  Ssrc s{*number, {std::string(name), std::nullopt}};
  if (colon != text.npos) s.attribute.value = std::string(base::trim(text.substr(colon + 1)));
  out.ssrcs.push_back(std::move(s));
  return true;
}

bool ssrc_group(Value value, Media& out) {
  Tokens words(value);
  SsrcGroup group{std::string(words.next()), {}};
  while (!words.done()) {
    const auto number = parse_number<std::uint32_t>(words.next());
    if (!number) return false;
    group.ssrcs.push_back(*number);
  }
  if (group.semantics.empty()) return false;
  out.ssrc_groups.push_back(std::move(group));
  return true;
}

bool candidate(Value value, Media& out) {
  auto c = parse_candidate(value);
  if (!c) return false;
  out.candidates.push_back(std::move(*c));
  return true;
}

bool milliseconds(std::optional<std::uint32_t>& field, Value value) {
  const auto number = parse_number<std::uint32_t>(value);
  if (number && !field) field = number;
  return number.has_value();
}

bool media_flag(Value name, Media& out) {
  if (name == "rtcp-mux") return out.rtcp_mux = true;
  if (name == "rtcp-rsize") return out.rtcp_rsize = true;
  if (name == "bundle-only") return out.bundle_only = true;
  if (name == "end-of-candidates") return out.end_of_candidates = true;
  return false;
}

using MediaParser = bool (*)(Value, Media&);

const std::unordered_map<Value, MediaParser>& media_parsers() {
  static const std::unordered_map<Value, MediaParser> parsers = {
      {"mid", [](Value v, Media& m) { return v.find(' ') == v.npos && keep_first(m.mid, v); }},
      {"msid", msid},
      {"label", [](Value v, Media& m) { return keep_first(m.label, v); }},
      {"content", [](Value v, Media& m) { return keep_first(m.content, v); }},
      {"rtcp", rtcp},
      {"rtpmap", rtpmap},
      {"fmtp", fmtp},
      {"rtcp-fb", rtcp_feedback},
      {"rid", rid},
      {"simulcast", [](Value v, Media& m) { return keep_first(m.simulcast, v); }},
      {"ssrc", ssrc},
      {"ssrc-group", ssrc_group},
      {"candidate", candidate},
      {"ptime", [](Value v, Media& m) { return milliseconds(m.ptime, v); }},
      {"maxptime", [](Value v, Media& m) { return milliseconds(m.maxptime, v); }},
      {"crypto", [](Value v, Media& m) { return m.cryptos.emplace_back(v), true; }},
  };
  return parsers;
}

}  // namespace

bool parse_session_attribute(std::string_view name, std::optional<std::string_view> value, Description& out) {
  if (!value && name == "ice-lite") return out.ice_lite = true;
  if (value && name == "group") {
    Tokens words(*value);
    Group group{std::string(words.next()), {}};
    if (group.semantics.empty()) return false;
    while (!words.done()) group.mids.emplace_back(words.next());
    out.groups.push_back(std::move(group));
    return true;
  }
  return common(name, value, out);
}

bool parse_media_attribute(std::string_view name, std::optional<std::string_view> value, Media& out) {
  if (!value && media_flag(name, out)) return true;
  if (value) {
    const auto& parsers = media_parsers();
    if (const auto found = parsers.find(name); found != parsers.end()) return found->second(*value, out);
  }
  return common(name, value, out);
}

std::optional<Candidate> parse_candidate(std::string_view text) {
  for (const Value prefix : {Value("a="), Value("candidate:")}) {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  }
  Tokens words(text);
  Candidate c;
  c.foundation = words.next();
  const auto component = parse_number<std::uint16_t>(words.next());
  c.transport = base::to_lower(words.next());
  const auto priority = parse_number<std::uint32_t>(words.next());
  c.address = words.next();
  const auto port = parse_number<std::uint16_t>(words.next());
  const auto typ = words.next();
  c.type = words.next();
  if (!component || !priority || !port || typ != "typ" || c.type.empty()) return std::nullopt;
  c.component = *component;
  c.priority = *priority;
  c.port = *port;
  while (!words.done()) {
    const auto name = words.next();
    const auto value = words.next();
    const auto related_port = parse_number<std::uint16_t>(value);
    if (name == "raddr" && !value.empty() && c.related_address.empty()) {
      c.related_address = value;
    } else if (name == "rport" && related_port && !c.related_port) {
      c.related_port = related_port;
    } else if (name == "tcptype" && !value.empty() && c.tcp_type.empty()) {
      c.tcp_type = value;
    } else {
      if (!c.extensions.empty()) c.extensions += ' ';
      c.extensions += name;
      if (!value.empty()) (c.extensions += ' ') += value;
    }
  }
  return c;
}

}  // namespace sdp
