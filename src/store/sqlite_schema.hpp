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
};

}  // namespace store
