#include "store/history_tables.hpp"

#include <algorithm>
#include <limits>

namespace store {
namespace {

const std::string kNothing;

const std::string& bytes_of(const base::SharedBytes& body) { return body ? *body : kNothing; }

base::SharedBytes body_in(const SQLite::Column& column) {
  return base::share(std::string(static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())));
}

// Sequence numbers and ids are 64 bits without a sign outside, with one in SQLite.
std::int64_t clamped(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

enum HistoryColumn { kSequence, kTime, kPrivate, kSenderParticipant, kSenderAccount, kToParticipant, kToAccount, kMessageId, kDisplayName,
                     kContentType, kBody };

// Without its body, so that those of messages which the viewer may not read stay on the disk.
StoredMessage message_in(MessageDatabase::Use& row, const std::string& conversation) {
  StoredMessage m;
  m.conversation = conversation;
  m.sequence = static_cast<std::uint64_t>(row.column(kSequence).getInt64());
  m.message_id = row.column(kMessageId).getString();
  m.time = from_milliseconds(row.column(kTime).getInt64());
  m.sender = {row.column(kSenderParticipant).getString(), row.column(kSenderAccount).getString()};
  m.display_name = row.column(kDisplayName).getString();
  m.content_type = row.column(kContentType).getString();
  if (row.column(kPrivate).getInt() != 0) m.private_to = Party{row.column(kToParticipant).getString(), row.column(kToAccount).getString()};
  return m;
}

std::string packed(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string all;
  for (const auto& [name, value] : headers) all.append(name).append(1, '\0').append(value).append(1, '\0');
  return all;
}

std::vector<std::pair<std::string, std::string>> unpacked(std::string_view all) {
  std::vector<std::pair<std::string, std::string>> headers;
  while (!all.empty()) {
    const auto name = all.find('\0');
    const auto value = name == all.npos ? name : all.find('\0', name + 1);
    if (value == all.npos) break;
    headers.emplace_back(all.substr(0, name), all.substr(name + 1, value - name - 1));
    all.remove_prefix(value + 1);
  }
  return headers;
}

}  // namespace

base::Status insert_message(MessageDatabase& database, const StoredMessage& message) {
  std::int64_t conversation = 0;
  {
    auto touch = database.use(
        "INSERT INTO conversation (key, highest, touched) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET"
        " highest = max(highest, excluded.highest), touched = max(touched, excluded.touched) RETURNING id");
    touch.text(message.conversation).number(clamped(message.sequence)).number(to_milliseconds(message.time));
    touch.step();
    conversation = touch.column(0).getInt64();
  }
  auto insert = database.use(
      "INSERT INTO message (conversation, sequence, time, private, sender_participant, sender_account, to_participant, to_account,"
      " message_id, display_name, content_type, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (conversation, sequence) DO NOTHING");
  insert.number(conversation).number(clamped(message.sequence)).number(to_milliseconds(message.time)).number(message.private_to ? 1 : 0);
  insert.text(message.sender.participant).text(message.sender.account);
  insert.text(message.private_to ? message.private_to->participant : kNothing);
  insert.text(message.private_to ? message.private_to->account : kNothing);
  insert.text(message.message_id).text(message.display_name).text(message.content_type).blob(bytes_of(message.body));
  if (insert.change() == 0) return base::fail(base::ErrorCode::kConflict, "that sequence number is taken");
  return {};
}

std::uint64_t select_highest_sequence(MessageDatabase& database, const std::string& conversation) {
  auto query = database.use("SELECT highest FROM conversation WHERE key = ?");
  query.text(conversation);
  return query.step() ? static_cast<std::uint64_t>(query.column(0).getInt64()) : 0;
}

HistoryPage select_history(MessageDatabase& database, const HistoryQuery& query) {
#define PARLEY_HISTORY_SELECT                                                                                                       \
  "SELECT sequence, time, private, sender_participant, sender_account, to_participant, to_account, message_id, display_name,"       \
  " content_type, body FROM message WHERE conversation = (SELECT id FROM conversation WHERE key = ?)"                               \
  " AND sequence > ? AND sequence < ? ORDER BY sequence "
  const bool upward = query.after.has_value();
  auto rows = database.use(upward ? PARLEY_HISTORY_SELECT "ASC" : PARLEY_HISTORY_SELECT "DESC");
#undef PARLEY_HISTORY_SELECT
  rows.text(query.conversation).number(clamped(query.after.value_or(0)));
  rows.number(clamped(query.before.value_or(std::numeric_limits<std::uint64_t>::max())));
  const auto limit = std::clamp<std::size_t>(query.limit, 1, kMaxPage);
  HistoryPage page;
  std::size_t bytes = 0;
  std::uint64_t last = 0;
  for (std::size_t scanned = 0; rows.step(); ++scanned) {
    if (page.messages.size() == limit || bytes >= kMaxPageBytes || scanned == kMaxScan) {
      page.next = last;
      break;
    }
    auto message = message_in(rows, query.conversation);
    last = message.sequence;
    if (!may_read(query.viewer, message)) continue;
    message.body = body_in(rows.column(kBody));
    bytes += message.body->size();
    page.messages.push_back(std::move(message));
  }
  if (!upward) std::ranges::reverse(page.messages);
  return page;
}

base::Result<std::uint64_t> insert_offline(MessageDatabase& database, const OfflineMessage& message, std::size_t max_for_account) {
  auto insert = database.use(
      "INSERT INTO offline (account, from_uri, from_display, content_type, headers, created, expires, body)"
      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT count(*) FROM offline WHERE account = ?1) < ?9");
  const auto headers = packed(message.headers);
  insert.text(message.account).text(message.from_uri).text(message.from_display).text(message.content_type).blob(headers);
  insert.number(to_milliseconds(message.created)).number(to_milliseconds(message.expires)).blob(bytes_of(message.body));
  insert.number(clamped(max_for_account));
  if (insert.change() == 0) return base::fail(base::ErrorCode::kTooLarge, "too many messages wait for that account");
  return static_cast<std::uint64_t>(database.connection().getLastInsertRowid());
}

std::vector<OfflineMessage> select_offline(MessageDatabase& database, const std::string& account, base::WallTime now,
                                           std::uint64_t after, std::size_t limit) {
  auto rows = database.use(
      "SELECT id, from_uri, from_display, content_type, headers, created, expires, body FROM offline"
      " WHERE account = ? AND id > ? AND expires > ? ORDER BY id LIMIT ?");
  rows.text(account).number(clamped(after)).number(to_milliseconds(now));
  rows.number(clamped(std::clamp<std::size_t>(limit, 1, kMaxPage)));
  std::vector<OfflineMessage> waiting;
  std::size_t bytes = 0;
  while (bytes < kMaxPageBytes && rows.step()) {
    OfflineMessage m;
    m.id = static_cast<std::uint64_t>(rows.column(0).getInt64());
    m.account = account;
    m.from_uri = rows.column(1).getString();
    m.from_display = rows.column(2).getString();
    m.content_type = rows.column(3).getString();
    m.headers = unpacked(rows.column(4).getString());
    m.created = from_milliseconds(rows.column(5).getInt64());
    m.expires = from_milliseconds(rows.column(6).getInt64());
    m.body = body_in(rows.column(7));
    bytes += m.body->size();
    waiting.push_back(std::move(m));
  }
  return waiting;
}

void delete_offline(MessageDatabase& database, std::uint64_t id) {
  database.use("DELETE FROM offline WHERE id = ?").number(clamped(id)).change();
}

std::size_t expire_messages(MessageDatabase& database, base::WallTime before, std::size_t most) {
  auto remove = database.use("DELETE FROM message WHERE id IN (SELECT id FROM message WHERE time < ? ORDER BY time LIMIT ?)");
  return static_cast<std::size_t>(remove.number(to_milliseconds(before)).number(clamped(most)).change());
}

std::size_t expire_messages_of(MessageDatabase& database, std::int64_t conversation, base::WallTime before, std::size_t most) {
  // Numbers are given in the order of time: what is young ends the search, however long the conversation is.
  auto remove = database.use(
      "DELETE FROM message WHERE id IN (SELECT id FROM (SELECT id, time FROM message WHERE conversation = ? ORDER BY sequence LIMIT ?) WHERE time < ?)");
  return static_cast<std::size_t>(remove.number(conversation).number(clamped(most)).number(to_milliseconds(before)).change());
}

std::vector<std::pair<std::int64_t, std::string>> select_conversations(MessageDatabase& database, std::int64_t after, std::size_t most) {
  auto rows = database.use("SELECT id, key FROM conversation WHERE id > ? ORDER BY id LIMIT ?");
  rows.number(after).number(clamped(most));
  std::vector<std::pair<std::int64_t, std::string>> result;
  while (rows.step()) result.emplace_back(rows.column(0).getInt64(), rows.column(1).getString());
  return result;
}

std::size_t expire_offline(MessageDatabase& database, base::WallTime now, std::size_t most) {
  auto remove = database.use("DELETE FROM offline WHERE id IN (SELECT id FROM offline WHERE expires <= ? ORDER BY expires LIMIT ?)");
  return static_cast<std::size_t>(remove.number(to_milliseconds(now)).number(clamped(most)).change());
}

std::size_t expire_conversations(MessageDatabase& database, base::WallTime touched_before, std::size_t most) {
  auto remove = database.use(
      "DELETE FROM conversation WHERE id IN (SELECT id FROM conversation AS c WHERE touched < ?"
      " AND NOT EXISTS (SELECT 1 FROM message WHERE message.conversation = c.id) LIMIT ?)");
  return static_cast<std::size_t>(remove.number(to_milliseconds(touched_before)).number(clamped(most)).change());
}

}  // namespace store
