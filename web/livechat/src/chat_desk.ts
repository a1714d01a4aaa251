// What desks of chats (the live chat, the agents') have in common, without their views: which chat is on the screen and read,
// who speaks, requests that ring, devices and sound, small notices, and when to keep what a reload must not lose.

import type { Device, Webphone } from "../../sdk/src/index.ts";
import { Store } from "../../shared/store.ts";
import type { Conversation } from "./conversation.ts";
import { type Choices, loadChoices, saveChoices } from "./memory.ts";
import { Sounds } from "./sounds.ts";
import type { ChatView, Request, Toast } from "./types.ts";

export const kLongestName = 80;      // characters, as the server keeps them
const kSaveAfter = 700;              // milliseconds
const kToastFor = 7000;
const kMostToasts = 4;

export interface ChatDeskState {
  name: string;
  chats: ChatView[];
  requests: Request[];
  active: string | null;             // a chat's id
  sound: boolean;
  toasts: Toast[];
  spoken: string;                    // for who listens to the page
}

export abstract class ChatDesk<State extends ChatDeskState> extends Store<State> {
  readonly sounds: Sounds;
  protected readonly choices_: Choices;
  protected phone_: Webphone | null = null;
  protected chats_: Conversation[] = [];      // the one that was used last comes first
  private save_: ReturnType<typeof setTimeout> | null = null;
  private toasts_ = 0;

  constructor(state: (choices: Choices) => State) {
    const choices = loadChoices();
    super(state(choices));
    this.choices_ = choices;
    this.sounds = new Sounds(choices.sound);
    document.addEventListener("visibilitychange", () => this.markRead());
  }

  // What is said aloud when a request of that name comes.
  protected abstract requestText(name: string): string;
  // Keeps what a reload of this tab must not lose.
  protected abstract save(): void;

  private put(fields: Partial<ChatDeskState>): void {
    this.set(fields as Partial<State>);
  }

  // ---- chats

  find(id: string): Conversation | undefined {
    return this.chats_.find((chat) => chat.id === id);
  }

  select(id: string | null): void {
    this.put({ active: id });
    this.markRead();
    this.saveSoon();
  }

  private markRead(): void {
    if (!document.hidden && this.state.active !== null) this.find(this.state.active)?.read();
  }

  // Takes a chat that is over off the list.
  remove(id: string): void {
    this.find(id)?.close();
    this.chats_ = this.chats_.filter((chat) => chat.id !== id);
    this.put({ chats: this.chats_.map((chat) => chat.view), active: this.state.active === id ? null : this.state.active });
    this.saveSoon();
  }

  protected requestsChanged(requests: Request[]): void {
    const known = new Set(this.state.requests.map((each) => each.id));
    const fresh = requests.find((each) => !known.has(each.id));
    this.put({ requests });
    if (fresh !== undefined) this.say(this.requestText(fresh.name));
    this.sounds.ring(requests.length > 0);
  }

  // ---- what chats ask of their host

  get ownName(): string { return this.state.name; }
  speaker(): string { return this.choices_.speaker; }
  isSeen(chat: Conversation): boolean { return !document.hidden && this.state.active === chat.id; }
  voiceElsewhere(chat: Conversation): boolean { return this.chats_.some((other) => other !== chat && other.speaks); }

  takeVoice(chat: Conversation): void {
    for (const other of this.chats_) if (other !== chat) other.yieldVoice();
  }

  changed(chat: Conversation): void {
    if (!this.chats_.includes(chat)) return;
    this.put({ chats: this.chats_.map((each) => each.view) });
    this.saveSoon();
  }

  // ---- devices and choices

  async devices(): Promise<Device[]> {
    return (await this.phone_?.devices.list()) ?? [];
  }

  chosen(kind: Device["kind"]): string {
    return this.choices_[kind];
  }

  async chooseDevice(kind: Device["kind"], id: string): Promise<void> {
    this.choices_[kind] = id;
    saveChoices(this.choices_);
    try {
      await this.phone_?.chooseDevice(kind, id);
    } catch (error) {
      this.toast(error instanceof Error ? error.message : String(error));
    }
    for (const chat of this.chats_) chat.devicesChanged();
  }

  setSound(on: boolean): void {
    this.sounds.prepare();
    this.sounds.on = on;
    this.choices_.sound = on;
    saveChoices(this.choices_);
    this.put({ sound: on });
  }

  // ---- small notices

  toast(text: string): void {
    const key = ++this.toasts_;
    this.put({ toasts: [...this.state.toasts, { key, text }].slice(-kMostToasts) });
    setTimeout(() => this.put({ toasts: this.state.toasts.filter((each) => each.key !== key) }), kToastFor);
  }

  protected say(text: string): void {
    this.put({ spoken: text });
  }

  // ---- over a reload

  protected saveSoon(): void {
    this.save_ ??= setTimeout(() => this.saveNow(), kSaveAfter);
  }

  protected saveNow(): void {
    if (this.save_ !== null) clearTimeout(this.save_);
    this.save_ = null;
    this.save();
  }
}
