#include <charconv>
#include <concepts>

#include "sdp/description.hpp"

namespace sdp {

std::string_view to_string(Direction d) {
  switch (d) {
    case Direction::kSendRecv: return "sendrecv";
    case Direction::kSendOnly: return "sendonly";
    case Direction::kRecvOnly: return "recvonly";
    case Direction::kInactive: return "inactive";
  }
  return "inactive";
}

namespace {

std::string_view to_string(Setup setup) {
  switch (setup) {
    case Setup::kActive: return "active";
    case Setup::kPassive: return "passive";
    case Setup::kActpass: return "actpass";
    case Setup::kHoldconn: return "holdconn";
  }
  return "holdconn";
}

class Writer {
 public:
  // One line of pieces, of text or numbers.
  template <typename... Pieces>
  void line(const Pieces&... pieces) {
    (put(pieces), ...);
    end();
  }
  void put(std::string_view text) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') text_ += c;
    }
  }
  template <std::unsigned_integral Number>
  void put(Number number) {
    char digits[20];
    const auto [last, error] = std::to_chars(digits, digits + sizeof digits, number);
    text_.append(digits, last);
  }
  void put(char c) { put(std::string_view(&c, 1)); }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const char* text) { put(std::string_view(text)); }
  void put(const Connection& c) {
    put(c.net_type), put(" "), put(c.address_type), put(" "), put(c.address);
  }
  void end() { text_ += "\r\n"; }
  void optional(std::string_view name, const std::string& value) {
    if (!value.empty()) line("a=", name, ":", value);
  }
  void flag(std::string_view name, bool set) {
    if (set) line("a=", name);
  }
  void attribute(const Attribute& a) {
    put(a.name);
    if (a.value) put(":"), put(*a.value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_bandwidths(Writer& out, const Attributes& level) {
  for (const auto& b : level.bandwidths) out.line("b=", b.type, ":", b.value);
}

void write_transport(Writer& out, const Attributes& level) {
  out.optional("ice-ufrag", level.ice_ufrag);
  out.optional("ice-pwd", level.ice_pwd);
  out.optional("ice-options", level.ice_options);
  for (const auto& f : level.fingerprints) out.line("a=fingerprint:", f.hash, " ", f.value);
  if (level.setup) out.line("a=setup:", to_string(*level.setup));
  out.optional("tls-id", level.tls_id);
}

void write_extensions(Writer& out, const Attributes& level) {
  out.flag("extmap-allow-mixed", level.extmap_allow_mixed);
  for (const auto& e : level.extmaps) {
    out.put("a=extmap:");
    out.put(e.id);
    if (e.direction) out.put("/"), out.put(sdp::to_string(*e.direction));
    out.put(" "), out.put(e.uri);
    if (!e.attributes.empty()) out.put(" "), out.put(e.attributes);
    out.end();
  }
  if (level.direction) out.line("a=", sdp::to_string(*level.direction));
}

void write_other(Writer& out, const Attributes& level) {
  for (const auto& a : level.other) {
    out.put("a=");
    out.attribute(a);
    out.end();
  }
}

void write_candidate(Writer& out, const Candidate& c) {
  out.put("a=candidate:"), out.put(c.foundation), out.put(" "), out.put(c.component);
  out.put(" "), out.put(c.transport), out.put(" "), out.put(c.priority);
  out.put(" "), out.put(c.address), out.put(" "), out.put(c.port);
  out.put(" typ "), out.put(c.type);
  if (!c.related_address.empty()) out.put(" raddr "), out.put(c.related_address);
  if (c.related_port) out.put(" rport "), out.put(*c.related_port);
  if (!c.tcp_type.empty()) out.put(" tcptype "), out.put(c.tcp_type);
  if (!c.extensions.empty()) out.put(" "), out.put(c.extensions);
  out.end();
}

void write_formats(Writer& out, const Media& m) {
  for (const auto& r : m.rtpmaps) {
    out.put("a=rtpmap:"), out.put(r.payload_type), out.put(" "), out.put(r.name), out.put("/"), out.put(r.clock_rate);
    if (r.channels > 1) out.put("/"), out.put(r.channels);
    out.end();
  }
  for (const auto& f : m.feedback) {
    out.put("a=rtcp-fb:");
    if (f.payload_type) {
      out.put(*f.payload_type);
    } else {
      out.put("*");
    }
    out.line(" ", f.value);
  }
  for (const auto& f : m.fmtps) out.line("a=fmtp:", f.payload_type, " ", f.parameters);
  for (const auto& r : m.rids) {
    out.put("a=rid:"), out.put(r.id), out.put(r.send ? " send" : " recv");
    if (!r.parameters.empty()) out.put(" "), out.put(r.parameters);
    out.end();
  }
  out.optional("simulcast", m.simulcast);
  if (m.ptime) out.line("a=ptime:", *m.ptime);
  if (m.maxptime) out.line("a=maxptime:", *m.maxptime);
}

void write_streams(Writer& out, const Media& m) {
  for (const auto& msid : m.msids) {
    out.put("a=msid:"), out.put(msid.stream);
    if (!msid.track.empty()) out.put(" "), out.put(msid.track);
    out.end();
  }
  out.optional("label", m.label);
  out.optional("content", m.content);
  for (const auto& group : m.ssrc_groups) {
    out.put("a=ssrc-group:"), out.put(group.semantics);
    for (const auto ssrc : group.ssrcs) out.put(" "), out.put(ssrc);
    out.end();
  }
  for (const auto& s : m.ssrcs) {
    out.put("a=ssrc:"), out.put(s.ssrc), out.put(" ");
    out.attribute(s.attribute);
    out.end();
  }
}

void write_media(Writer& out, const Media& m) {
  out.put("m="), out.put(m.media), out.put(" "), out.put(m.port);
  if (m.port_count) out.put("/"), out.put(*m.port_count);
  out.put(" "), out.put(m.protocol);
  for (const auto& format : m.formats) out.put(" "), out.put(format);
  out.end();
  for (const auto& l : m.lines) out.line(l.type, "=", l.value);
  for (const auto& c : m.connections) out.line("c=", c);
  write_bandwidths(out, m);
  if (m.rtcp) {
    out.put("a=rtcp:"), out.put(m.rtcp->port);
    if (m.rtcp->connection) out.put(" "), out.put(*m.rtcp->connection);
    out.end();
  }
  for (const auto& c : m.candidates) write_candidate(out, c);
  out.flag("end-of-candidates", m.end_of_candidates);
  write_transport(out, m);
  out.optional("mid", m.mid);
  out.flag("bundle-only", m.bundle_only);
  write_extensions(out, m);
  out.flag("rtcp-mux", m.rtcp_mux);
  out.flag("rtcp-rsize", m.rtcp_rsize);
  for (const auto& crypto : m.cryptos) out.line("a=crypto:", crypto);
  write_formats(out, m);
  write_streams(out, m);
  write_other(out, m);
}

}  // namespace

std::string write(const Description& d) {
  Writer out;
  out.line("v=0");
  const auto& o = d.origin;
  out.line("o=", o.username, " ", o.session_id, " ", o.version, " ", o.net_type, " ", o.address_type, " ", o.address);
  out.line("s=", d.session_name.empty() ? std::string("-") : d.session_name);
  for (const auto& l : d.lines) out.line(l.type, "=", l.value);
  if (d.connection) out.line("c=", *d.connection);
  write_bandwidths(out, d);
  for (const auto& l : d.times) out.line(l.type, "=", l.value);
  out.flag("ice-lite", d.ice_lite);
  for (const auto& group : d.groups) {
    out.put("a=group:"), out.put(group.semantics);
    for (const auto& mid : group.mids) out.put(" "), out.put(mid);
    out.end();
  }
  write_transport(out, d);
  write_extensions(out, d);
  write_other(out, d);
  for (const auto& m : d.media) write_media(out, m);
  return out.take();
}

}  // namespace sdp
