// What every SQLite file of the store has in common: how it comes to be, and what its errors mean.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <string>

#include "base/result.hpp"

namespace store {

// `directory`/`name`, there afterwards, the folder with mode 0700 where it is new and the file with 0600: before SQLite opens it, since
// its journals take the mode of the file. kUnavailable.
base::Result<std::string> make_sqlite_file(const std::string& directory, const std::string& name);

// kUnavailable: locked, full, read-only, not readable; kConflict: there is one of that key; kInternal: damaged, or anything else.
base::Error sqlite_error(const std::string& path, const SQLite::Exception& e);

}  // namespace store
