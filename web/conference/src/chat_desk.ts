// Sends and receives the chat of a room. While the connection is away messages wait and go out once it is back.

import * as log from "./chat_log.ts";
import { headerNumber, type Incoming } from "./messages.ts";
import { kMessageIdHeader, kSequenceHeader } from "./protocol.ts";
import { chatErrorText, type RoomState } from "./room_types.ts";
import type { SendResult } from "./sip/call.ts";
import type { Store } from "../../shared/store.ts";

type Send = (text: string) => Promise<SendResult> | null;   // null: not connected now

export class ChatDesk {
  private keys_ = 0;
  private readonly waiting_ = new Map<string, string>();

  constructor(private readonly room_: Store<RoomState>, private readonly send_: Send) {}

  receive(message: Extract<Incoming, { kind: "chat" }>): void {
    const { from } = message;
    const { roster, chat } = this.room_.state;
    const known = roster.find((each) => each.id === from.participant);
    let name = from.name || known?.name || "Guest";
    // The server vouches for the participant, not for the nickname: a name that is not in the roster shows both.
    if (known !== undefined && known.name !== name) name = `${name} (${known.name})`;
    this.room_.set({
      chat: log.receive(chat, {
        key: `r${++this.keys_}`, mine: false, participant: from.participant, name, text: message.text, at: message.at,
        sequence: message.sequence, messageId: message.messageId, delivery: "sent", error: null,
      }),
    });
  }

  send(text: string): void {
    const key = `m${++this.keys_}`;
    const { chat, selfId, name } = this.room_.state;
    this.room_.set({
      chat: log.addOwn(chat, {
        key, mine: true, participant: selfId, name, text, at: Date.now(), sequence: null, messageId: null,
        delivery: "sending", error: null,
      }),
    });
    void this.deliver(key, text);
  }

  retry(key: string): void {
    const entry = this.room_.state.chat.find((each) => each.key === key);
    if (entry === undefined || entry.delivery !== "failed") return;
    this.settle(key, { delivery: "sending", error: null });
    void this.deliver(key, entry.text);
  }

  flush(): void {
    const waiting = [...this.waiting_];
    this.waiting_.clear();
    for (const [key, text] of waiting) void this.deliver(key, text);
  }

  // In the room anew, which may count its messages from the beginning.
  restarted(): void {
    this.room_.set({ chat: log.withoutOrder(this.room_.state.chat) });
  }

  clear(): void {
    this.waiting_.clear();
  }

  private settle(key: string, fields: Partial<log.ChatEntry>): void {
    this.room_.set({ chat: log.settle(this.room_.state.chat, key, fields) });
  }

  private async deliver(key: string, text: string): Promise<void> {
    const sending = this.send_(text);
    if (sending === null) return void this.waiting_.set(key, text);
    const result = await sending;
    if (!result.ok) return this.settle(key, { delivery: "failed", error: chatErrorText(result.code, result.retryAfter) });
    this.settle(key, {
      delivery: "sent", sequence: headerNumber(result.response.getHeader(kSequenceHeader)),
      messageId: result.response.getHeader(kMessageIdHeader) ?? null,
    });
  }
}
