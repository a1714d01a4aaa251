// One chat: its texts, and the call that carries them and voice and video. A chat outlives its calls: the log stays.

import { type Call, type CallEnd, type Identity, type IncomingText, WebphoneError } from "../../sdk/src/index.ts";
import { cleanName } from "../../shared/text.ts";
import * as log from "./log.ts";
import { kMediaType, mediaNotice, readMediaNotice } from "./media_notice.ts";
import type { SavedChat } from "./memory.ts";
import { Player } from "./player.ts";
import { type ChatView, type Kind, kRoomId } from "./types.ts";
import { becameText, type ChatWords, kChatWords } from "./words.ts";

export interface ChatHost {
  readonly ownName: string;
  speaker(): string;
  changed(chat: Conversation): void;
  isSeen(chat: Conversation): boolean;              // on the screen right now
  takeVoice(chat: Conversation): void;              // others are put on hold
  voiceElsewhere(chat: Conversation): boolean;
  textArrived(chat: Conversation, text: string): void;
  noticed?(chat: Conversation, contentType: string, body: string): void;   // something else than text came in
  readonly words?: ChatWords;
  readonly quiet?: boolean;                         // nothing is heard before either side turns on voice: music of a queue, say
  ended(chat: Conversation, end: CallEnd, wasOpen: boolean): void;
  becomes?(chat: Conversation, identity: Identity): void;                  // somebody else is at the other side
}

let keys = 0;
const newKey = (): string => `${Date.now().toString(36)}-${++keys}`;

// What a page in another style of writing sends: its markup is read, never shown as such. The document is inert.
function textOf({ text, contentType }: IncomingText): string {
  return contentType === "text/html" ? new DOMParser().parseFromString(text, "text/html").body.textContent ?? "" : text;
}

const kNoCall = {
  microphone: "off", camera: "off", heldHere: false, heldThere: false, otherMicrophone: false, otherCamera: false, otherTells: false, videos: [], ownVideo: null,
  members: [], writing: [], interrupted: false, quality: "good",
} as const satisfies Partial<ChatView>;

export class Conversation {
  private view_: ChatView;
  private call_: Call | null = null;
  private outgoing_ = false;
  private up_ = false;
  private begin_: { kind: Kind; held: boolean; silent: boolean } = { kind: "text", held: false, silent: false };
  private microphoneTry_ = 0;
  private cameraTry_ = 0;
  private wantHeld_ = false;
  private holding_ = false;
  private readonly writing_ = new Map<string, string>();
  private readonly player_ = new Player();

  constructor(private readonly host_: ChatHost, kind: ChatView["kind"], number: string, name: string) {
    this.view_ = {
      ...kNoCall, id: kind === "room" ? kRoomId : number, kind, number, name, stage: "ended", log: [], unread: 0, draft: "",
      listening: kind === "private" && host_.quiet !== true, problem: null, videos: [], members: [], writing: [],
    };
  }

  private get words(): ChatWords { return this.host_.words ?? kChatWords; }

  get view(): ChatView { return this.view_; }
  get id(): string { return this.view_.id; }
  get isRoom(): boolean { return this.view_.kind === "room"; }
  get live(): boolean { return this.call_ !== null; }
  get call(): Call | null { return this.call_; }
  // Whether this side takes part with voice or video.
  get speaks(): boolean {
    const { stage, microphone, camera, heldHere, listening } = this.view_;
    return stage === "open" && !heldHere && !this.wantHeld_ && (microphone !== "off" || camera !== "off" || (this.isRoom && listening));
  }

  // With what it was begun, or is being asked for.
  get kind(): Kind { return this.begin_.kind; }

  // ---- calls

  // Takes a call that was made (`start`), accepted, or found again after a reload (`saved`).
  attach(call: Call, kind: Kind, saved: SavedChat | null = null): void {
    const before = this.call_;
    this.call_ = null;
    before?.hangUp();
    this.call_ = call;
    this.outgoing_ = call.direction === "outgoing" && saved === null;
    this.up_ = this.wantHeld_ = false;
    this.begin_ = { kind: saved?.voice === true ? "voice" : kind, held: saved?.held ?? false, silent: saved !== null };
    this.writing_.clear();
    const fresh = this.isRoom && saved === null ? { log: log.withoutOrder(this.view_.log), listening: false } : {};
    this.change({ ...kNoCall, videos: [], members: [], writing: [], ...fresh, stage: "asking", problem: null });
    if (saved?.voice === true) this.change({ listening: true });
    const on: Call["on"] = (name, listener) => call.on(name, (data) => {
      if (this.call_ === call) listener(data);
    });
    on("status", (status) => {
      if (status === "active" || status === "held") this.begun();
      this.change({ heldHere: call.heldHere, heldThere: call.heldThere });
    });
    on("ended", (end) => this.finished(end));
    on("identity", (identity) => this.host_.becomes?.(this, identity));
    on("message", (text) => this.receive(text));
    on("data", ({ contentType, body }) => this.takeNotice(contentType, body));
    on("typing", ({ from, active }) => {
      const key = from.participant ?? "";
      if (active) this.writing_.set(key, this.isRoom ? cleanName(from.name) || "Somebody" : this.view_.name);
      else this.writing_.delete(key);
      this.change({ writing: [...this.writing_.values()] });
    });
    on("participants", (members) => this.change({ members }));
    on("videos", (videos) => this.change({ videos }));
    on("audio", () => this.sound());
    on("quality", ({ grade }) => this.change({ quality: grade }));
    on("interrupted", () => this.change({ interrupted: true }));
    on("resumed", () => this.change({ interrupted: false }));
    if (call.status === "active" || call.status === "held") this.begun();
  }

  private begun(): void {
    if (this.up_ || this.call_ === null) return;
    this.up_ = true;
    const { kind, held, silent } = this.begin_;
    this.change({ stage: "open", videos: this.call_.videos, members: this.call_.participants });
    if (!silent && !this.isRoom) {
      this.noticeOf(this.words.began(this.view_.name, this.outgoing_));
    }
    this.sound();
    if (held) void this.hold();
    if (kind !== "text") void this.startMicrophone(!held);
    if (kind === "video") void this.startCamera();
    if (silent) this.tell(true);
  }

  private finished(end: CallEnd): void {
    const wasOpen = this.up_;
    this.call_ = null;
    this.up_ = this.wantHeld_ = false;
    this.microphoneTry_++;
    this.cameraTry_++;
    this.player_.play(null, "");
    if (!this.isRoom) this.noticeOf(this.words.ended(end, this.view_.name, wasOpen));
    this.change({ ...kNoCall, videos: [], members: [], writing: [], stage: "ended", problem: null });
    this.host_.ended(this, end, wasOpen);
  }

  hangUp(): void {
    this.call_?.hangUp();
  }

  // Nothing of it is needed any more.
  close(): void {
    const call = this.call_;
    this.call_ = null;
    call?.hangUp();
    this.player_.close();
  }

  // ---- texts

  send(text: string): void {
    const key = newKey();
    this.change({
      draft: "",
      log: log.add(this.view_.log, {
        kind: "text", key, mine: true, participant: null, name: this.host_.ownName, text, at: Date.now(), sequence: null, messageId: null,
        delivery: "sending", error: null,
      }),
    });
    this.deliver(key, text);
  }

  retry(key: string): void {
    const entry = this.view_.log.find((each) => each.key === key);
    if (entry === undefined || entry.kind !== "text" || entry.delivery !== "failed") return;
    this.settle(key, { delivery: "sending", error: null });
    this.deliver(key, entry.text);
  }

  private deliver(key: string, text: string): void {
    const call = this.call_;
    if (call === null) return this.settle(key, { delivery: "failed", error: this.words.sendError("call-ended", null) });
    call.sendMessage(text).then(
      ({ id, sequence }) => this.settle(key, { delivery: "sent", messageId: id, sequence: this.isRoom ? sequence : null }),
      (error: unknown) => {
        const known = error instanceof WebphoneError ? error : null;
        this.settle(key, { delivery: "failed", error: this.words.sendError(known?.code ?? null, known?.status ?? null) });
      },
    );
  }

  private settle(key: string, fields: Parameters<typeof log.settle>[2]): void {
    this.change({ log: log.settle(this.view_.log, key, fields) });
  }

  receive(incoming: IncomingText): void {
    const text = textOf(incoming);
    const { participant } = incoming.from;
    let name = this.view_.name;
    if (this.isRoom) {
      name = cleanName(incoming.from.name, 80) || "Guest";
      // The server vouches for the participant, not for the name that comes with a text.
      const known = this.view_.members.find((each) => each.id === participant)?.name;
      if (known !== undefined && cleanName(name) !== known) name = `${name} (${known})`;
    }
    const before = this.view_.log;
    const next = log.add(before, {
      kind: "text", key: newKey(), mine: false, participant, name, text, at: incoming.at.getTime(),
      sequence: this.isRoom ? incoming.sequence : null, messageId: incoming.id, delivery: "sent", error: null,
    });
    if (next === before) return;
    this.change({ log: next, unread: this.host_.isSeen(this) ? 0 : this.view_.unread + 1 });
    this.host_.textArrived(this, text);
  }

  notice(text: string): void {
    this.change({ log: log.add(this.view_.log, { kind: "notice", key: newKey(), text, at: Date.now() }) });
  }

  // What was said where this side was not.
  put(entries: log.Log): void {
    this.change({ log: [...this.view_.log, ...entries].slice(-log.kMostEntries) });
  }

  private noticeOf(text: string | null): void {
    if (text !== null) this.notice(text);
  }

  setDraft(draft: string): void {
    if (draft !== "" && draft !== this.view_.draft) this.call_?.keyPressed();
    this.change({ draft });
  }

  read(): void {
    if (this.view_.unread > 0) this.change({ unread: 0 });
  }

  rename(name: string): void {
    if (name !== this.view_.name) this.change({ name });
  }

  // From now on this chat is with somebody else; `before` was said with that one earlier.
  become(number: string, name: string, before: log.Log): void {
    this.writing_.clear();
    this.change({ id: number, number, name, writing: [], log: [...before, ...this.view_.log].slice(-log.kMostEntries) });
    if (this.up_) this.notice(becameText(name));
  }

  // ---- voice and video

  toggleMicrophone(): void {
    const call = this.call_;
    if (call === null || this.view_.stage !== "open") return;
    if (this.view_.microphone === "off") return void this.startMicrophone(true);
    if (this.view_.microphone === "opening") return this.stopVoice();
    if (call.muted) call.unmute();
    else call.mute();
    this.change({ microphone: call.muted ? "muted" : "on" });
    this.tell();
  }

  private async startMicrophone(aloud: boolean): Promise<void> {
    const call = this.call_;
    if (call === null) return;
    const mine = ++this.microphoneTry_;
    this.change({ microphone: "opening", listening: true, problem: null });
    this.sound();
    if (aloud) void this.resume();
    try {
      await call.setMicrophone();
    } catch (error) {
      if (mine === this.microphoneTry_) this.change({ microphone: "off", problem: this.words.deviceProblem(error) });
      return;
    }
    if (this.call_ !== call || mine !== this.microphoneTry_) {
      if (this.view_.microphone === "off") call.stopMicrophone();
      return;
    }
    this.change({ microphone: call.muted ? "muted" : "on" });
    this.tell();
  }

  // Goes on by text alone; in a room the others' voices stop too.
  stopVoice(): void {
    const call = this.call_;
    this.microphoneTry_++;
    call?.stopMicrophone();
    call?.unmute();
    if (this.view_.camera !== "off") this.stopCamera();
    this.change({ microphone: "off", listening: !this.isRoom });
    this.sound();
    this.tell();
  }

  toggleCamera(): void {
    if (this.call_ === null || this.view_.stage !== "open") return;
    if (this.view_.camera === "off") void this.startCamera();
    else this.stopCamera();
  }

  private async startCamera(): Promise<void> {
    const call = this.call_;
    if (call === null) return;
    const mine = ++this.cameraTry_;
    this.change({ camera: "opening", listening: true, problem: null });
    this.sound();
    void this.resume();
    try {
      await call.startVideo();
    } catch (error) {
      if (mine === this.cameraTry_) this.change({ camera: "off", problem: this.words.deviceProblem(error) });
      return;
    }
    if (this.call_ !== call || mine !== this.cameraTry_) {
      if (this.view_.camera === "off") call.stopVideo();
      return;
    }
    this.change({ camera: "on", ownVideo: call.localVideo });
    this.tell();
  }

  private stopCamera(): void {
    this.cameraTry_++;
    this.call_?.stopVideo();
    this.change({ camera: "off", ownVideo: null });
    this.tell();
  }

  // Another camera was chosen, or another loudspeaker.
  devicesChanged(): void {
    if (this.call_ !== null && this.view_.camera === "on") this.change({ ownVideo: this.call_.localVideo });
    this.sound();
  }

  dismissProblem(): void {
    this.change({ problem: null });
  }

  async hold(): Promise<void> {
    await this.setHold(true);
  }

  async resume(): Promise<void> {
    this.host_.takeVoice(this);
    await this.setHold(false);
  }

  // One exchange at a time; what was wanted last holds.
  private async setHold(held: boolean): Promise<void> {
    this.wantHeld_ = held;
    const call = this.call_;
    if (call === null || !this.up_ || this.holding_) return;
    this.holding_ = true;
    try {
      while (this.call_ === call && call.heldHere !== this.wantHeld_) await (this.wantHeld_ ? call.hold() : call.unhold());
    } catch {
      // The call has ended, or its network is away: what it shows is what holds.
    }
    this.holding_ = false;
    if (this.call_ !== call) return;
    this.wantHeld_ = call.heldHere;
    this.change({ heldHere: call.heldHere, heldThere: call.heldThere });
  }

  // Somebody is spoken with elsewhere.
  yieldVoice(): void {
    const { otherMicrophone, otherCamera } = this.view_;
    if (this.speaks || (this.view_.stage === "open" && (otherMicrophone || otherCamera))) void this.hold();
  }

  private sound(): void {
    this.player_.play(this.view_.listening ? this.call_?.audio ?? null : null, this.host_.speaker());
  }

  private tell(asks = false): void {
    const { microphone, camera } = this.view_;
    if (this.isRoom || !this.up_) return;
    const body = mediaNotice({ microphone: microphone === "on", camera: camera === "on", asks });
    void this.call_?.sendMessage(body, { contentType: kMediaType }).catch(() => undefined);
  }

  private takeNotice(contentType: string, body: string): void {
    const notice = this.isRoom ? null : readMediaNotice(contentType, body);
    this.host_.noticed?.(this, contentType, body);
    if (notice === null) return;
    if (notice.microphone && !this.view_.listening) {
      this.change({ listening: true });
      this.sound();
    }
    this.change({ otherTells: true, otherMicrophone: notice.microphone, otherCamera: notice.camera });
    if (notice.camera) this.call_?.receiveVideo();
    if (notice.asks) this.tell();
    if ((notice.microphone || notice.camera) && this.host_.voiceElsewhere(this)) void this.hold();
  }

  // ---- over a reload

  saved(): SavedChat {
    const { kind, number, name, unread, draft, microphone, heldHere, listening } = this.view_;
    return {
      kind, number, name, log: this.view_.log, unread, draft, held: heldHere,
      voice: microphone === "on" || microphone === "muted" || (this.isRoom && listening),
    };
  }

  restore(saved: SavedChat): void {
    this.change({ log: saved.log, unread: saved.unread, draft: saved.draft });
  }

  private change(fields: Partial<ChatView>): void {
    this.view_ = { ...this.view_, ...fields };
    this.host_.changed(this);
  }
}
