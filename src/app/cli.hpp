// The command line: `parley serve`, `check`, `account`, `token`, `api-token`, `dial-plan`, `version`.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/config.hpp"

namespace app {

// What a command reads, writes and starts; tests bring their own.
struct CliEnvironment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<int(const Config&)> serve;
  std::string program_directory;           // where the pages are looked for; "": nowhere
};

// The exit status: 0; 1 when it could not be done (no such account, database locked); 2 for a wrong command line or
// configuration. Errors are one line on `err`.
int run(const std::vector<std::string>& arguments, const CliEnvironment& environment);
int run(int argc, char** argv);

}  // namespace app
