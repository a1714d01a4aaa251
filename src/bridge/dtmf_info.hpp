// Digits by INFO: "Signal=5\r\nDuration=160" (application/dtmf-relay), or the digit alone (application/dtmf). No RFC; what phones do.
#pragma once

#include "sip/message.hpp"

namespace bridge {

struct DtmfInfo {
  char digit = 0;          // 0-9 * # A-D; 0: it is not about digits, or about none (a flash)
  bool malformed = false;
};
DtmfInfo read_dtmf_info(const sip::Message& info);

}  // namespace bridge
