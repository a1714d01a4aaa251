// What the agent desk says in sentences. Pure.

import type { ErrorCode } from "../../sdk/src/index.ts";
import { type ChatWords, isolated, kChatWords, type Problem, serverStopped } from "../../livechat/src/words.ts";

export const kAgentWords: ChatWords = {
  ...kChatWords,
  began: (name) => `You are chatting with ${isolated(name)} now.`,
  ended: (end, person, wasOpen) => {
    const name = isolated(person);
    if (end.cause === "transferred" && wasOpen) return null;   // said by who did it
    if (end.local) return "You closed the chat.";
    if (wasOpen && serverStopped(end)) return "The chat was cut off: the server was stopped.";
    if (end.status === 410) return `Another agent took ${name}.`;
    if (!wasOpen) return `${name} could not be taken. Perhaps they have left.`;
    return end.cause === "hung-up" ? `${name} left the chat.` : "The chat was cut off: the connection was lost.";
  },
};

export function signInProblem(code: ErrorCode | null, status: number | null): Problem {
  if (code === "access-denied") return { title: "That did not fit", text: "Account or password is wrong.", password: true };
  if (status === 503 || status === 429) return { title: "The server is busy", text: "Please try again in a moment.", password: false };
  return { title: "The server can't be reached", text: "Check your connection, then try again.", password: false };
}

export function titleOf(waiting: number, unread: number, asking: string | null): string {
  const count = waiting + unread;
  const what = asking !== null ? `${asking} is put through` : waiting === 1 ? "1 visitor is waiting" : waiting > 1 ? `${waiting} visitors are waiting` : unread > 0 ? "New messages" : "";
  return `${count > 0 ? `(${count > 99 ? "99+" : count}) ` : ""}${what === "" ? "" : `${what} · `}Agent desk`;
}

export function waitedText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

// Host and path of a page; what is no address of a page is shown as nothing.
export function pageText(address: string): string {
  try {
    const url = new URL(address);
    if (url.protocol !== "http:" && url.protocol !== "https:") return "";
    return `${url.host}${url.pathname === "/" ? "" : decodeURI(url.pathname)}`;
  } catch {
    return "";
  }
}

export function cameFrom(page: string, title: string, queue: string, waited: number): string {
  const from = pageText(page);
  const parts = [from === "" ? "" : `came from ${isolated(title === "" ? from : `${title} (${from})`)}`, `waited ${waitedText(waited)} in ${isolated(queue)}`];
  return `This visitor ${parts.filter((each) => each !== "").join(", and ")}.`;
}
