#include "pbx/presence_xml.hpp"

#include <expat.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.hpp"

namespace pbx {
namespace {

constexpr std::size_t kMaxXml = 16 * 1024;
constexpr int kMaxDepth = 20;
constexpr std::size_t kMaxText = 1024;             // bytes of one element that we look at
constexpr std::size_t kMaxNote = 200;              // characters

constexpr std::string_view kPidf = "urn:ietf:params:xml:ns:pidf";
constexpr std::string_view kPerson = "urn:ietf:params:xml:ns:pidf:data-model";
constexpr std::string_view kRpid = "urn:ietf:params:xml:ns:pidf:rpid";

constexpr std::array<std::string_view, 16> kActivities = {"appointment", "away",   "breakfast", "busy",         "dinner",  "holiday",           "in-transit", "lunch",
                                                          "meal",        "meeting", "on-the-phone", "performance", "sleeping", "steering", "vacation",   "working"};

// One parse: which elements we are in, and what was found.
struct Reading {
  XML_Parser parser = nullptr;
  int depth = 0;
  std::string text;
  bool root = false, in_status = false, open = false, basic_seen = false;
  std::string note, activity;
  base::ErrorCode wrong = base::ErrorCode::kMalformed;

  void stop(base::ErrorCode why) {
    wrong = why;
    XML_StopParser(parser, XML_FALSE);
  }
};

// "namespace|name" into its two.
std::pair<std::string_view, std::string_view> split(const XML_Char* name) {
  const std::string_view all(name);
  const auto bar = all.rfind('|');
  return bar == all.npos ? std::pair{std::string_view{}, all} : std::pair{all.substr(0, bar), all.substr(bar + 1)};
}

void XMLCALL on_start(void* user, const XML_Char* name, const XML_Char**) {
  auto& r = *static_cast<Reading*>(user);
  const auto [space, local] = split(name);
  if (++r.depth > kMaxDepth) return r.stop(base::ErrorCode::kTooLarge);
  if (r.depth == 1) {
    r.root = space == kPidf && local == "presence";
    if (!r.root) return r.stop(base::ErrorCode::kMalformed);
  }
  if (space == kPidf && local == "status") r.in_status = true;
  if (space == kRpid && r.activity.empty() && std::find(kActivities.begin(), kActivities.end(), local) != kActivities.end()) r.activity = local;
  r.text.clear();
}

void XMLCALL on_end(void* user, const XML_Char* name) {
  auto& r = *static_cast<Reading*>(user);
  const auto [space, local] = split(name);
  --r.depth;
  if (space == kPidf && local == "status") r.in_status = false;
  if (space == kPidf && local == "basic" && r.in_status) {
    r.basic_seen = true;
    r.open |= base::trim(r.text) == "open";
  }
  if (local == "note" && (space == kPidf || space == kPerson || space == kRpid) && r.note.empty()) r.note = base::clean_display_name(r.text, kMaxNote);
  r.text.clear();
}

void XMLCALL on_text(void* user, const XML_Char* text, int length) {
  auto& r = *static_cast<Reading*>(user);
  const auto room = kMaxText - std::min(kMaxText, r.text.size());
  r.text.append(text, std::min(room, static_cast<std::size_t>(length)));
}

void XMLCALL on_doctype(void* user, const XML_Char*, const XML_Char*, const XML_Char*, int) {
  static_cast<Reading*>(user)->stop(base::ErrorCode::kUnsupported);
}

std::string_view state_name(DialogState::State state) {
  switch (state) {
    case DialogState::State::kTrying: return "trying";
    case DialogState::State::kEarly: return "early";
    case DialogState::State::kConfirmed: return "confirmed";
    case DialogState::State::kTerminated: return "terminated";
  }
  return "terminated";
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&apos;"; break;
      case '\n': case '\r': case '\t': out += ' '; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  }
  return out;
}

std::string write_pidf(std::string_view entity, const PresenceState& state) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
                    "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"" + escape_xml(entity) + "\">\n";
  out.append("<tuple id=\"parley\"><status><basic>").append(state.open ? "open" : "closed").append("</basic></status>");
  out.append("<contact>").append(escape_xml(entity)).append("</contact>");
  if (!state.note.empty()) out.append("<note>").append(escape_xml(state.note)).append("</note>");
  out.append("</tuple>\n");
  if (state.on_the_phone || !state.activity.empty()) {
    out.append("<dm:person id=\"person\"><rpid:activities>");
    if (state.on_the_phone) out.append("<rpid:on-the-phone/>");
    if (!state.activity.empty() && !(state.on_the_phone && state.activity == "on-the-phone")) out.append("<rpid:").append(state.activity).append("/>");
    out.append("</rpid:activities>");
    if (!state.note.empty()) out.append("<dm:note>").append(escape_xml(state.note)).append("</dm:note>");
    out.append("</dm:person>\n");
  }
  return out.append("</presence>\n");
}

base::Result<PresenceState> read_pidf(std::string_view xml) {
  if (xml.size() > kMaxXml) return base::fail(base::ErrorCode::kTooLarge, "document");
  // UTF-8 whatever it says of itself: other encodings would need tables, and are not what PIDF is sent in.
  const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreateNS("UTF-8", '|'), &XML_ParserFree);
  if (!parser) return base::fail(base::ErrorCode::kUnavailable);
  Reading reading{.parser = parser.get()};
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), &on_start, &on_end);
  XML_SetCharacterDataHandler(parser.get(), &on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), &on_doctype);
  if (XML_Parse(parser.get(), xml.data(), static_cast<int>(xml.size()), XML_TRUE) != XML_STATUS_OK) return base::fail(reading.wrong, "PIDF");
  return PresenceState{.open = reading.open || !reading.basic_seen, .on_the_phone = false, .note = reading.note, .activity = reading.activity};
}

std::string write_dialog_info(std::string_view entity, unsigned version, const std::vector<DialogState>& dialogs) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"";
  out.append(std::to_string(version)).append("\" state=\"full\" entity=\"").append(escape_xml(entity)).append("\">\n");
  for (const auto& d : dialogs) {
    out.append("<dialog id=\"").append(escape_xml(d.id)).append("\" direction=\"").append(d.initiator ? "initiator" : "recipient").append("\">");
    out.append("<state>").append(state_name(d.state)).append("</state>");
    out.append("<local><identity>").append(escape_xml(entity)).append("</identity></local>");
    if (!d.remote_uri.empty()) {
      out.append("<remote><identity");
      if (!d.remote_display.empty()) out.append(" display=\"").append(escape_xml(d.remote_display)).append("\"");
      out.append(">").append(escape_xml(d.remote_uri)).append("</identity></remote>");
    }
    out.append("</dialog>\n");
  }
  return out.append("</dialog-info>\n");
}

}  // namespace pbx
