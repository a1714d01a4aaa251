// What the configuration file says, checked: every value is in its range, every address parsed. Plain data, any thread.
// Every key is documented in one place, the table in config_keys.cpp, of which docs/configuration.md is made.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "net/trusted_proxies.hpp"
#include "pbx/dial_plan.hpp"
#include "pbx/queue.hpp"

namespace app {

// [[http]]: pages, API and WebSocket.
struct HttpListener {
  base::SocketAddress address;
  bool tls = false;
  std::string certificate, key;            // PEM files; "": those of [tls]
  std::vector<std::string> names;          // that browsers may call it by, beside localhost and its addresses
  std::vector<std::string> origins;        // of pages that may open a WebSocket; "*": every one. Empty: its own, on loopback every one
  friend bool operator==(const HttpListener&, const HttpListener&) = default;
};

enum class SipTransport : std::uint8_t { kUdp, kTcp, kTls };

// [[sip]]
struct SipListener {
  SipTransport transport = SipTransport::kUdp;
  base::SocketAddress address;
  std::string certificate, key;            // for TLS; "": those of [tls]
  std::string external;                    // "host" or "host:port" that it is known by outside; "": as bound
  friend bool operator==(const SipListener&, const SipListener&) = default;
};

// [media]
struct MediaSettings {
  base::SocketAddress bind;                      // invalid: every address
  std::vector<base::SocketAddress> addresses;    // offered to peers, port 0; empty: every one that is up
  base::SocketAddress external;                  // port 0; invalid: none
  std::uint16_t port = 0;                        // UDP and TCP port of the first media thread, the next ones follow; 0: any
  std::uint16_t rtp_port_min = 0, rtp_port_max = 0;   // plain RTP; 0: any
  std::chrono::seconds liveness{12};
  bool tcp = true;
  enum class Sdes : std::uint8_t { kAccept, kOffer } sdes = Sdes::kAccept;   // SRTP with keys in the SDP, for phones
  friend bool operator==(const MediaSettings&, const MediaSettings&) = default;
};

// [messages]
struct MessageSettings {
  std::vector<std::string> types{"text/*", "application/*", "message/*"};   // lower case
  std::size_t max_size = 65536;            // bytes of one body
  double rate = 1000, burst = 2000;         // messages a second of one sender; rate 0: no limit
  friend bool operator==(const MessageSettings&, const MessageSettings&) = default;
};

// [rooms], and what [room."NAME"] changes of it.
struct RoomSettings {
  std::size_t max_members = 0;             // 0: no limit
  bool video = true;
  std::size_t max_video_streams = 0;       // 0: no limit
  std::vector<std::string> video_codecs{"VP8", "VP9", "H264", "AV1"};   // in the order of preference
  bool enable_events = false;
  bool echo_events = false;
  bool talk_detection_events = true;
  bool text_messaging = true;
  std::uint32_t history_days = 0;          // 0: messages are not kept
  std::uint32_t mixing_interval_ms = 20;   // 10, 20, 40
  std::uint32_t talking_threshold = 160;   // mean absolute amplitude of 16 bits
  std::uint32_t silence_threshold_ms = 2500;
  friend bool operator==(const RoomSettings&, const RoomSettings&) = default;
};

// [limits]
struct LimitSettings {
  std::size_t max_rooms = 10'000;
  std::size_t max_calls = 10'000;
  std::size_t max_connections = 20'000;          // of each of HTTP and SIP
  std::size_t max_connections_per_ip = 1'000;    // loopback is not counted
  double requests_per_second = 200;              // new work (INVITE, REGISTER ...) from one IP address; loopback is free of it
  double request_burst = 600;
  double messages_per_second = 2'000;            // SIP messages of any kind from one IP address; loopback is free of it
  std::vector<base::SocketAddress> banned;       // port 0
  friend bool operator==(const LimitSettings&, const LimitSettings&) = default;
};

// [[webphone_line]]
struct WebphoneLineSettings {
  enum class Access : std::uint8_t { kOpen, kPassword, kToken };
  std::string name, password, default_target;
  Access access = Access::kOpen;
  std::vector<std::string> origins;              // of pages; empty: every one for an open line, else the server's own
  bool call_clients = true, call_accounts = true, call_rooms = true;
  enum class Roster : std::uint8_t { kEverybody, kNobody } roster = Roster::kEverybody;   // whom its clients are told of
  std::size_t number_length = 6;                 // generated
  std::uint32_t number_min = 0, number_max = 0;  // or out of this range; 0: none
  std::size_t max_clients = 5000;
  std::chrono::seconds grace{10};
  friend bool operator==(const WebphoneLineSettings&, const WebphoneLineSettings&) = default;
};

// [tokens]
struct TokenSettings {
  std::string secret;                            // of HS256; "": one is made in the data directory
  std::string public_key;                        // PEM file of an Ed25519 key, for EdDSA; "": none
  friend bool operator==(const TokenSettings&, const TokenSettings&) = default;
};

// [[account]]: one that stands in the file, beside those of the store.
struct AccountSettings {
  std::string name, display_name;
  std::string password;                          // never in a log or an error
  friend bool operator==(const AccountSettings&, const AccountSettings&) = default;
};

// [[trunk]]: as pbx::TrunkConfig.
struct TrunkSettings {
  std::string name, server, transport = "udp", outbound_proxy, username, password, realm, domain;
  bool registers = false;
  std::chrono::seconds expires{600};
  std::vector<base::SocketAddress> addresses;    // port 0
  std::string caller_number, number;
  bool show_caller_name = true;
  std::size_t max_calls = 0;                     // 0: no limit
  bool verify_certificate = true;
  std::string ca_file;
  enum class Srtp : std::uint8_t { kOff, kOffer } srtp = Srtp::kOff;   // of calls to it; kOffer needs TLS
  friend bool operator==(const TrunkSettings&, const TrunkSettings&) = default;
};

// Where the file names an account that it doesn't hold itself: the store's, or a mistake.
struct AccountMention {
  std::string name;
  std::string line;                              // what to say where nobody knows it, with its place
  friend bool operator==(const AccountMention&, const AccountMention&) = default;
};

// [sounds]
struct SoundSettings {
  std::string music;                             // a file; "": the built-in one
  std::string directory;                         // of what rules play; "": such names are refused
  friend bool operator==(const SoundSettings&, const SoundSettings&) = default;
};

enum class HashAlgorithm : std::uint8_t { kMd5, kSha256, kSha512_256 };

struct Config {
  std::string data_directory = "./data";
  std::string web_directory;               // of the pages; "": those that came with the program
  bool guests = true;
  bool guests_create_rooms = true;         // else they may only join rooms that exist
  std::string realm = "parley";
  std::vector<std::string> supervisors;    // accounts that may see and touch all calls
  std::vector<std::string> websocket_paths{"/ws"};
  std::vector<net::Subnet> trusted_proxies;   // whose X-Forwarded-For counts

  unsigned io_threads = 1;
  unsigned media_threads = 0;              // 0: one less than there are cores

  std::vector<HttpListener> http;          // default: 127.0.0.1:7777
  std::vector<SipListener> sip;            // default: UDP and TCP on 127.0.0.1:5060
  std::vector<WebphoneLineSettings> webphone_lines;   // default, where guests are allowed: "Webphone1", open
  TokenSettings tokens;
  std::string certificate, key;            // [tls]; "": one is made in the data directory

  std::vector<HashAlgorithm> algorithms{HashAlgorithm::kMd5, HashAlgorithm::kSha256, HashAlgorithm::kSha512_256};
  std::chrono::seconds nonce_lifetime{300};
  std::chrono::seconds min_expires{60}, max_expires{3600}, default_expires{3600};   // [registrar]
  std::size_t max_contacts = 10;                                                    // of one account
  std::chrono::seconds ring_timeout{60}, session_expires{90};                       // [calls]
  bool call_waiting = true;                // an account in a call is rung by a second one
  std::uint32_t record_days = 0;           // 0: call records are kept for ever

  MediaSettings media;
  MessageSettings messages;
  RoomSettings rooms;                            // of every room
  std::map<std::string, RoomSettings> room;      // of some, whole; by conference::Rooms::key_of(name)
  LimitSettings limits;
  pbx::DialPlanConfig dial_plan;                 // [dial_plan] and [[rule]]: DialPlan::make() takes it
  std::vector<pbx::GroupConfig> groups;          // [[group]]
  std::vector<pbx::QueueConfig> queues;          // [[queue]]
  std::vector<TrunkSettings> trunks;             // [[trunk]]
  std::vector<AccountSettings> accounts;         // [[account]]
  std::vector<AccountMention> mentions;          // of accounts elsewhere in the file
  SoundSettings sounds;
  std::string log_level = "info";                // trace, debug, info, warn, error, critical, off

  // The settings for the room of that key (conference::Rooms::key_of).
  const RoomSettings& room_settings(std::string_view room_key) const {
    const auto found = room.find(std::string(room_key));
    return found == room.end() ? rooms : found->second;
  }
  // Whether the file names the room. Where it has no line of its own, the live chat's room is there as its line is.
  bool names_room(std::string_view room_key) const {
    return room.contains(std::string(room_key)) || (room_key == "livechat" && guests && webphone_lines.empty());
  }
  friend bool operator==(const Config&, const Config&) = default;
};

// With the listeners filled in: what runs without a file.
Config default_config();

// An error's detail is one line, "name:line:column: what is wrong": a key that does not exist, a wrong type, a value out
// of its range, or TOML that is none (kMalformed); kNotFound or kUnavailable where the file can't be read.
// Paths in the file are relative to its own folder. That the sounds that it names are there is looked at where it is a file.
base::Result<Config> load_config(const std::string& path);
// The same, and a line for every mistake, in the order of the file: kMaxMistakes, then how many more there are.
constexpr std::size_t kMaxMistakes = 20;
base::Result<Config> load_config(const std::string& path, std::vector<std::string>& mistakes);
// The lines of the mentions that are none of `known`; bounded as mistakes are.
std::vector<std::string> unknown_accounts(const Config& config, const std::vector<std::string>& known);
base::Result<Config> parse_config(std::string_view text, const std::string& name);

}  // namespace app
