#include "runtime/sdes_srtp.hpp"

#include <algorithm>

namespace runtime {
namespace {

webrtc::SrtpProfile profile_of(sdp::SrtpSuite suite) {
  switch (suite) {
    case sdp::SrtpSuite::kAeadAes256Gcm: return webrtc::SrtpProfile::kAeadAes256Gcm;
    case sdp::SrtpSuite::kAesCm128HmacSha1_80: return webrtc::SrtpProfile::kAes128CmHmacSha1_80;
    case sdp::SrtpSuite::kAesCm128HmacSha1_32: return webrtc::SrtpProfile::kAes128CmHmacSha1_32;
    case sdp::SrtpSuite::kAeadAes128Gcm: break;
  }
  return webrtc::SrtpProfile::kAeadAes128Gcm;
}

void renew(webrtc::SrtpSession& session, sdp::SrtpKey& held, const sdp::SrtpKey& key, webrtc::SrtpDirection direction) {
  if (session && held == key) return;
  held = key;
  webrtc::SrtpKey opened;
  opened.profile = profile_of(key.suite);
  static_assert(sizeof opened.bytes == sizeof key.bytes);
  std::ranges::copy(key.bytes, opened.bytes.begin());
  // One that doesn't open takes and gives nothing.
  static_cast<void>(session.open(opened, direction));
}

}  // namespace

void SdesSrtp::configure(const sdp::Sdes& keys) {
  renew(inbound_, remote_, keys.remote, webrtc::SrtpDirection::kInbound);
  renew(outbound_, local_, keys.local, webrtc::SrtpDirection::kOutbound);
}

}  // namespace runtime
