// `parley dial-plan test`: which rule would take a call and why, without a running server.
#pragma once

#include <iosfwd>
#include <string>

#include "app/config.hpp"
#include "base/result.hpp"

namespace app {

struct DialPlanRequest {
  std::string from;                        // an account, "guest", "line:NAME", "trunk:NAME", "api"
  std::string to;
  std::string at;                          // "2026-01-02 03:04" in the plan's time zone; "": now
  bool external = false;                   // a line's client has the privilege of external calls
};

// Writes a line for each rule and a sentence; true where the call leads somewhere. kMalformed: what is asked can't be, as a
// caller or trunk that there is not; else as the Store says.
base::Result<bool> run_dial_plan_test(const Config& config, const DialPlanRequest& request, std::ostream& out);

}  // namespace app
