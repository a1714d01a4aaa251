// The running server: binds what the configuration says, serves until SIGTERM or SIGINT.
#pragma once

#include "app/config.hpp"

namespace app {

// The main thread. The exit status: 0 after an orderly end; 2 when the configuration can't be served (a port in use, a
// certificate that is wrong ...), which one line on standard error says; 1 for anything else.
int serve(const Config& config);

}  // namespace app
