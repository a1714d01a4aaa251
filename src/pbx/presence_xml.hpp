// The XML of presence: PIDF (RFC 3863, with RFC 4479 and 4480's person and activities) and dialog-info (RFC 4235). Written with
// everything escaped; read as hostile: no DTD and so no entities, depth and size limited (survival item 20).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pbx {

// Of one presentity. What is published and what the server knows, in the same form.
struct PresenceState {
  bool open = false;
  bool on_the_phone = false;
  std::string note;                      // cleaned
  std::string activity;                  // an element's name of RFC 4480 ("away", "busy" ...), "" : none
  friend bool operator==(const PresenceState&, const PresenceState&) = default;
};

std::string write_pidf(std::string_view entity, const PresenceState& state);
// What somebody published: of several tuples open counts. kMalformed, kTooLarge (over 16 KiB or 20 deep), kUnsupported (a DTD).
base::Result<PresenceState> read_pidf(std::string_view xml);

struct DialogState {
  std::string id;
  bool initiator = false;
  enum class State { kTrying, kEarly, kConfirmed, kTerminated } state = State::kTrying;
  std::string remote_uri, remote_display;        // "" : not said
  friend bool operator==(const DialogState&, const DialogState&) = default;
};
std::string write_dialog_info(std::string_view entity, unsigned version, const std::vector<DialogState>& dialogs);

// Text and attribute values; what XML 1.0 can't hold at all is left out.
std::string escape_xml(std::string_view text);

}  // namespace pbx
