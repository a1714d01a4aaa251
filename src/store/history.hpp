// What is kept of chat: messages of rooms and calls (spec B.3, B.4), and messages that wait for an account (spec B.6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace store {

// Who took part: by the participant id of one visit, and by the account, where there was one.
struct Party {
  std::string participant, account;
  friend bool operator==(const Party&, const Party&) = default;
};

// Wall times are kept in milliseconds.
struct StoredMessage {
  std::string conversation;          // a room's key or a call's id, with a prefix of the caller's choice
  std::uint64_t sequence = 0;        // 1 and up, no number twice in a conversation
  std::string message_id;            // Parley-Message-ID
  base::WallTime time;
  Party sender;
  std::string display_name;
  std::string content_type;          // byte for byte
  base::SharedBytes body;            // byte for byte; null: empty
  std::optional<Party> private_to;   // then nobody reads it but this one and the sender
};

// Is `viewer`, whose ids the caller has proven, one that may read `message`? A participant id is no secret: never take
// one from a request. An empty id is nobody's.
bool may_read(const Party& viewer, const StoredMessage& message);

struct HistoryQuery {
  std::string conversation;
  Party viewer;
  std::optional<std::uint64_t> after, before;   // exclusive; with `after` from the oldest on, else the newest
  std::size_t limit = 50;                       // at most kMaxPage
};

constexpr std::size_t kMaxPage = 500;
constexpr std::size_t kMaxPageBytes = 4 * 1024 * 1024;   // of bodies; a page ends with the message that goes over it
constexpr std::size_t kMaxScan = 10'000;                 // messages looked at for one page, those of others included

struct HistoryPage {
  std::vector<StoredMessage> messages;          // by sequence, the oldest first
  // Where the next page starts, as `after` where the query had one, else as `before`. Empty: there is no more. A page
  // may be short, or empty, and still have a next one: messages that the viewer may not read fill no page.
  std::optional<std::uint64_t> next;
};

struct OfflineMessage {
  std::uint64_t id = 0;                         // given by the store; grows, never used twice
  std::string account;                          // that it waits for
  std::string from_uri, from_display;
  std::string content_type;
  base::SharedBytes body;
  std::vector<std::pair<std::string, std::string>> headers;   // what else a copy needs; no NUL in them
  base::WallTime created, expires;
};

}  // namespace store
