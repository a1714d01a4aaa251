// What the views are given.

import type { ConnectionStatus } from "../../sdk/src/index.ts";
import type { ChatView, Request, Toast } from "../../livechat/src/types.ts";
import type { Problem } from "../../livechat/src/words.ts";

// Somebody who waits in a queue.
export interface Waiting {
  id: string;
  number: string;
  name: string;
  queue: string;
  since: number;               // milliseconds since 1970, by this computer's clock
  page: string;                // the address that the chat was begun on, as the visitor's page tells it; "" : unknown
  title: string;               // that page's title
  texts: string[];             // what was written, the first lines
  free: boolean;               // nobody is taking it right now
}

// Where a chat can be handed over to.
export interface Target { kind: "agent" | "queue" | "number"; number: string; name: string; online: boolean }

export interface AgentState {
  phase: "out" | "connecting" | "in";
  connection: ConnectionStatus;
  lost: boolean;
  problem: Problem | null;
  number: string;
  name: string;
  queues: string[];            // that this agent serves
  waiting: Waiting[];
  ready: boolean;              // the server has told who waits
  chats: ChatView[];
  handing: Record<string, string>;   // chats that are being handed over: to whom
  requests: Request[];
  active: string | null;
  targets: Target[];
  sound: boolean;
  toasts: Toast[];
  spoken: string;
}
