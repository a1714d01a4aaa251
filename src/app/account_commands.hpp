// `parley account ...`: accounts in the store, without a running server.
#pragma once

#include <iosfwd>
#include <string>

#include "app/config.hpp"
#include "base/result.hpp"

namespace app {

enum class AccountAction { kAdd, kRemove, kPassword, kDisplayName, kList };

struct AccountRequest {
  AccountAction action = AccountAction::kList;
  std::string name, display_name, password;
};

// The first line of `in`. kMalformed: empty, longer than 1024 bytes, or nothing there.
base::Result<std::string> read_password(std::istream& in);

// kMalformed: the name or the display name; else as the Store says.
base::Status run_account_command(const Config& config, const AccountRequest& request, std::ostream& out);

}  // namespace app
