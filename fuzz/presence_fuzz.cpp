// PIDF from strangers: what is read and written is read as the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pbx/presence_xml.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto state = pbx::read_pidf(text)) {
    require(state->note.size() <= 4 * 200 && state->note.find('\n') == std::string::npos);
    const auto again = pbx::read_pidf(pbx::write_pidf("sip:alice@parley.example", *state));
    require(again.has_value() && *again == *state);
  }
  // Whatever a name or a URI is, it stays text.
  const auto info = pbx::write_dialog_info(text, 1, {{.id = "call1", .initiator = true, .state = pbx::DialogState::State::kEarly,
                                                      .remote_uri = std::string(text), .remote_display = std::string(text)}});
  require(info.find("<script") == std::string::npos && info.find("<!") == std::string::npos);
  require(pbx::escape_xml(text).find_first_of("<>\"'") == std::string::npos);
  return 0;
}
