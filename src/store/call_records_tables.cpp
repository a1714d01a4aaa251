#include "store/call_records_tables.hpp"

#include <algorithm>
#include <limits>

#include "store/history.hpp"

namespace store {
namespace {

void bind_time(MessageDatabase::Use& use, const std::optional<base::WallTime>& time) {
  if (time) use.number(to_milliseconds(*time));
  else use.null();
}

std::optional<base::WallTime> time_in(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return from_milliseconds(column.getInt64());
}

CallRecord record_in(MessageDatabase::Use& row) {
  CallRecord r;
  r.number = static_cast<std::uint64_t>(row.column(0).getInt64());
  r.id = row.column(1).getString();
  const int kind = row.column(2).getInt();
  r.kind = kind == 1 ? CallKind::kRoom : kind == 2 ? CallKind::kQueue : CallKind::kCall;
  r.from_uri = row.column(3).getString();
  r.from_display = row.column(4).getString();
  r.to_uri = row.column(5).getString();
  r.start = from_milliseconds(row.column(6).getInt64());
  r.answer = time_in(row.column(7));
  r.end = time_in(row.column(8));
  r.status = row.column(9).getInt();
  r.cause = row.column(10).getString();
  return r;
}

std::vector<CallLeg> select_legs(MessageDatabase& database, std::uint64_t number) {
  auto rows = database.use(
      "SELECT participant, account, uri, display_name, started, answered, ended, status, cause FROM call_leg WHERE call = ? ORDER BY position");
  rows.number(static_cast<std::int64_t>(number));
  std::vector<CallLeg> legs;
  while (rows.step()) {
    CallLeg leg;
    leg.participant = rows.column(0).getString();
    leg.account = rows.column(1).getString();
    leg.uri = rows.column(2).getString();
    leg.display_name = rows.column(3).getString();
    leg.start = from_milliseconds(rows.column(4).getInt64());
    leg.answer = time_in(rows.column(5));
    leg.end = time_in(rows.column(6));
    leg.status = rows.column(7).getInt();
    leg.cause = rows.column(8).getString();
    legs.push_back(std::move(leg));
  }
  return legs;
}

void insert_legs(MessageDatabase& database, std::int64_t number, const std::vector<CallLeg>& legs) {
  std::int64_t position = 0;
  for (const auto& leg : legs) {
    auto insert = database.use(
        "INSERT INTO call_leg (call, position, participant, account, uri, display_name, started, answered, ended, status, cause)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.number(number).number(position++).text(leg.participant).text(leg.account).text(leg.uri).text(leg.display_name);
    insert.number(to_milliseconds(leg.start));
    bind_time(insert, leg.answer);
    bind_time(insert, leg.end);
    insert.number(leg.status).text(leg.cause).change();
  }
}

}  // namespace

void upsert_call(MessageDatabase& database, const CallRecord& record) {
  std::int64_t number = 0;
  {
    auto insert = database.use(
        "INSERT INTO call_record (id, kind, from_uri, from_display, to_uri, started, answered, ended, status, cause)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, from_uri = excluded.from_uri,"
        " from_display = excluded.from_display, to_uri = excluded.to_uri, started = excluded.started, answered = excluded.answered,"
        " ended = excluded.ended, status = excluded.status, cause = excluded.cause RETURNING number");
    insert.text(record.id).number(static_cast<int>(record.kind)).text(record.from_uri).text(record.from_display).text(record.to_uri);
    insert.number(to_milliseconds(record.start));
    bind_time(insert, record.answer);
    bind_time(insert, record.end);
    insert.number(record.status).text(record.cause).step();
    number = insert.column(0).getInt64();
  }
  database.use("DELETE FROM call_leg WHERE call = ?").number(number).change();
  insert_legs(database, number, record.legs);
}

CallPage select_calls(MessageDatabase& database, const CallFilter& filter) {
#define PARLEY_CALL_COLUMNS                                                                                              \
  "SELECT r.number, r.id, r.kind, r.from_uri, r.from_display, r.to_uri, r.started, r.answered, r.ended, r.status, r.cause"
#define PARLEY_CALL_RULES " AND (?2 IS NULL OR r.kind = ?2) AND (?3 IS NULL OR r.started >= ?3) AND (?4 IS NULL OR r.started < ?4)"
  constexpr const char* kAll = PARLEY_CALL_COLUMNS " FROM call_record AS r WHERE r.number < ?1" PARLEY_CALL_RULES
                               " ORDER BY r.number DESC LIMIT ?5";
  constexpr const char* kOfAccount = PARLEY_CALL_COLUMNS
      " FROM call_leg AS l JOIN call_record AS r ON r.number = l.call WHERE l.call < ?1" PARLEY_CALL_RULES
      " AND l.account = ?6 AND l.account <> '' GROUP BY l.call ORDER BY l.call DESC LIMIT ?5";
#undef PARLEY_CALL_COLUMNS
#undef PARLEY_CALL_RULES
  const auto limit = std::clamp<std::size_t>(filter.limit, 1, kMaxPage);
  auto rows = database.use(filter.account.empty() ? kAll : kOfAccount);
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  rows.number(static_cast<std::int64_t>(std::min(filter.before.value_or(kMax), kMax)));
  if (filter.kind) rows.number(static_cast<int>(*filter.kind));
  else rows.null();
  bind_time(rows, filter.from);
  bind_time(rows, filter.until);
  rows.number(static_cast<std::int64_t>(limit + 1));
  if (!filter.account.empty()) rows.text(filter.account);

  CallPage page;
  for (std::size_t legs = 0; rows.step();) {
    if (page.records.size() == limit || legs >= kMaxCallLegs) {
      page.next = page.records.back().number;
      break;
    }
    auto record = record_in(rows);
    record.legs = select_legs(database, record.number);
    legs += record.legs.size();
    page.records.push_back(std::move(record));
  }
  return page;
}

std::size_t expire_calls(MessageDatabase& database, base::WallTime before, std::size_t most) {
  std::vector<std::int64_t> old;
  {
    auto rows = database.use("SELECT number FROM call_record WHERE started < ? ORDER BY started LIMIT ?");
    rows.number(to_milliseconds(before)).number(static_cast<std::int64_t>(most));
    while (rows.step()) old.push_back(rows.column(0).getInt64());
  }
  for (const auto number : old) {
    database.use("DELETE FROM call_leg WHERE call = ?").number(number).change();
    database.use("DELETE FROM call_record WHERE number = ?").number(number).change();
  }
  return old.size();
}

}  // namespace store
