// Call records: who spoke to whom, when, and how it ended. One for each call and for each time that a room was in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace store {

enum class CallKind { kCall = 0, kRoom = 1, kQueue = 2 };   // kQueue: from its start to its answer the caller waited

struct CallLeg {
  std::string participant, account;             // account empty: a guest or a trunk
  std::string uri, display_name;
  base::WallTime start;
  std::optional<base::WallTime> answer, end;
  int status = 0;                               // the SIP status that ended it, 0: none
  std::string cause;
  friend bool operator==(const CallLeg&, const CallLeg&) = default;
};

struct CallRecord {
  std::uint64_t number = 0;                     // given by the store, grows
  std::string id;                               // the call's own; a record of the same id takes the place of the old one
  CallKind kind = CallKind::kCall;
  std::string from_uri, from_display, to_uri;
  base::WallTime start;
  std::optional<base::WallTime> answer, end;    // no end: under way, or cut off by the end of the program
  int status = 0;
  std::string cause;
  std::vector<CallLeg> legs;                    // at most kMaxCallLegs
  friend bool operator==(const CallRecord&, const CallRecord&) = default;
};

constexpr std::size_t kMaxCallLegs = 5000;

// Empty fields let everything pass.
struct CallFilter {
  std::string account;                          // that has a leg in it
  std::optional<CallKind> kind;
  std::optional<base::WallTime> from, until;    // of its start; `until` exclusive
  std::optional<std::uint64_t> before;          // the `next` of the page before
  std::size_t limit = 50;                       // at most kMaxPage of history.hpp
};

struct CallPage {
  std::vector<CallRecord> records;              // the newest first
  std::optional<std::uint64_t> next;            // empty: there is no more
};

}  // namespace store
