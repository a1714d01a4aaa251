// The agent desk without its views: the connection, who waits in the queues, and the chats that were taken.

import { type Call, type CallEnd, type Identity, type LiveSession, type LiveSessions, Webphone, WebphoneError } from "../../sdk/src/index.ts";
import { ChatDesk, kLongestName } from "../../livechat/src/chat_desk.ts";
import { Conversation, type ChatHost } from "../../livechat/src/conversation.ts";
import type { Entry } from "../../livechat/src/log.ts";
import { readMediaNotice } from "../../livechat/src/media_notice.ts";
import { saveTab, type SavedTab, takeTab } from "../../livechat/src/memory.ts";
import { Requests } from "../../livechat/src/requests.ts";
import type { Kind } from "../../livechat/src/types.ts";
import { isolated } from "../../livechat/src/words.ts";
import { deskNotice, type DeskNotice, kDeskType, readDeskNotice, type TranscriptEntry } from "../../shared/desk_notice.ts";
import { cleanName } from "../../shared/text.ts";
import { keepLogin, kTabKey, type Login, takeLogin } from "./memory.ts";
import type { AgentState, Target, Waiting } from "./types.ts";
import { cameFrom, kAgentWords, signInProblem } from "./words.ts";

const kLookEvery = 10_000;           // milliseconds, for who else is there
const kTakenElsewhere = 410;

const kEmpty = { number: "", queues: [], waiting: [], ready: false, chats: [], handing: {}, requests: [], active: null, targets: [] };

export class AgentDesk extends ChatDesk<AgentState> implements ChatHost {
  readonly words = kAgentWords;
  private sessions_: LiveSessions | null = null;
  private login_: (Login & { stay: boolean }) | null = null;
  private restored_: SavedTab | null = takeTab(kTabKey);
  private readonly requests_: Requests;
  private look_: ReturnType<typeof setInterval> | null = null;
  private transcripts_ = 0;

  constructor() {
    super(({ sound }) => ({ phase: "out", connection: "closed", lost: false, problem: null, name: "", sound, toasts: [], spoken: "", ...kEmpty }));
    this.requests_ = new Requests({
      ownNumber: () => this.state.number,
      nameOf: (call) => nameOf(call.displayName, call.number),
      askedHere: () => false,
      take: (call, kind) => this.accepted(call, kind),
      changed: (requests) => this.requestsChanged(requests),
      missed: (name) => this.toast(`${isolated(name)} is no longer there.`),
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.look();
    });
    window.addEventListener("pagehide", () => this.leave());
    const login = takeLogin();
    if (login !== null) void this.signIn(login.account, login.password, true);
  }

  // ---- signing in and out

  async signIn(account: string, password: string, stay: boolean): Promise<void> {
    if (this.state.phase !== "out") return;
    this.sounds.prepare();
    const phone = new Webphone({ line: account, password, displayName: account, resume: stay, playAudio: false });
    this.phone_ = phone;
    this.listen(phone);
    this.set({ phase: "connecting", problem: null, lost: false });
    try {
      for (const kind of ["microphone", "speaker"] as const) void phone.chooseDevice(kind, this.choices_[kind]);
      await phone.connect();
    } catch (error) {
      if (this.phone_ !== phone) return;
      this.phone_ = null;
      const known = error instanceof WebphoneError ? error : null;
      this.set({ phase: "out", problem: signInProblem(known?.code ?? null, known?.status ?? null) });
      return;
    }
    this.login_ = { account, password, stay };
    this.set({ phase: "in", number: phone.number, name: cleanName(phone.displayName, kLongestName) || phone.number });
    this.restore(phone);
    this.look_ = setInterval(() => void this.look(), kLookEvery);
    await this.look();
    if (this.phone_ === phone && this.state.queues.length > 0) this.follow(phone);
  }

  signOut(): void {
    const phone = this.phone_;
    this.phone_ = null;
    for (const chat of this.chats_) chat.close();
    phone?.disconnect();
    this.out(null);
  }

  private out(problem: AgentState["problem"]): void {
    if (this.look_ !== null) clearInterval(this.look_);
    this.look_ = null;
    this.sessions_ = null;
    this.chats_ = [];
    this.login_ = null;
    this.requests_.clear();
    this.set({ phase: "out", connection: "closed", problem, name: "", ...kEmpty });
    saveTab(null, kTabKey);
  }

  private listen(phone: Webphone): void {
    const mine = <Data>(act: (data: Data) => void) => (data: Data): void => {
      if (this.phone_ === phone) act(data);
    };
    phone.on("status", mine((connection) => {
      this.set({ connection });
      if (connection === "connected") {
        if (this.state.lost) this.toast("You are connected again.");
        this.set({ lost: false });
      } else if (connection === "closed" && this.state.phase === "in") {
        this.phone_ = null;
        this.out({ title: "You were signed off", text: "The server ended this session: the password was changed, perhaps.", password: false });
      }
    }));
    phone.on("lost", mine(() => this.set({ lost: true })));
    phone.on("call", mine((call) => this.requests_.add(call)));
    phone.on("message", mine(({ from, number, text }) => this.toast(`${isolated(nameOf(from.name, number))}: ${text.slice(0, 200)}`)));
  }

  // ---- the queues

  private follow(phone: Webphone): void {
    const sessions = this.sessions_ = phone.followSessions();
    const show = (): void => {
      if (this.sessions_ === sessions) this.showWaiting(sessions);
    };
    for (const event of ["created", "changed", "closed", "ready"] as const) sessions.on(event, show);
    show();
  }

  private showWaiting(sessions: LiveSessions): void {
    const known = new Set(this.state.waiting.map((each) => each.id));
    const waiting = sessions.waiting.filter(({ queue }) => this.serves(queue)).map(waitingOf);
    const fresh = waiting.filter((each) => !known.has(each.id));
    this.set({ waiting, ready: sessions.ready });
    const [first] = fresh;
    if (first === undefined) return;
    this.sounds.arrival();
    const who = fresh.length === 1 ? `${isolated(first.name)} is waiting in ${isolated(first.queue)}.` : `${fresh.length} visitors are waiting.`;
    this.say(who);
    if (this.state.active !== null) this.toast(who);
  }

  private serves(queue: string | null): boolean {
    return this.state.queues.some((each) => each.toLowerCase() === queue?.toLowerCase());
  }

  // Who else is there, and which queues there are. Told over and over: there is no subscription to the phone book.
  async look(): Promise<void> {
    const phone = this.phone_;
    if (phone === null || document.hidden && this.state.targets.length > 0 || this.state.phase !== "in") return;
    let targets: Target[] = [];
    let queues: string[] = [];
    try {
      const { extensions } = await phone.phoneBook();
      const all = extensions.filter((each) => each.type === "Queue");
      const agents = new Set(all.flatMap((each) => each.agents ?? []));
      queues = all.filter((each) => each.agents?.includes(this.state.number) === true).map((each) => each.id);
      targets = [
        ...extensions.filter((each) => agents.has(each.id) && each.id !== this.state.number)
          .map(({ id, displayName, online }) => ({ kind: "agent" as const, number: id, name: nameOf(displayName, id), online })),
        ...all.map(({ id }) => ({ kind: "queue" as const, number: id, name: id, online: true })),
      ];
    } catch {
      return;   // what is known stays
    }
    if (this.phone_ === phone) this.set({ targets, queues });
  }

  take(id: string): void {
    const session = this.sessions_?.find(id) ?? null;
    const waiting = this.state.waiting.find((each) => each.id === id);
    if (this.phone_ === null || session === null || session.take === null || waiting === undefined) {
      return this.toast("Somebody else is taking this visitor.");
    }
    const call = this.phone_.takeFromQueue(session, { audio: false });
    const chat = this.chatWith(waiting.number, waiting.name);
    chat.notice(cameFrom(waiting.page, waiting.title, waiting.queue, Date.now() - waiting.since));
    this.begin(chat, call);
  }

  // Put through by somebody, or called.
  private accepted(call: Call, kind: Kind): void {
    const chat = this.chatWith(call.number, nameOf(call.displayName, call.number));
    this.begin(chat, call, kind);
    call.accept({ audio: false });
  }

  private begin(chat: Conversation, call: Call, kind: Kind = "text"): void {
    chat.attach(call, kind);
    this.announce(chat);
    this.chats_ = [chat, ...this.chats_.filter((each) => each !== chat)];
    this.changed(chat);
    this.select(chat.id);
  }

  // The visitor's page shows who is there.
  private announce(chat: Conversation): void {
    this.tell(chat, { type: "here", name: this.state.name });
  }

  private tell(chat: Conversation, notice: DeskNotice): void {
    void chat.call?.sendMessage(deskNotice(notice), { contentType: kDeskType }).catch(() => undefined);
  }

  // ---- handing over, and closing

  async transfer(id: string, target: Pick<Target, "number" | "name">): Promise<void> {
    const chat = this.find(id);
    const call = chat?.call ?? null;
    if (chat === undefined || call === null || this.state.handing[id] !== undefined) return;
    const to = cleanName(target.name, kLongestName) || target.number;
    this.set({ handing: { ...this.state.handing, [id]: to } });
    this.tell(chat, { type: "transfer", to });
    let ok = false;
    try {
      ({ ok } = await call.transfer(target.number));
    } catch {
      // The chat ended meanwhile, or the connection did.
    }
    const { [id]: _, ...handing } = this.state.handing;
    this.set({ handing });
    if (ok) return chat.notice(`You handed ${isolated(chat.view.name)} over to ${isolated(to)}.`);
    if (chat.call !== call) return;
    chat.notice(`${isolated(to)} did not take this chat. You go on with it.`);
    this.announce(chat);
  }

  closeChat(id: string): void {
    this.find(id)?.hangUp();
  }

  // ---- chats

  private chatWith(number: string, name: string): Conversation {
    const known = this.find(number);
    known?.rename(name);
    if (known !== undefined) return known;
    const chat = new Conversation(this, "private", number, name);
    this.chats_ = [chat, ...this.chats_];
    return chat;
  }

  protected override requestText(name: string): string { return `${name} is put through to you.`; }
  accept(id: string, kind: Kind): void { this.requests_.accept(id, kind); }
  refuse(id: string): void { this.requests_.refuse(id); }

  // ---- what chats tell their host

  textArrived(chat: Conversation, text: string): void {
    if (this.isSeen(chat)) return;
    this.sounds.message();
    this.say(`${chat.view.name}: ${text.slice(0, 200)}`);
  }

  noticed(chat: Conversation, contentType: string, body: string): void {
    // A visitor's page that was reloaded asks how things stand.
    if (readMediaNotice(contentType, body)?.asks === true) this.announce(chat);
    const notice = readDeskNotice(contentType, body);
    if (notice?.type === "transcript") this.takeTranscript(chat, notice.entries);
  }

  // What is known here already, from an earlier part of the same chat, is left out.
  private takeTranscript(chat: Conversation, entries: readonly TranscriptEntry[]): void {
    const last = chat.view.log.reduce<string | null>((found, each) => (each.kind === "text" ? each.text : found), null);
    const known = entries.reduce((found, each, at) => (each.text === last ? at + 1 : found), 0);
    const fresh = entries.slice(known);
    if (fresh.length === 0) return;
    const key = `before-${++this.transcripts_}`;
    const visitor = chat.view.name;
    const at = (fresh[0] as TranscriptEntry).at;
    chat.put([
      { kind: "notice", key, text: "What was said before, as the visitor's page tells it:", at },
      ...fresh.map((each, index): Entry => ({
        kind: "text", key: `${key}-${index}`, mine: false, participant: null, name: each.mine ? visitor : each.name, text: each.text, at: each.at,
        sequence: null, messageId: null, delivery: "sent", error: null,
      })),
      { kind: "notice", key: `${key}-end`, text: "From here on it is with you.", at: Date.now() },
    ]);
  }

  ended(chat: Conversation, end: CallEnd, wasOpen: boolean): void {
    if (wasOpen || end.status !== kTakenElsewhere) return;
    this.toast(`Another agent took ${isolated(chat.view.name)}.`);
    if (!chat.view.log.some((each) => each.kind === "text")) this.remove(chat.id);
  }

  // Somebody was put through in the midst of a chat. It is found by its number: what was said with that one before comes along.
  becomes(chat: Conversation, { number, displayName }: Identity): void {
    const { id } = chat;
    const name = nameOf(displayName, number);
    const other = this.find(number);
    if (other === chat || other?.live === true) return chat.rename(name);
    this.chats_ = this.chats_.filter((each) => each !== other);
    chat.become(number, name, other?.view.log ?? []);
    other?.close();
    this.announce(chat);
    if (this.state.active === id) this.select(number);
  }

  // ---- over a reload, for who asked for it

  private restore(phone: Webphone): void {
    const saved = this.restored_;
    this.restored_ = null;
    for (const each of this.login_?.stay === true ? saved?.chats ?? [] : []) {
      const chat = this.chatWith(each.number, each.name);
      chat.restore(each);
      const call = phone.calls.find((one) => one.number === each.number);
      if (call !== undefined) chat.attach(call, "text", each);
      this.changed(chat);
    }
    for (const call of phone.calls) if (!this.chats_.some((chat) => chat.call === call)) call.hangUp();
    if (saved !== null && this.find(saved.active ?? "") !== undefined) this.select(saved.active);
  }

  protected override save(): void {
    if (this.login_?.stay === true) saveTab({ name: this.state.name, active: this.state.active, chats: this.chats_.map((chat) => chat.saved()) }, kTabKey);
  }

  private leave(): void {
    if (this.login_?.stay !== true) return;
    this.saveNow();
    keepLogin({ account: this.login_.account, password: this.login_.password });
  }
}

function nameOf(name: string, number: string): string {
  return cleanName(name, kLongestName) || number;
}

function waitingOf({ sessionId, caller, callerName, queue, started, properties, texts, take }: LiveSession): Waiting {
  return {
    id: sessionId, number: caller, name: nameOf(callerName, caller), queue: queue ?? "", since: Math.min(started.getTime(), Date.now()), free: take !== null,
    page: properties["page"] ?? "", title: cleanName(properties["title"] ?? "", 150), texts,
  };
}
