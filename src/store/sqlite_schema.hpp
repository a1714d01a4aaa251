// The schema's history: PRAGMA user_version tells how many of these steps a file has had.
#pragma once

#include <array>

namespace store {

// A step that has been released is never changed: another one follows.
inline constexpr std::array kSchemaSteps = {
    "CREATE TABLE account ("
    " name TEXT PRIMARY KEY,"
    " display_name TEXT NOT NULL,"
    " realm TEXT NOT NULL,"
    " ha1_md5 TEXT NOT NULL,"
    " ha1_sha256 TEXT NOT NULL,"
    " ha1_sha512_256 TEXT NOT NULL,"
    " created INTEGER NOT NULL"              // seconds since 1970, UTC
    ") STRICT, WITHOUT ROWID;",
    "CREATE TABLE api_token ("
    " id TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE,"
    " scopes TEXT NOT NULL,"
    " created INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;",
};

// The same for messages.db, the file of chat and calls. Times are milliseconds since 1970, UTC.
inline constexpr std::array kMessageSchemaSteps = {
    "CREATE TABLE conversation ("
    " id INTEGER PRIMARY KEY,"
    " key TEXT NOT NULL UNIQUE,"
    " highest INTEGER NOT NULL,"             // sequence number ever given: stays when its message is deleted
    " touched INTEGER NOT NULL"              // time of the newest message
    ") STRICT;"
    "CREATE INDEX conversation_touched ON conversation (touched);"
    "CREATE TABLE message ("
    " id INTEGER PRIMARY KEY,"
    " conversation INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL,"
    " time INTEGER NOT NULL,"
    " private INTEGER NOT NULL,"             // 1: for the sender and to_... alone
    " sender_participant TEXT NOT NULL,"
    " sender_account TEXT NOT NULL,"
    " to_participant TEXT NOT NULL,"
    " to_account TEXT NOT NULL,"
    " message_id TEXT NOT NULL,"
    " display_name TEXT NOT NULL,"
    " content_type TEXT NOT NULL,"
    " body BLOB NOT NULL,"                   // last: a message that is passed over is not read whole
    " UNIQUE (conversation, sequence)"
    ") STRICT;"
    "CREATE INDEX message_time ON message (time);"
    "CREATE TABLE offline ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," // never used twice
    " account TEXT NOT NULL,"
    " from_uri TEXT NOT NULL,"
    " from_display TEXT NOT NULL,"
    " content_type TEXT NOT NULL,"
    " headers BLOB NOT NULL,"                // name, NUL, value, NUL, ...
    " created INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " body BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX offline_account ON offline (account, id);"
    "CREATE INDEX offline_expires ON offline (expires);"
    "CREATE TABLE call_record ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " kind INTEGER NOT NULL,"                // store::CallKind
    " from_uri TEXT NOT NULL,"
    " from_display TEXT NOT NULL,"
    " to_uri TEXT NOT NULL,"
    " started INTEGER NOT NULL,"
    " answered INTEGER,"
    " ended INTEGER,"
    " status INTEGER NOT NULL,"
    " cause TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX call_record_started ON call_record (started);"
    "CREATE TABLE call_leg ("
    " call INTEGER NOT NULL,"
    " position INTEGER NOT NULL,"
    " participant TEXT NOT NULL,"
    " account TEXT NOT NULL,"
    " uri TEXT NOT NULL,"
    " display_name TEXT NOT NULL,"
    " started INTEGER NOT NULL,"
    " answered INTEGER,"
    " ended INTEGER,"
    " status INTEGER NOT NULL,"
    " cause TEXT NOT NULL,"
    " PRIMARY KEY (call, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX call_leg_account ON call_leg (account, call) WHERE account <> '';",
};

}  // namespace store
