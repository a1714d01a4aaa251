#include "app/config_keys.hpp"

#include "app/config_values.hpp"

namespace app {
namespace {

using namespace values;
using std::chrono::seconds;

template <typename T>
auto duration(seconds T::* member, std::int64_t min, std::int64_t max) {
  return integer(member, min, max);
}

const Choices<HashAlgorithm> kAlgorithms = {
    {"MD5", HashAlgorithm::kMd5}, {"SHA-256", HashAlgorithm::kSha256}, {"SHA-512-256", HashAlgorithm::kSha512_256}};
const Choices<SipTransport> kTransports = {{"udp", SipTransport::kUdp}, {"tcp", SipTransport::kTcp}, {"tls", SipTransport::kTls}};
const Choices<std::string> kLevels = {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warn", "warn"},
                                      {"error", "error"}, {"critical", "critical"}, {"off", "off"}};
const Choices<std::string> kVideoCodecs = {{"VP8", "VP8"}, {"VP9", "VP9"}, {"H264", "H264"}, {"AV1", "AV1"}};

std::string read_rtp_ports(const ConfigNode& node, MediaSettings& to) {
  const auto* value = std::get_if<std::string>(&node.value);
  if (value == nullptr) return expected("a string", node);
  if (value->empty()) return {};
  return read_ports(*value, to.rtp_port_min, to.rtp_port_max);
}

std::string read_proxies(const ConfigNode& node, Config& to) {
  std::vector<net::Subnet> all;
  auto error = each_text(node, 0, 100, [&](const std::string& value) -> std::string {
    const auto subnet = net::Subnet::parse(value);
    if (!subnet) return fmt::format("\"{}\" is no IP address and no subnet like 10.0.0.0/8", value);
    all.push_back(*subnet);
    return {};
  });
  if (error.empty()) to.trusted_proxies = std::move(all);
  return error;
}

// An address that may be left out in words: "" is none.
template <typename T>
auto optional_ip(base::SocketAddress T::* member) {
  return address(member, +[](std::string_view text, base::SocketAddress& out) { return text.empty() ? std::string() : read_ip(text, out); });
}

using Line = WebphoneLineSettings;
const Choices<Line::Roster> kRoster = {{"everybody", Line::Roster::kEverybody}, {"nobody", Line::Roster::kNobody}};
const Choices<MediaSettings::Sdes> kSdes = {{"accept", MediaSettings::Sdes::kAccept}, {"offer", MediaSettings::Sdes::kOffer}};
const Choices<Line::Access> kAccess = {{"open", Line::Access::kOpen}, {"password", Line::Access::kPassword}, {"token", Line::Access::kToken}};

// A length, or a range as "2000-2999".
std::string read_numbers(const ConfigNode& node, Line& to) {
  if (const auto* text = std::get_if<std::string>(&node.value)) return read_range(*text, to.number_min, to.number_max);
  std::int64_t length = 0;
  if (!std::holds_alternative<std::int64_t>(node.value)) return expected("a length or a range, as 6 or \"2000-2999\"", node);
  auto wrong = integer_within(node, 5, 32, length);
  if (wrong.empty()) to.number_length = static_cast<std::size_t>(length), to.number_min = to.number_max = 0;
  return wrong;
}

ConfigSection tokens() {
  using T = TokenSettings;
  const auto t = [](auto read) { return in(&Config::tokens, read); };
  return {"tokens", "Signed tokens (JWT) with which pages sign in to webphone lines: `line`, `name`, `exp`, and if need be `room` and `may`, a list of "
                    "`message`, `call_internal`, `call_external`, `call_history`, `supervise`. `parley token` makes one.", {
    {"secret", "string", "\"\"", "Of tokens signed HS256, at least 32 bytes, shared with whoever signs; empty: Parley makes one, in `webphone-token-secret` in the data folder.",
     t(text(&T::secret, check_token_secret))},
    {"public_key", "path", "\"\"", "PEM file of an Ed25519 public key, for tokens signed EdDSA; empty: none are taken.", t(text(&T::public_key))},
  }};
}

ConfigSection top() {
  using C = Config;
  return {"", "At the top of the file, before any table.", {
    {"data", "path", "\"./data\"", "Folder of the database and of certificates that Parley makes; created with mode 0700. `--data` on the command line comes first.",
     text(&C::data_directory, check_not_empty)},
    {"web", "path", "\"\"", "Folder of the pages; empty: those that came with the program. `--web` comes first.", text(&C::web_directory)},
    {"guests", "boolean", "true", "May people without an account call and join rooms? Where a listener is not on loopback, the file must say `true` or `false` in words.",
     boolean(&C::guests)},
    {"guests_create_rooms", "boolean", "true", "May guests open a room that nobody is in yet? Otherwise they may only join one.", boolean(&C::guests_create_rooms)},
    {"realm", "string", "\"parley\"", "Realm of digest authentication. Stored passwords hold for one realm: set it before accounts are made.",
     text(&C::realm, check_realm)},
    {"supervisors", "list of strings", "[]", "Accounts whose pages may see the calls of all others, listen to them and end, hold and transfer them, as the privilege `supervise` of a token does.",
     texts(&C::supervisors, 0, check_not_empty)},
    {"trusted_proxies", "list of IP addresses and subnets", "[]",
     "Reverse proxies, as `\"127.0.0.1\"` or `\"10.0.0.0/8\"`: of HTTP and WebSocket requests that come from them the last address in X-Forwarded-For that "
     "is none of theirs counts as the client's, for limits, bans and logs. Name them narrowly: whoever reaches Parley from such an address can be anybody.",
     &read_proxies},
    {"websocket_paths", "list of strings", "[\"/ws\"]", "Where SIP over WebSocket is served, on every HTTP listener.", texts(&C::websocket_paths, 0, check_path)},
  }};
}

ConfigSection threads() {
  return {"threads", "", {
    {"io", "integer", "1", "Threads for sockets of the signalling side, 1 to 64.", integer(&Config::io_threads, 1, 64)},
    {"media", "integer", "0", "Threads for media, 0 to 256; 0: one less than there are cores.", integer(&Config::media_threads, 0, 256)},
  }};
}

ConfigSection tls() {
  return {"tls", "The certificate of all TLS listeners that name none of their own. Without one, Parley makes one by itself, in the data folder. Read again at SIGHUP.", {
    {"certificate", "path", "\"\"", "PEM file, the server's certificate first, then its chain.", text(&Config::certificate)},
    {"key", "path", "\"\"", "PEM file of the private key.", text(&Config::key)},
  }};
}

ConfigSection media() {
  using M = MediaSettings;
  const auto m = [](auto read) { return in(&Config::media, read); };
  return {"media", "", {
    {"bind", "IP address", "\"\"", "Address that media sockets are bound to; empty: every one.", m(optional_ip(&M::bind))},
    {"addresses", "list of IP addresses", "[]", "Addresses that are offered to peers; empty: every one that is up.", m(ips(&M::addresses))},
    {"external_address", "IP address", "\"\"", "Address by which peers reach this machine from outside its NAT; offered beside the others.", m(optional_ip(&M::external))},
    {"port", "integer", "0", "UDP (and TCP) port of the first media thread, the next ones follow; 0: the system's choice.", m(integer(&M::port, 0, 65535))},
    {"rtp_ports", "string", "\"\"", "Range of ports for phones that speak plain RTP, as \"20000-29999\"; empty: the system's choice.", m(&read_rtp_ports)},
    {"liveness", "seconds", "12", "A WebRTC participant that gave no sign of life for so long has left, 5 to 120.", m(duration(&M::liveness, 5, 120))},
    {"tcp", "boolean", "true", "Media over TCP too, for networks that let no UDP through.", m(boolean(&M::tcp))},
    {"sdes", "string", "\"accept\"", "SRTP with keys in the SDP (RFC 4568), for phones. `accept`: where they offer it. `offer`: also offered to phones that are registered over TLS (trunks have `srtp`).",
     m(choice(&M::sdes, kSdes))},
  }};
}

ConfigSection messages() {
  using M = MessageSettings;
  const auto m = [](auto read) { return in(&Config::messages, read); };
  return {"messages", "Text in calls, rooms, and outside them.", {
    {"types", "list of strings", "[\"text/*\", \"application/*\", \"message/*\"]", "Content types that are relayed; others are answered 415.",
     m(texts(&M::types, 0, check_media_type, true))},
    {"max_size", "bytes", "65536", "Largest body, 1 to 262144; a larger one is answered 413.", m(integer(&M::max_size, 1, 262'144))},
    {"rate", "per second", "1000", "Messages of one sender, 0 to 100000; 0: no limit. More are answered 503.", m(number(&M::rate, 0, 100'000))},
    {"burst", "messages", "2000", "So many at once before `rate` holds, 1 to 1000000.", m(number(&M::burst, 1, 1'000'000))},
  }};
}

ConfigSection authentication() {
  return {"authentication", "", {
    {"algorithms", "list of strings", "[\"MD5\", \"SHA-256\", \"SHA-512-256\"]", "What is offered, in this order; on WebSocket MD5 alone, since pages know nothing else.",
     order(&Config::algorithms, kAlgorithms)},
    {"nonce_lifetime", "seconds", "300", "How long a challenge can be answered, 10 to 86400.", duration(&Config::nonce_lifetime, 10, 86'400)},
  }};
}

ConfigSection registrar() {
  return {"registrar", "", {
    {"min_expires", "seconds", "60", "Shorter registrations are answered 423, 1 to 86400.", duration(&Config::min_expires, 1, 86'400)},
    {"max_expires", "seconds", "3600", "Longer registrations are shortened, 60 to 604800.", duration(&Config::max_expires, 60, 604'800)},
    {"default_expires", "seconds", "3600", "For who names no time, between the two.", duration(&Config::default_expires, 1, 604'800)},
    {"max_contacts", "integer", "10", "Devices of one account, 1 to 1000.", integer(&Config::max_contacts, 1, 1'000)},
  }};
}

ConfigSection calls() {
  return {"calls", "", {
    {"ring_timeout", "seconds", "60", "How long a call rings before it is given up, 5 to 600.", duration(&Config::ring_timeout, 5, 600)},
    {"session_expires", "seconds", "90", "Session timer (RFC 4028), 90 to 86400: an end that vanished is noticed within it.", duration(&Config::session_expires, 90, 86'400)},
    {"record_days", "days", "0", "How long call records are kept, 0 to 36500; 0: for ever.", integer(&Config::record_days, 0, 36'500)},
    {"call_waiting", "boolean", "true", "Does a second call ring an account that is in a call or a room? Otherwise it is answered 486.", boolean(&Config::call_waiting)},
  }};
}

ConfigSection dial_plan() {
  const auto d = [](auto read) { return in(&Config::dial_plan, read); };
  return {"dial_plan", "", {
    {"time_zone", "string", "\"\"", "Of the rules' `times`, as \"Europe/Berlin\"; empty: that of the machine.", d(text(&pbx::DialPlanConfig::time_zone))},
  }};
}

ConfigSection sounds() {
  using S = SoundSettings;
  const auto s = [](auto read) { return in(&Config::sounds, read); };
  return {"sounds", "WAV, FLAC, Ogg, AIFF or MP3 files. One that is not there is an error of the file.", {
    {"music", "path", "\"\"", "What those hear who are put on hold or wait; empty: music of the program's own.", s(text(&S::music))},
    {"directory", "path", "\"\"", "Where the files are that rules play by a relative name (`play:welcome.wav`).", s(text(&S::directory))},
  }};
}

ConfigSection limits() {
  using L = LimitSettings;
  const auto l = [](auto read) { return in(&Config::limits, read); };
  return {"limits", "What one machine, and one address, may ask for. Loopback is free of what counts by address; behind a reverse proxy see `trusted_proxies`.", {
    {"max_rooms", "integer", "10000", "Rooms at a time, 1 to 1000000.", l(integer(&L::max_rooms, 1, 1'000'000))},
    {"max_calls", "integer", "10000", "Calls between two parties at a time, 1 to 1000000.", l(integer(&L::max_calls, 1, 1'000'000))},
    {"max_connections", "integer", "20000", "Open connections, of HTTP and of SIP each, 1 to 1000000.", l(integer(&L::max_connections, 1, 1'000'000))},
    {"max_connections_per_ip", "integer", "1000", "The same from one address.", l(integer(&L::max_connections_per_ip, 1, 1'000'000))},
    {"requests_per_second", "per second", "200", "New work from one address (INVITE, REGISTER ...), 0 to 1000000; 0: no limit.", l(number(&L::requests_per_second, 0, 1'000'000))},
    {"request_burst", "requests", "600", "So many at once before that holds, 1 to 1000000.", l(number(&L::request_burst, 1, 1'000'000))},
    {"messages_per_second", "per second", "2000", "SIP messages of any kind from one address, 0 to 1000000; 0: no limit.", l(number(&L::messages_per_second, 0, 1'000'000))},
    {"banned", "list of IP addresses", "[]", "Nothing is taken from these.", l(ips(&L::banned))},
  }};
}

ConfigSection log() {
  return {"log", "", {
    {"level", "string", "\"info\"", "`trace`, `debug`, `info`, `warn`, `error`, `critical` or `off`.", choice(&Config::log_level, kLevels)},
  }};
}

}  // namespace

const std::vector<ConfigSection>& config_sections() {
  static const std::vector<ConfigSection> sections = {top(),      threads(),        tls(),       media(), messages(),
                                                      authentication(), tokens(), registrar(), calls(), dial_plan(), sounds(), limits(), log()};
  return sections;
}

const std::vector<ConfigKey<HttpListener>>& http_keys() {
  using L = HttpListener;
  static const std::vector<ConfigKey<L>> keys = {
      {"address", "address and port", "\"127.0.0.1:7777\"", "Where to listen; port 0: the system's choice.", address(&L::address, read_address)},
      {"tls", "boolean", "false", "`https` and `wss`.", boolean(&L::tls)},
      {"certificate", "path", "\"\"", "PEM file; empty: that of `[tls]`.", text(&L::certificate)},
      {"key", "path", "\"\"", "PEM file of its private key.", text(&L::key)},
      {"names", "list of strings", "[]", "Host names that browsers call it by, beside localhost and its addresses; also those of a certificate that Parley makes. Where there are any, others are refused (421).",
       texts(&L::names, 0, check_host, true)},
      {"origins", "list of strings", "[]",
       "Pages of which origins may open a WebSocket, beside its own; `\"*\"`: every one. Empty: on loopback every one, elsewhere none.",
       texts(&L::origins, 0, check_origin)},
  };
  return keys;
}

const std::vector<ConfigKey<SipListener>>& sip_keys() {
  using L = SipListener;
  static const std::vector<ConfigKey<L>> keys = {
      {"transport", "string", "\"udp\"", "`udp`, `tcp` or `tls`.", choice(&L::transport, kTransports)},
      {"address", "address and port", "\"127.0.0.1:5060\"", "Where to listen; port 0: the system's choice. For TLS the port is 5061 as a rule.",
       address(&L::address, read_address)},
      {"certificate", "path", "\"\"", "PEM file, for TLS; empty: that of `[tls]`.", text(&L::certificate)},
      {"key", "path", "\"\"", "PEM file of its private key.", text(&L::key)},
      {"external", "HOST or HOST:PORT", "\"\"", "What it is called in Via and Contact, where its own address can't be reached from outside.",
       text(&L::external, check_host_port)},
  };
  return keys;
}

const std::vector<ConfigKey<WebphoneLineSettings>>& webphone_line_keys() {
  static const std::vector<ConfigKey<Line>> keys = {
      {"name", "string", "", "What pages connect to, as \"Webphone1\"; compared without case.", text(&Line::name, check_line_name)},
      {"access", "string", "\"open\"", "`open`; `password`: with the line's; `token`: with a signed one. A token is taken on every line.", choice(&Line::access, kAccess)},
      {"password", "string", "\"\"", "Of the line, for `access = \"password\"`.", text(&Line::password)},
      {"origins", "list of strings", "[]", "Pages of which origins may connect, beside the server's own; `\"*\"`: every one. Empty: every one for an open line, else none.",
       texts(&Line::origins, 0, check_origin)},
      {"default_target", "string", "\"\"", "Where a call without a number goes, as if it were dialled: an account, a queue, a group, a client's number, a room; empty: nowhere.", text(&Line::default_target)},
      {"call_clients", "boolean", "true", "May its clients call other clients?", boolean(&Line::call_clients)},
      {"call_accounts", "boolean", "true", "May they call accounts?", boolean(&Line::call_accounts)},
      {"call_rooms", "boolean", "true", "May they enter rooms that exist or are configured? They never make one.", boolean(&Line::call_rooms)},
      {"roster", "string", "\"everybody\"", "Whom its clients see in their list: `everybody` on the line, or `nobody`.", choice(&Line::roster, kRoster)},
      {"numbers", "length or range", "6", "Length of the numbers that clients are given, 5 to 32, which nobody can guess; or a range, as \"2000-2999\".", &read_numbers},
      {"max_clients", "integer", "5000", "Clients at a time, 1 to 100000.", integer(&Line::max_clients, 1, 100'000)},
      {"grace", "seconds", "10", "A client whose connection is lost keeps its number and its calls for so long, 0 to 14.", duration(&Line::grace, 0, 14)},
  };
  return keys;
}

const std::vector<ConfigKey<RoomSettings>>& room_keys() {
  using R = RoomSettings;
  static const std::vector<ConfigKey<R>> keys = {
      {"max_members", "integer", "0", "Participants at a time; 0: no limit.", integer(&R::max_members, 0, 1'000'000)},
      {"video", "boolean", "true", "Is video forwarded?", boolean(&R::video)},
      {"max_video_streams", "integer", "0", "Videos of others that one participant is sent; 0: no limit.", integer(&R::max_video_streams, 0, 10'000)},
      {"video_codecs", "list of strings", "[\"VP8\", \"VP9\", \"H264\", \"AV1\"]", "What publishers are answered with, the preferred one first.",
       order(&R::video_codecs, kVideoCodecs)},
      {"enable_events", "boolean", "false", "Send conference events to everybody, not only to those who ask for them.", boolean(&R::enable_events)},
      {"echo_events", "boolean", "false", "Send an event to the one who caused it too.", boolean(&R::echo_events)},
      {"talk_detection_events", "boolean", "true", "Tell who starts and stops talking.", boolean(&R::talk_detection_events)},
      {"text_messaging", "boolean", "true", "Are messages relayed?", boolean(&R::text_messaging)},
      {"history", "days", "0", "Keep messages for so long, durable before they are answered 202; 0: not at all.", integer(&R::history_days, 0, 36'500)},
      {"mixing_interval", "milliseconds", "20", "10, 20 or 40.", one_of(&R::mixing_interval_ms, {10, 20, 40})},
      {"talking_threshold", "amplitude", "160", "Mean amplitude (of 32767) from which one is talking, 1 to 32767.", integer(&R::talking_threshold, 1, 32'767)},
      {"silence_threshold", "milliseconds", "2500", "Quiet for so long, one has stopped talking, 100 to 60000.", integer(&R::silence_threshold_ms, 100, 60'000)},
  };
  return keys;
}

}  // namespace app
