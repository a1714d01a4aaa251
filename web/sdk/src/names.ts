// Names on the wire, as the server knows them.

export const kRosterEvent = "parley-roster";
export const kRosterType = "application/vnd.parley.roster+json";
export const kSessionsEvent = "parley-sessions";
export const kSessionsType = "application/vnd.parley.sessions+json";
export const kCallType = "application/vnd.parley.call+json";
export const kQueueType = "application/vnd.parley.queue+json";
export const kDeliveryType = "application/vnd.parley.delivery+json";
export const kRoomEventType = "application/x-asterisk-confbridge-event+json";

export const kResumeHeader = "Parley-Resume";
export const kParticipantHeader = "Parley-Participant";
export const kSequenceHeader = "Parley-Sequence";
export const kMessageIdHeader = "Parley-Message-ID";
export const kToHeader = "Parley-To";
export const kReportHeader = "Parley-Report";
export const kRepeatHeader = "Parley-Client-Message";
export const kListenHeader = "Parley-Listen";
export const kIdentityHeader = "P-Asserted-Identity";

// JsSIP leaves it out of its answers, and a server that does not read it there sends no UPDATE.
export const kAllow = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, MESSAGE, OPTIONS, REFER, INFO, NOTIFY";
export const kAccept = `Accept: application/sdp, text/*, ${kCallType}, ${kQueueType}, ${kRoomEventType}`;
