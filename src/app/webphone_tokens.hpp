// The keys of webphone tokens as configured, and `parley token`, which signs one.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"
#include "pbx/tokens.hpp"

namespace app {

// Where no secret is configured, that of the data folder is read, or made there with mode 0600. The error names the file.
base::Result<pbx::TokenKeys> load_token_keys(const Config& config);

// What a start would find wrong with the public key; makes nothing.
base::Status check_token_keys(const Config& config);

struct TokenRequest {
  std::string line, name, room;
  std::chrono::seconds expires{3600};
  std::vector<std::string> may;            // empty: message and call_internal
};
// Writes the token and a line break. kMalformed: no such line, no such privilege.
base::Status run_token_command(const Config& config, const TokenRequest& request, std::ostream& out);

// The lines for the PBX; "Webphone1", open, where guests are allowed and none is configured.
std::vector<WebphoneLineSettings> webphone_lines(const Config& config);

}  // namespace app
