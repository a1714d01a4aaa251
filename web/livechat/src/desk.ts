// The whole live chat without its views: the connection, who is online, requests, and the chats of this tab.

import { type Call, type CallEnd, type Identity, type RemoteClient, Webphone, WebphoneError } from "../../sdk/src/index.ts";
import { cleanName } from "../../shared/text.ts";
import { ChatDesk, kLongestName } from "./chat_desk.ts";
import { Conversation, type ChatHost } from "./conversation.ts";
import { saveChoices, saveTab, type SavedTab, takeTab } from "./memory.ts";
import { inOrder, type Person } from "./people.ts";
import { Requests } from "./requests.ts";
import { type DeskState, kEverybody, kRoomId, type Kind } from "./types.ts";
import { connectProblem, isolated, type Problem } from "./words.ts";

const kFirstRejoin = 2000;           // milliseconds
const kLastRejoin = 30_000;
const kSignedOff: Problem = {
  title: "You were signed off", password: false,
  text: "The server ended this session: it expired, or you signed in elsewhere. Your chats are kept here until you close this tab.",
};

export interface DeskOptions { line: string; room: string }

export class Desk extends ChatDesk<DeskState> implements ChatHost {
  private readonly people_ = new Map<string, Person>();
  private peopleDirty_ = false;
  private readonly requests_: Requests;
  private restored_: SavedTab | null = takeTab();
  private roomMissing_ = false;
  private rejoinAfter_ = kFirstRejoin;
  private rejoin_: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly options_: DeskOptions) {
    super(({ name, sound }) => ({
      phase: "out", connection: "closed", lost: false, problem: null, name, number: "", people: [], chats: [], requests: [],
      active: null, sound, toasts: [], spoken: "",
    }));
    this.requests_ = new Requests({
      ownNumber: () => this.state.number,
      nameOf: (call) => this.nameOf(call.number, call.displayName),
      askedHere: (number) => this.find(number)?.view.stage === "asking",
      take: (call, kind) => this.take(call, kind),
      changed: (requests) => this.requestsChanged(requests),
      missed: (name) => this.toast(`${isolated(name)} no longer wants to chat.`),
    });
    window.addEventListener("pagehide", () => this.saveNow());
    if (this.restored_ !== null) void this.signIn(this.restored_.name);
  }

  // ---- signing in and out

  async signIn(name: string, password = ""): Promise<void> {
    if (this.state.phase !== "out") return;
    this.sounds.prepare();
    const shown = cleanName(name, kLongestName);
    const displayName = shown === "" ? `Guest ${1000 + Math.floor(Math.random() * 9000)}` : shown;
    this.choices_.name = this.restored_ === null ? shown : this.choices_.name;
    saveChoices(this.choices_);
    const phone = new Webphone({ line: this.options_.line, displayName, playAudio: false, ...(password === "" ? {} : { password }) });
    this.phone_ = phone;
    this.listen(phone);
    this.set({ phase: "connecting", problem: null, name: displayName, lost: false });
    try {
      for (const kind of ["microphone", "camera", "speaker"] as const) void phone.chooseDevice(kind, this.choices_[kind]);
      await phone.connect();
    } catch (error) {
      if (this.phone_ !== phone) return;
      this.phone_ = null;
      const known = error instanceof WebphoneError ? error : null;
      this.set({ phase: "out", problem: connectProblem(known?.code ?? null, known?.status ?? null, password !== "") });
      return;
    }
    this.set({ phase: "in", number: phone.number, name: phone.displayName });
    this.restore(phone);
    this.joinRoom();
    if (this.state.active === null && window.matchMedia("(min-width: 761px)").matches) this.select(this.find(kRoomId)?.id ?? null);
  }

  signOut(): void {
    const phone = this.phone_;
    this.phone_ = null;
    for (const chat of this.chats_) chat.close();
    this.chats_ = [];
    this.forget();
    phone?.disconnect();
    this.set({ phase: "out", connection: "closed", chats: [], active: null, problem: null, name: this.choices_.name });
    this.saveNow();
  }

  private forget(): void {
    if (this.rejoin_ !== null) clearTimeout(this.rejoin_);
    this.rejoin_ = null;
    this.roomMissing_ = false;
    this.requests_.clear();
    this.people_.clear();
    this.set({ people: [], requests: [], number: "" });
  }

  private listen(phone: Webphone): void {
    const mine = <Data>(act: (data: Data) => void) => (data: Data): void => {
      if (this.phone_ === phone) act(data);
    };
    phone.on("status", mine((status) => {
      this.set({ connection: status });
      if (status === "connected") {
        if (this.state.lost) this.toast("You are connected again.");
        this.set({ lost: false });
        if (this.state.phase === "in") this.joinRoom();
      } else if (status === "closed" && this.state.phase === "in") {
        this.phone_ = null;
        this.forget();
        this.set({ phase: "out", problem: kSignedOff, name: this.choices_.name });
      }
    }));
    phone.on("call", mine((call) => this.requests_.add(call)));
    phone.on("clientOnline", mine((client) => this.came(client)));
    phone.on("clientChanged", mine((client) => this.came(client)));
    phone.on("clientOffline", mine(({ phoneNumber }) => {
      this.people_.delete(phoneNumber);
      this.peopleChanged();
    }));
    phone.on("lost", mine(() => this.set({ lost: true })));
    phone.on("numberChanged", mine((number) => this.set({ number })));
    phone.on("message", mine((text) => {
      const name = this.people_.get(text.number)?.name ?? (cleanName(text.from.name, kLongestName) || text.number);
      this.chatWith(text.number, name).receive(text);
    }));
  }

  private restore(phone: Webphone): void {
    const saved = this.restored_;
    this.restored_ = null;
    const calls = phone.calls;
    for (const each of saved?.chats ?? []) {
      if (each.kind === "room" && each.number !== this.options_.room) continue;
      const chat = this.find(each.kind === "room" ? kRoomId : each.number) ?? this.append(new Conversation(this, each.kind, each.number, each.name));
      chat.restore(each);
      const call = calls.find((one) => one.number === each.number);
      if (call !== undefined) chat.attach(call, "text", each);
    }
    for (const call of calls) if (!this.chats_.some((chat) => chat.call === call)) call.hangUp();
    if (saved !== null && this.find(saved.active ?? "") !== undefined) this.select(saved.active);
  }

  // ---- everybody's room

  private joinRoom(): void {
    const phone = this.phone_;
    if (phone === null || this.roomMissing_ || this.options_.room === "") return;
    let room = this.find(kRoomId);
    if (room === undefined) room = this.append(new Conversation(this, "room", this.options_.room, kEverybody));
    if (room.live) return;
    const call = phone.createCall(this.options_.room);
    room.attach(call, "text");
    call.start({ audio: false });
  }

  private roomEnded(room: Conversation, end: CallEnd, wasOpen: boolean): void {
    // A webphone makes no rooms: where there is none, there is no such chat.
    if (!wasOpen && (end.cause === "not-found" || end.cause === "rejected")) {
      this.roomMissing_ = true;
      if (room.view.log.length === 0) this.remove(room.id);
      return;
    }
    if (wasOpen) this.rejoinAfter_ = kFirstRejoin;
    if (this.rejoin_ !== null) clearTimeout(this.rejoin_);
    this.rejoin_ = setTimeout(() => {
      this.rejoin_ = null;
      if (this.state.connection === "connected") this.joinRoom();
    }, this.rejoinAfter_);
    this.rejoinAfter_ = Math.min(kLastRejoin, this.rejoinAfter_ * 2);
  }

  // ---- chats

  private append(chat: Conversation): Conversation {
    this.chats_ = [...this.chats_, chat];
    this.changed(chat);
    return chat;
  }

  private chatWith(number: string, name: string): Conversation {
    const known = this.find(number);
    known?.rename(name);
    return known ?? this.append(new Conversation(this, "private", number, name));
  }

  private toFront(chat: Conversation): void {
    this.chats_ = [chat, ...this.chats_.filter((each) => each !== chat)];
    this.changed(chat);
  }

  // Asks somebody to chat; a chat that is open is shown instead.
  ask(number: string, kind: Kind): void {
    const phone = this.phone_;
    if (phone === null) return;
    const waiting = this.state.requests.find((each) => each.number === number);
    if (waiting !== undefined) return this.accept(waiting.id, kind);
    const chat = this.chatWith(number, this.nameOf(number, ""));
    this.select(chat.id);
    if (chat.live) return;
    const call = phone.createCall(number, { video: kind === "video" });
    chat.attach(call, kind);
    call.start({ audio: false });
    this.toFront(chat);
  }

  accept(id: string, kind: Kind): void {
    this.requests_.accept(id, kind);
  }

  refuse(id: string): void {
    this.requests_.refuse(id);
  }

  private take(call: Call, kind: Kind): void {
    const chat = this.chatWith(call.number, this.nameOf(call.number, call.displayName));
    chat.attach(call, chat.view.stage === "asking" ? chat.kind : kind);
    call.accept({ audio: false });
    this.toFront(chat);
    this.select(chat.id);
  }

  protected override requestText(name: string): string { return `${name} wants to chat with you.`; }

  // ---- what chats tell their host

  textArrived(chat: Conversation, text: string): void {
    if (this.isSeen(chat)) return;
    if (!chat.isRoom) this.toFront(chat);
    this.sounds.message();
    this.say(`${chat.view.name}: ${text.slice(0, 200)}`);
  }

  ended(chat: Conversation, end: CallEnd, wasOpen: boolean): void {
    if (chat.isRoom) this.roomEnded(chat, end, wasOpen);
    else this.requests_.freed(chat.view.number);
  }

  // A chat is found by its number: what was said with that one before comes along.
  becomes(chat: Conversation, { number, displayName }: Identity): void {
    if (chat.isRoom) return;
    const { id } = chat;
    const name = this.nameOf(number, displayName);
    const other = this.find(number);
    if (other === chat || other?.live === true) return chat.rename(name);
    this.chats_ = this.chats_.filter((each) => each !== other);
    chat.become(number, name, other?.view.log ?? []);
    other?.close();
    this.requests_.freed(id);
    if (this.state.active === id) this.select(number);
  }

  // ---- people

  private came({ phoneNumber, displayName }: RemoteClient): void {
    const name = cleanName(displayName, kLongestName) || phoneNumber;
    this.people_.set(phoneNumber, { number: phoneNumber, name });
    this.find(phoneNumber)?.rename(name);
    this.peopleChanged();
  }

  private peopleChanged(): void {
    if (this.peopleDirty_) return;
    this.peopleDirty_ = true;
    queueMicrotask(() => {
      this.peopleDirty_ = false;
      this.set({ people: inOrder(this.people_.values()) });
    });
  }

  private nameOf(number: string, told: string): string {
    return this.people_.get(number)?.name ?? (cleanName(told, kLongestName) || this.find(number)?.view.name || number);
  }

  // ---- over a reload

  protected override save(): void {
    const { phase, name, active } = this.state;
    if (this.restored_ !== null) return saveTab(this.restored_);
    saveTab(phase === "out" && this.chats_.length === 0 ? null : { name, active, chats: this.chats_.map((chat) => chat.saved()) });
  }
}
