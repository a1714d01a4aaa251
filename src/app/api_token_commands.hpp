// `parley api-token ...`: keys to the REST API, in the store; and the first of them, which a server makes for itself.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"

namespace app {

enum class ApiTokenAction { kAdd, kRemove, kList };

struct ApiTokenRequest {
  ApiTokenAction action = ApiTokenAction::kList;
  std::string name;                        // kAdd: what it is for
  std::string id;                          // kRemove
  std::vector<std::string> scopes;         // kAdd
};

// A running server sees it within a second. kMalformed: the name or a scope; else as the Store says.
base::Status run_api_token_command(const Config& config, const ApiTokenRequest& request, std::ostream& out);

// The first start: where the store has no token for everything, one is made, and kept in DATA/admin-token (mode 0600).
// A file that is there already is left as it is, and so is its token.
base::Status ensure_admin_token(const Config& config);
std::string admin_token_file(const Config& config);

}  // namespace app
