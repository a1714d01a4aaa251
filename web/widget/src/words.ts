// What the widget says, in English and German. Pure.

import type { ErrorCode } from "../../sdk/src/index.ts";
import { formatBytes } from "../../shared/text.ts";
import { kLargestMessage } from "../../livechat/src/types.ts";
import type { ComposeWords } from "../../livechat/src/views/compose.tsx";
import type { MessageWords } from "../../livechat/src/views/messages.tsx";
import { type ChatWords, isolated, sendError } from "../../livechat/src/words.ts";

export interface Words {
  title: string; intro: string; name: string; namePlaceholder: string; message: string; messagePlaceholder: string; start: string; connecting: string;
  visitor: string; agent: string;
  waiting(position: number): string; waitingAnywhere: string; waitingHint: string;
  here(name: string): string; transfer(to: string): string; left(name: string): string; youEnded: string; nobodyCould: string; cutOff: string; restarted: string;
  nobody: string; full: string; unreachable: string; notSetUp: string; passwordLine: string;
  end: string; minimize: string; close: string; again: string;
  talk: string; mute: string; unmute: string; textAlone: string; asking: string; hears(name: string): string; talkToo: string; held: string; goOn: string; insecure: string;
  reconnecting: string; online: string; writing(name: string): string; lost: string; notConfirmed: string;
  chat: ChatWords; messages: MessageWords; compose: ComposeWords;
}

// Notices are the widget's own affair: it knows of queues and agents.
const silent = { began: () => null, ended: () => null };

const en: Words = {
  title: "Chat with us", intro: "Write to us: somebody will answer you here.",
  name: "Your name", namePlaceholder: "You may leave it empty", message: "Your message", messagePlaceholder: "How can we help?", start: "Start the chat", connecting: "Connecting…",
  visitor: "Visitor", agent: "Somebody of our team",
  waiting: (position) => (position === 1 ? "You are next" : `You are number ${position}`), waitingAnywhere: "Please wait a moment",
  waitingHint: "Somebody will be with you as soon as possible. You can go on writing meanwhile.",
  here: (name) => `${isolated(name)} is here.`, transfer: (to) => (to === "" ? "You are being put through…" : `You are being put through to ${isolated(to)}…`),
  left: (name) => `${isolated(name)} has ended the chat.`, youEnded: "You ended the chat.",
  nobodyCould: "Nobody could take your chat, we are sorry. Please try again later.", cutOff: "The chat was cut off: the connection was lost.",
  restarted: "The chat was cut off: our server is being restarted. In a moment you can start a new one; what you have not sent yet is kept.",
  nobody: "Nobody is here to chat right now. Please try again later.", full: "A lot of people are waiting at the moment. Please try again in a few minutes.",
  unreachable: "The chat can't be reached right now. Check your connection, or try again in a moment.", notSetUp: "This chat isn't ready yet. Please try another way to reach us.",
  passwordLine: "This chat isn't open to everybody.",
  end: "End the chat", minimize: "Close the window; the chat goes on", close: "Close", again: "Start a new chat",
  talk: "Talk", mute: "Mute", unmute: "Unmute", textAlone: "Stop talking, go on by text", asking: "Your browser asks whether this page may use your microphone. You can go on writing meanwhile.",
  hears: (name) => `You hear ${isolated(name)}. Your microphone is off.`, talkToo: "Talk too", held: "The call is on hold. You can go on writing.", goOn: "You can go on by text.",
  insecure: "Voice works only on pages served over https://.",
  reconnecting: "Reconnecting…", online: "Online", writing: (name) => `${isolated(name)} is writing…`, lost: "The connection was lost. Reconnecting… What you write is kept and sent then.",
  notConfirmed: "The page was left before this was confirmed.",
  chat: { ...silent, sendError, deviceProblem: (error) => (error instanceof Error ? error.message : String(error)) },
  messages: {
    sending: "Sending…", sent: "Sent", notDelivered: "Not delivered.", retry: "Try again", showAll: "Show all", fresh: "New messages", you: "You",
    log: (name) => `Messages with ${name}`, empty: () => "",
  },
  compose: {
    placeholder: () => "Write a message", offline: "It is sent when the connection is back", label: () => "Message", send: "Send",
    tooLong: (bytes) => `This is ${formatBytes(bytes)}; a message may hold ${formatBytes(kLargestMessage)}.`,
  },
};

function germanSendError(code: ErrorCode | null, status: number | null): string {
  if (status === 413) return "Diese Nachricht ist zu lang.";
  if (status === 429 || status === 503) return "Zu viele Nachrichten auf einmal.";
  if (status === 408 || code === "connection-lost" || code === "not-connected") return "Die Verbindung wurde unterbrochen.";
  return code === "call-ended" ? "Der Chat war beendet, bevor das gesendet wurde." : "Nicht zugestellt.";
}

function germanMediaProblem(error: unknown): string {
  if (error === null) return "Browser erlauben das Mikrofon nur auf Seiten mit https://.";
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError": return "Das Mikrofon ist gesperrt. Erlauben Sie es über das Symbol in der Adresszeile, und versuchen Sie es noch einmal.";
    case "NotFoundError":
    case "OverconstrainedError": return "Es wurde kein Mikrofon gefunden.";
    case "NotReadableError":
    case "AbortError": return "Das Mikrofon wird von einem anderen Programm benutzt oder lässt sich nicht einschalten.";
    default: return "Das Mikrofon lässt sich nicht einschalten.";
  }
}

const de: Words = {
  title: "Chatten Sie mit uns", intro: "Schreiben Sie uns: Sie bekommen hier Antwort.",
  name: "Ihr Name", namePlaceholder: "Sie können ihn weglassen", message: "Ihre Nachricht", messagePlaceholder: "Wie können wir helfen?", start: "Chat beginnen", connecting: "Verbinden…",
  visitor: "Besucher", agent: "Jemand aus unserem Team",
  waiting: (position) => (position === 1 ? "Sie sind als Nächstes dran" : `Sie sind Nummer ${position}`), waitingAnywhere: "Einen Moment bitte",
  waitingHint: "Gleich ist jemand für Sie da. Sie können schon weiterschreiben.",
  here: (name) => `${isolated(name)} ist da.`, transfer: (to) => (to === "" ? "Sie werden weiterverbunden…" : `Sie werden mit ${isolated(to)} verbunden…`),
  left: (name) => `${isolated(name)} hat den Chat beendet.`, youEnded: "Sie haben den Chat beendet.",
  nobodyCould: "Leider konnte niemand Ihren Chat annehmen. Bitte versuchen Sie es später noch einmal.", cutOff: "Der Chat wurde unterbrochen: Die Verbindung ging verloren.",
  restarted: "Der Chat wurde unterbrochen: Unser Server wird neu gestartet. Gleich können Sie einen neuen beginnen; was Sie noch nicht gesendet haben, bleibt erhalten.",
  nobody: "Gerade ist niemand da. Bitte versuchen Sie es später noch einmal.", full: "Im Moment warten sehr viele. Bitte versuchen Sie es in ein paar Minuten noch einmal.",
  unreachable: "Der Chat ist gerade nicht erreichbar. Prüfen Sie Ihre Verbindung, oder versuchen Sie es gleich noch einmal.", notSetUp: "Dieser Chat ist noch nicht eingerichtet. Bitte erreichen Sie uns auf anderem Weg.",
  passwordLine: "Dieser Chat ist nicht für alle offen.",
  end: "Chat beenden", minimize: "Fenster schließen; der Chat geht weiter", close: "Schließen", again: "Neuen Chat beginnen",
  talk: "Sprechen", mute: "Stummschalten", unmute: "Stummschaltung aufheben", textAlone: "Nicht mehr sprechen, nur schreiben", asking: "Ihr Browser fragt, ob diese Seite das Mikrofon benutzen darf. Sie können inzwischen weiterschreiben.",
  hears: (name) => `Sie hören ${isolated(name)}. Ihr Mikrofon ist aus.`, talkToo: "Mitsprechen", held: "Das Gespräch wird gehalten. Sie können weiterschreiben.", goOn: "Sie können weiterschreiben.",
  insecure: "Sprechen geht nur auf Seiten mit https://.",
  reconnecting: "Neu verbinden…", online: "Online", writing: (name) => `${isolated(name)} schreibt…`, lost: "Die Verbindung ist unterbrochen. Was Sie schreiben, wird gesendet, sobald sie wieder da ist.",
  notConfirmed: "Die Seite wurde verlassen, bevor das bestätigt war.",
  chat: {
    ...silent, sendError: germanSendError,
    deviceProblem: (error) => germanMediaProblem(error instanceof Error && "cause" in error ? error.cause : null),
  },
  messages: {
    sending: "Wird gesendet…", sent: "Gesendet", notDelivered: "Nicht zugestellt.", retry: "Noch einmal", showAll: "Alles zeigen", fresh: "Neue Nachrichten", you: "Sie",
    log: (name) => `Nachrichten mit ${name}`, empty: () => "",
  },
  compose: {
    placeholder: () => "Nachricht schreiben", offline: "Wird gesendet, sobald die Verbindung wieder da ist", label: () => "Nachricht", send: "Senden",
    tooLong: (bytes) => `Das sind ${formatBytes(bytes)}; eine Nachricht fasst ${formatBytes(kLargestMessage)}.`,
  },
};

export const kWidgetWords = { en, de };
