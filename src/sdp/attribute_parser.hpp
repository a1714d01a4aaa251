// The typed attributes of description.hpp, from text. Internal to this folder.
#pragma once

#include <optional>
#include <string_view>

#include "sdp/description.hpp"

namespace sdp {

// True when the attribute was understood, or is a duplicate of one that was and may be dropped. False leaves `out` as
// it was.
bool parse_session_attribute(std::string_view name, std::optional<std::string_view> value, Description& out);
bool parse_media_attribute(std::string_view name, std::optional<std::string_view> value, Media& out);

// "candidate:" or "a=candidate:" in front is allowed.
std::optional<Candidate> parse_candidate(std::string_view text);

}  // namespace sdp
