#include "sdp/codec.hpp"

#include <algorithm>
#include <array>
#include <bitset>

#include "base/text.hpp"
#include "sdp/tokens.hpp"

namespace sdp {
namespace {

using base::equals_ignoring_case;

enum class H264Profile { kConstrainedBaseline, kBaseline, kMain, kHigh, kOther };

// RFC 6184 section 8.1, table 5. Without the parameter it is Baseline.
H264Profile h264_profile(std::string_view fmtp) {
  const auto text = fmtp_parameter(fmtp, "profile-level-id");
  if (text.empty()) return H264Profile::kBaseline;
  const auto bytes = base::from_hex(text);
  if (!bytes || bytes->size() != 3) return H264Profile::kOther;
  const unsigned idc = (*bytes)[0], constraints = (*bytes)[1];
  if (idc == 0x42) return constraints & 0x40 ? H264Profile::kConstrainedBaseline : H264Profile::kBaseline;
  if (idc == 0x4d) return constraints & 0x80 ? H264Profile::kConstrainedBaseline : H264Profile::kMain;
  if (idc == 0x58) return (constraints & 0xc0) == 0xc0 ? H264Profile::kConstrainedBaseline : H264Profile::kOther;
  return idc == 0x64 ? H264Profile::kHigh : H264Profile::kOther;
}

std::string_view parameter_or(std::string_view fmtp, std::string_view name, std::string_view fallback) {
  const auto value = fmtp_parameter(fmtp, name);
  return value.empty() ? fallback : value;
}
std::string_view packetization_mode(std::string_view fmtp) { return parameter_or(fmtp, "packetization-mode", "0"); }

void static_codec(std::uint8_t pt, Codec& out) {
  const auto set = [&](std::string_view name, std::uint32_t clock) { out.name = name, out.clock_rate = clock; };
  switch (pt) {   // RFC 3551 section 6
    case 0: return set("PCMU", 8000);
    case 3: return set("GSM", 8000);
    case 8: return set("PCMA", 8000);
    case 9: return set("G722", 8000);
    case 13: return set("CN", 8000);
    case 18: return set("G729", 8000);
    default: return;
  }
}

void add_feedback(std::string_view value, Feedback& out) {
  if (value == "nack") out.nack = true;
  if (value == "nack pli") out.nack_pli = true;
  if (value == "ccm fir") out.ccm_fir = true;
  if (value == "transport-cc") out.transport_cc = true;
  if (value == "goog-remb") out.goog_remb = true;
}

Feedback unite(const Feedback& a, const Feedback& b) {
  return {a.nack || b.nack, a.nack_pli || b.nack_pli, a.ccm_fir || b.ccm_fir, a.transport_cc || b.transport_cc,
          a.goog_remb || b.goog_remb};
}

bool auxiliary(std::string_view name) {
  return std::ranges::any_of(std::array{"rtx", "red", "ulpfec", "flexfec", "flexfec-03", "CN"},
                             [&](std::string_view n) { return equals_ignoring_case(name, n); });
}

// Higher is better; below zero it doesn't fit.
int rank(const Codec& c, std::string_view name) {
  if (!equals_ignoring_case(c.name, name)) return -1;
  const auto known = known_codec(name);
  if (known && (c.clock_rate != known->clock_rate || c.channels != known->channels)) return -1;
  if (equals_ignoring_case(name, "H264")) {
    const auto profile = h264_profile(c.fmtp);
    const int by_profile = profile == H264Profile::kConstrainedBaseline ? 3
                           : profile == H264Profile::kBaseline          ? 2
                           : profile == H264Profile::kMain              ? 1
                                                                        : 0;
    return by_profile + (packetization_mode(c.fmtp) == "1" ? 4 : 0);
  }
  if (equals_ignoring_case(name, "VP9")) return parameter_or(c.fmtp, "profile-id", "0") == "0" ? 1 : 0;
  if (equals_ignoring_case(name, "AV1")) return parameter_or(c.fmtp, "profile", "0") == "0" ? 1 : 0;
  return 0;
}

}  // namespace

Feedback intersect(const Feedback& a, const Feedback& b) {
  return {a.nack && b.nack, a.nack_pli && b.nack_pli, a.ccm_fir && b.ccm_fir, a.transport_cc && b.transport_cc,
          a.goog_remb && b.goog_remb};
}

std::string_view fmtp_parameter(std::string_view fmtp, std::string_view name) {
  while (!fmtp.empty()) {
    const auto end = fmtp.find(';');
    const auto part = base::trim(fmtp.substr(0, end));
    fmtp = end == fmtp.npos ? std::string_view{} : fmtp.substr(end + 1);
    const auto equals = part.find('=');
    if (equals == part.npos) continue;
    if (equals_ignoring_case(base::trim(part.substr(0, equals)), name)) return base::trim(part.substr(equals + 1));
  }
  return {};
}

CodecList list_codecs(const Media& media) {
  std::array<Codec, 128> table;
  for (const auto& r : media.rtpmaps) {
    Codec& c = table[r.payload_type];
    if (c.clock_rate != 0) continue;   // a duplicate: the first counts
    c.name = r.name, c.clock_rate = r.clock_rate, c.channels = r.channels;
  }
  for (const auto& f : media.fmtps) {
    if (table[f.payload_type].fmtp.empty()) table[f.payload_type].fmtp = f.parameters;
  }
  Feedback for_all;
  for (const auto& f : media.feedback) {
    add_feedback(f.value, f.payload_type ? table[*f.payload_type].feedback : for_all);
  }
  CodecList list;
  std::bitset<128> listed;
  for (const auto& format : media.formats) {
    const auto pt = parse_number<std::uint8_t>(format);
    if (!pt || *pt >= 128 || listed[*pt]) continue;
    listed.set(*pt);
    list.payload_types.push_back(*pt);
    Codec& c = table[*pt];
    c.payload_type = c.receive_payload_type = *pt;
    if (c.clock_rate == 0) static_codec(*pt, c);
  }
  for (const auto pt : list.payload_types) {
    const Codec& rtx = table[pt];
    if (!equals_ignoring_case(rtx.name, "rtx")) continue;
    const auto apt = parse_number<std::uint8_t>(fmtp_parameter(rtx.fmtp, "apt"));
    if (!apt || *apt >= 128 || !listed[*apt] || table[*apt].rtx_payload_type) continue;
    table[*apt].rtx_payload_type = table[*apt].rtx_receive_payload_type = pt;
  }
  for (const auto pt : list.payload_types) {
    Codec& c = table[pt];
    if (c.clock_rate == 0 || auxiliary(c.name)) continue;
    c.feedback = unite(c.feedback, for_all);
    auto& to = equals_ignoring_case(c.name, "telephone-event") ? list.telephone_events : list.codecs;
    to.push_back(std::move(c));
  }
  return list;
}

bool same_codec(const Codec& a, const Codec& b) {
  if (!equals_ignoring_case(a.name, b.name) || a.clock_rate != b.clock_rate || a.channels != b.channels) return false;
  if (equals_ignoring_case(a.name, "H264")) {
    return h264_profile(a.fmtp) == h264_profile(b.fmtp) && packetization_mode(a.fmtp) == packetization_mode(b.fmtp);
  }
  if (equals_ignoring_case(a.name, "VP9")) {
    return parameter_or(a.fmtp, "profile-id", "0") == parameter_or(b.fmtp, "profile-id", "0");
  }
  if (equals_ignoring_case(a.name, "AV1")) {
    return parameter_or(a.fmtp, "profile", "0") == parameter_or(b.fmtp, "profile", "0");
  }
  return true;
}

bool decodes(const Codec& decoder, std::string_view name, std::string_view fmtp) {
  if (!equals_ignoring_case(decoder.name, name)) return false;
  if (equals_ignoring_case(name, "H264")) {
    if (packetization_mode(fmtp) == "1" && packetization_mode(decoder.fmtp) != "1") return false;
    const auto sent = h264_profile(fmtp), decoded = h264_profile(decoder.fmtp);
    // Constrained Baseline is a part of all the others.
    return sent == decoded || (sent == H264Profile::kConstrainedBaseline && decoded != H264Profile::kOther);
  }
  if (equals_ignoring_case(name, "VP9")) {
    return parameter_or(decoder.fmtp, "profile-id", "0") == parameter_or(fmtp, "profile-id", "0");
  }
  if (equals_ignoring_case(name, "AV1")) {
    return parameter_or(decoder.fmtp, "profile", "0") == parameter_or(fmtp, "profile", "0");
  }
  return true;
}

const Codec* find_best(const std::vector<Codec>& offered, std::string_view name) {
  const Codec* best = nullptr;
  int best_rank = -1;
  for (const auto& c : offered) {
    if (const int r = rank(c, name); r > best_rank) best = &c, best_rank = r;
  }
  return best;
}

std::optional<Codec> known_codec(std::string_view name) {
  struct Known {
    std::string_view name;
    std::uint32_t clock_rate;
    std::uint8_t channels;
    std::uint8_t payload_type;
    std::string_view fmtp;
  };
  static constexpr Known kTable[] = {
      {"opus", 48000, 2, 0, "minptime=10;useinbandfec=1"},
      {"PCMU", 8000, 1, 0, ""},
      {"PCMA", 8000, 1, 8, ""},
      {"G722", 8000, 1, 9, ""},
      {"VP8", 90000, 1, 0, ""},
      {"VP9", 90000, 1, 0, "profile-id=0"},
      {"H264", 90000, 1, 0, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
      {"AV1", 90000, 1, 0, "level-idx=5;profile=0;tier=0"},
  };
  for (const auto& k : kTable) {
    if (!equals_ignoring_case(k.name, name)) continue;
    Codec c;
    c.name = k.name, c.clock_rate = k.clock_rate, c.channels = k.channels, c.fmtp = k.fmtp;
    c.payload_type = c.receive_payload_type = k.payload_type;
    return c;
  }
  return std::nullopt;
}

}  // namespace sdp
