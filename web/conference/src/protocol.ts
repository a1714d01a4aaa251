// Names on the wire that the page and the server agree on (docs: Enhanced Messaging).

export const kEventType = "application/x-asterisk-confbridge-event+json";
export const kChatType = "text/plain;charset=utf-8";
export const kAppChatType = "application/x-myphone-confbridge-chat+json";
export const kHandType = "application/x-parley-hand+json";
export const kMuteType = "application/x-parley-mute+json";
export const kCameraType = "application/x-parley-camera+json";
export const kNoticeType = "application/vnd.parley.notice+json";

export const kParticipantHeader = "Parley-Participant";
export const kResumeHeader = "Parley-Resume";
export const kSequenceHeader = "Parley-Sequence";
export const kMessageIdHeader = "Parley-Message-ID";

export const kLargestMessage = 64 * 1024;  // bytes, the server's default limit

// The media type alone, in lower case, without its parameters.
export function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
