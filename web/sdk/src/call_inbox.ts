// What comes in by MESSAGE during a call: texts, and what the server tells of hold, keys, queues and the room.

import { parseConferenceEvent } from "../../shared/conference_events.ts";
import { applyEvent, type Roster } from "../../shared/roster.ts";
import type { CallEvents } from "./call_types.ts";
import { readIncoming } from "./incoming.ts";
import type { IncomingRequest } from "./sip.ts";
import { TypingReceiver } from "./typing.ts";
import type { IncomingText, QueueNews, RoomParticipant, Sender } from "./types.ts";

const kMostWaiting = 1000;

export interface InboxOwner {
  number(): string;
  listens(): boolean;          // whether anybody wants texts
  held(held: boolean): void;
  emit<Name extends keyof CallEvents>(name: Name, data: CallEvents[Name]): void;
}

export class CallInbox {
  queue: QueueNews | null = null;
  selfId: string | null = null;
  private roster_: Roster = [];
  private up_ = false;
  private readonly waiting_: IncomingText[] = [];
  private readonly early_: IncomingRequest[] = [];
  private readonly others_ = new TypingReceiver<Sender>((from, active) => this.owner_.emit("typing", { from, active }));

  constructor(private readonly owner_: InboxOwner) {}

  get participants(): RoomParticipant[] {
    return this.roster_.map(({ id, name, self, admin, muted, talking }) => ({ id, name, self, admin, muted, talking }));
  }

  get inRoom(): boolean {
    return this.roster_.length > 0;
  }

  // Nothing is shown of a call that is not up yet: a text that overtook the answer waits for it.
  receive(request: IncomingRequest): void {
    if (!this.up_) {
      if (this.early_.length < kMostWaiting) this.early_.push(request);
      return;
    }
    const incoming = readIncoming(request, this.owner_.number());
    switch (incoming.kind) {
      case "text":
        this.others_.idle(incoming.text.from.participant ?? "", incoming.text.from);
        if (this.owner_.listens()) this.owner_.emit("message", incoming.text);
        else if (this.waiting_.length < kMostWaiting) this.waiting_.push(incoming.text);
        break;
      case "hold": this.owner_.held(incoming.held); break;
      case "dtmf": this.owner_.emit("dtmf", incoming.key); break;
      case "queue": this.owner_.emit("queue", this.queue = incoming.news); break;
      case "typing": this.others_.take(incoming.from.participant ?? "", incoming.from, incoming.body); break;
      case "delivery": this.owner_.emit("delivery", incoming.report); break;
      case "room": this.roomEvent(incoming.body); break;
      case "data": this.owner_.emit("data", { contentType: incoming.contentType, body: incoming.body, from: incoming.from }); break;
    }
  }

  up(): void {
    this.up_ = true;
    for (const request of this.early_.splice(0)) this.receive(request);
  }

  // Somebody listens for texts from now on.
  listened(): void {
    if (this.waiting_.length === 0) return;
    queueMicrotask(() => {
      for (const text of this.waiting_.splice(0)) this.owner_.emit("message", text);
    });
  }

  private roomEvent(body: string): void {
    const event = parseConferenceEvent(body);
    if (event === null) return;
    const next = applyEvent(this.roster_, event, this.selfId);
    if (next === this.roster_) return;
    this.roster_ = next;
    this.owner_.emit("participants", this.participants);
  }

  close(): void {
    this.others_.close();
  }
}
