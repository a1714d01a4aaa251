// What the page says in sentences. Pure.

import type { CallEnd, ErrorCode } from "../../sdk/src/index.ts";
import { isolated } from "../../shared/text.ts";

export { isolated };

const kSignedOff = "Signed off";   // the server's word when it ends the calls of one who is gone
const kStopped = 503;

// The server ended the call, since it stops.
export function serverStopped(end: CallEnd): boolean {
  return end.cause === "failed" && end.status === kStopped;
}

export function endText(end: CallEnd, person: string, established: boolean): string {
  const name = isolated(person);
  if (established) {
    if (end.local) return "You left the chat.";
    if (serverStopped(end)) return "The chat was cut off: the server was stopped.";
    if (end.reason === kSignedOff) return `${name} went offline.`;
    if (end.cause === "hung-up" || end.cause === "transferred") return `${name} left the chat.`;
    return "The chat was cut off: the connection was lost.";
  }
  switch (end.cause) {
    case "rejected": return `${name} declined your request.`;
    case "busy": return `${name} is busy right now.`;
    case "not-found": return `${name} is no longer online.`;
    case "no-answer": return `${name} did not answer.`;
    case "cancelled": return end.local ? "You withdrew your request." : `${name} did not answer.`;
    default: return "The request could not be delivered. Please try again.";
  }
}

// The call was put through to somebody else.
export function becameText(person: string): string {
  return `You are chatting with ${isolated(person)} now.`;
}

export function sendError(code: ErrorCode | null, status: number | null): string {
  if (status === 413) return "This message is too long.";
  if (status === 429 || status === 503) return "Too many messages at once.";
  if (status === 403 || status === 415) return "The server does not allow this message.";
  if (status === 408 || code === "connection-lost" || code === "not-connected") return "The connection was lost.";
  return code === "call-ended" ? "The chat ended before this was sent." : "Not delivered.";
}

export interface Problem { title: string; text: string; password: boolean }

// Why there is no connection, and what to do.
export function connectProblem(code: ErrorCode | null, status: number | null, hadPassword: boolean): Problem {
  if (code === "access-denied" && status === 404) {
    return { title: "This live chat is not set up", text: "The server has no line of this name. Ask who runs it.", password: false };
  }
  if (code === "access-denied") {
    return hadPassword
      ? { title: "That was not the password", text: "Please try again.", password: true }
      : { title: "A password is needed", text: "This live chat is not open to everybody. Enter its password to go on.", password: true };
  }
  if (status === 503 || status === 429) return { title: "The live chat is full", text: "Please try again in a moment.", password: false };
  return { title: "The server can't be reached", text: "Check your connection, then try again.", password: false };
}

export function titleOf(unread: number, asking: string | null): string {
  if (asking !== null) return `${asking} wants to chat · Live chat`;
  return `${unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : ""}Live chat · Parley`;
}

export function typingText(names: readonly string[]): string {
  const [first = "", second = ""] = names.map(isolated);
  if (names.length === 0) return "";
  if (names.length === 1) return `${first} is writing…`;
  return names.length === 2 ? `${first} and ${second} are writing…` : "Several people are writing…";
}

export function talkingText(names: readonly string[]): string {
  const [first = "", second = ""] = names.map(isolated);
  if (names.length === 0) return "";
  if (names.length === 1) return `${first} is talking`;
  return names.length === 2 ? `${first} and ${second} are talking` : `${names.length} people are talking`;
}

// What a chat itself says. Pages for others than live chatters have their own; null: nothing.
export interface ChatWords {
  began(name: string, asked: boolean): string | null;
  ended(end: CallEnd, name: string, wasOpen: boolean): string | null;
  sendError(code: ErrorCode | null, status: number | null): string;
  deviceProblem(error: unknown): string;
}

export const kChatWords: ChatWords = {
  began: (name, asked) => (asked ? `${isolated(name)} accepted your request.` : `You are chatting with ${isolated(name)} now.`),
  ended: endText,
  sendError,
  deviceProblem: (error) => (error instanceof Error ? error.message : String(error)),
};
