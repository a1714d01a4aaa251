// The widget without its views: a visitor's chat, from the first message until it is over.

import { type CallEnd, type ConnectionStatus, type QueueNews, Webphone, WebphoneError } from "../../sdk/src/index.ts";
import { Conversation, type ChatHost } from "../../livechat/src/conversation.ts";
import { Sounds } from "../../livechat/src/sounds.ts";
import type { ChatView } from "../../livechat/src/types.ts";
import { serverStopped } from "../../livechat/src/words.ts";
import { deskNotice, kDeskType, readDeskNotice, transcriptOf } from "../../shared/desk_notice.ts";
import { Store } from "../../shared/store.ts";
import { cleanName } from "../../shared/text.ts";
import type { WidgetOptions } from "./hook.ts";
import { saveVisit, type SavedVisit, takeVisit } from "./memory.ts";
import { kWidgetWords, type Words } from "./words.ts";

const kLongestName = 80;
const kSaveAfter = 500;          // milliseconds
const kLongestAddress = 500;

export interface VisitorState {
  open: boolean;                 // the window
  phase: "form" | "connecting" | "chat" | "over";
  name: string;
  message: string;               // the first one, as typed
  problem: string | null;        // why there is no chat
  chat: ChatView | null;
  position: number | null;       // in the queue
  waiting: boolean;
  agent: string | null;
  connection: ConnectionStatus;
}

const kNoChat = { chat: null, position: null, waiting: false, agent: null } as const;

// The address of the page that one writes from, without what may be secret in it.
function pageAddress(): string {
  return `${location.origin}${location.pathname}`.slice(0, kLongestAddress);
}

// What was written, but reached nobody: it is the beginning of the next chat.
function unsent(chat: Conversation | null): string {
  if (chat === null) return "";
  const { log, draft } = chat.view;
  const failed = log.flatMap((each) => (each.kind === "text" && each.mine && each.delivery === "failed" ? [each.text] : []));
  return [...failed, draft].filter((each) => each.trim() !== "").join("\n");
}

export class Visitor extends Store<VisitorState> implements ChatHost {
  readonly words: Words["chat"];
  readonly quiet = true;
  readonly text: Words;
  readonly sounds = new Sounds(true);
  private phone_: Webphone | null = null;
  private chat_: Conversation | null = null;
  private agents_ = 0;
  private resuming_ = false;
  private leaving_ = false;
  private save_: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly options_: WidgetOptions) {
    super({ open: false, phase: "form", name: "", message: "", problem: null, connection: "closed", ...kNoChat });
    this.text = kWidgetWords[options_.language];
    this.words = this.text.chat;
    document.addEventListener("visibilitychange", () => this.markRead());
    window.addEventListener("pagehide", () => {
      this.leaving_ = true;
      this.save(true);
    });
    window.addEventListener("pageshow", () => (this.leaving_ = false));
    const saved = takeVisit();
    if (saved !== null) void this.restore(saved);
  }

  // ---- the window

  open(): void {
    this.set({ open: true });
    this.markRead();
    this.saveSoon();
  }

  close(): void {
    this.set({ open: false });
    this.saveSoon();
  }

  private markRead(): void {
    if (this.state.open && !document.hidden) this.chat_?.read();
  }

  type(fields: Partial<Pick<VisitorState, "name" | "message">>): void {
    this.set(fields);
  }

  // ---- a chat begins

  async start(): Promise<void> {
    const { phase, message } = this.state;
    if (phase !== "form" || message.trim() === "") return;
    this.sounds.prepare();
    this.set({ phase: "connecting", problem: null });
    const phone = this.connectTo();
    try {
      await phone.connect();
    } catch (error) {
      if (this.phone_ === phone) this.refused(this.whyNot(error));
      return;
    }
    if (this.phone_ !== phone) return;
    const call = phone.createCall("");
    const chat = this.begin();
    chat.attach(call, "text");
    this.followQueue(chat);
    call.start({ audio: false });
    chat.send(message);
    this.set({ phase: "chat", waiting: true });
  }

  private connectTo(): Webphone {
    const { server, line, language } = this.options_;
    const displayName = cleanName(this.state.name, kLongestName) || this.text.visitor;
    const phone = new Webphone({
      host: server, line, displayName, resume: "tab", playAudio: false, callWaiting: false,
      properties: { page: pageAddress(), title: cleanName(document.title, 150), language },
    });
    this.phone_ = phone;
    phone.on("status", (connection) => this.phone_ === phone && this.set({ connection }));
    phone.on("call", (call) => call.reject());
    return phone;
  }

  private begin(): Conversation {
    const chat = new Conversation(this, "private", "desk", this.state.agent ?? this.text.agent);
    this.chat_ = chat;
    return chat;
  }

  private whyNot(error: unknown): string {
    const known = error instanceof WebphoneError ? error : null;
    if (known !== null) console.warn(`Parley widget, line "${this.options_.line}": ${known.message}`);
    if (known?.code !== "access-denied") return known?.status === 503 || known?.status === 429 ? this.text.full : this.text.unreachable;
    return known.status === 401 ? this.text.passwordLine : this.text.notSetUp;
  }

  // Back to the form: what was typed is still there.
  private refused(problem: string): void {
    this.drop();
    this.set({ phase: "form", problem, ...kNoChat });
    this.save(false);
  }

  private drop(): void {
    const [phone, chat] = [this.phone_, this.chat_];
    this.phone_ = null;
    this.chat_ = null;
    chat?.close();
    phone?.disconnect();
  }

  // ---- what happens in it

  private followQueue(chat: Conversation): void {
    chat.call?.on("queue", (news) => this.chat_ === chat && this.queueNews(chat, news));
  }

  private queueNews(chat: Conversation, { type, position, agent }: QueueNews): void {
    if (type === "waiting") this.set({ waiting: true, position, agent: null });
    else this.agentIsHere(chat, agent?.displayName || agent?.number || "");
    this.saveSoon();
  }

  private agentIsHere(chat: Conversation, told: string): void {
    const agent = cleanName(told, kLongestName) || this.text.agent;
    const { agent: before, waiting } = this.state;
    this.set({ waiting: false, position: null, agent });
    chat.rename(agent);
    if (agent === before && !waiting) return;
    // One who came later does not know what was said.
    if (this.agents_++ > 0 && agent !== before) this.tellTranscript(chat);
    chat.notice(this.text.here(agent));
    if (!this.isSeen(chat)) this.sounds.message();
    this.saveSoon();
  }

  private tellTranscript(chat: Conversation): void {
    const entries = chat.view.log.flatMap((each) => (each.kind === "text" ? [{ mine: each.mine, name: each.name, text: each.text, at: each.at }] : []));
    if (entries.length === 0) return;
    void chat.call?.sendMessage(deskNotice(transcriptOf(entries)), { contentType: kDeskType }).catch(() => undefined);
  }

  noticed(chat: Conversation, contentType: string, body: string): void {
    const notice = readDeskNotice(contentType, body);
    if (notice?.type === "here") this.agentIsHere(chat, notice.name);
    if (notice?.type === "transfer") chat.notice(this.text.transfer(notice.to));
  }

  ended(chat: Conversation, end: CallEnd, wasOpen: boolean): void {
    if (this.chat_ !== chat || this.leaving_) return;
    const { waiting, agent } = this.state;
    if (!wasOpen && !this.resuming_) {
      const busy = end.cause === "busy" || end.status === 503;
      return this.refused(busy ? this.text.full : end.status === 480 ? this.text.nobody : end.cause === "not-found" || end.cause === "rejected" ? this.text.notSetUp : this.text.unreachable);
    }
    const orderly = end.cause === "hung-up" || end.cause === "transferred";
    const lost = wasOpen && serverStopped(end) ? this.text.restarted : this.text.cutOff;
    chat.notice(end.local ? this.text.youEnded : !orderly ? lost : waiting ? this.text.nobodyCould : this.text.left(agent ?? this.text.agent));
    this.resuming_ = false;
    this.set({ phase: "over", waiting: false, position: null });
    if (!this.isSeen(chat)) this.sounds.message();
    const phone = this.phone_;
    this.phone_ = null;
    phone?.disconnect();
    this.saveSoon();
  }

  end(): void {
    this.chat_?.hangUp();
  }

  again(): void {
    const message = unsent(this.chat_);
    this.drop();
    this.agents_ = 0;
    this.set({ phase: "form", message, problem: null, ...kNoChat });
    this.save(false);
  }

  get chat(): Conversation | null { return this.chat_; }

  // ---- what the chat asks of its host

  get ownName(): string { return cleanName(this.state.name, kLongestName) || this.text.visitor; }
  speaker(): string { return ""; }
  takeVoice(): void { /* there is one chat */ }
  voiceElsewhere(): boolean { return false; }
  isSeen(chat: Conversation): boolean { return this.chat_ === chat && this.state.open && !document.hidden; }

  changed(chat: Conversation): void {
    if (this.chat_ !== chat) return;
    this.set({ chat: chat.view });
    this.saveSoon();
  }

  textArrived(chat: Conversation): void {
    // Who writes is there, whatever was missed.
    if (this.state.waiting) this.agentIsHere(chat, chat.call?.queue?.agent?.displayName ?? "");
    if (!this.isSeen(chat)) this.sounds.message();
  }

  // ---- on to the next page

  private async restore(saved: SavedVisit): Promise<void> {
    this.agents_ = saved.agents;
    this.set({ open: saved.open, name: saved.chat.name, agent: saved.agent, waiting: saved.agent === null, phase: saved.over ? "over" : "chat" });
    const chat = this.begin();
    chat.restore({ ...saved.chat, log: saved.chat.log.map((each) => (each.kind === "text" && each.error !== null ? { ...each, error: this.text.notConfirmed } : each)) });
    if (saved.over) return;
    this.resuming_ = true;
    const phone = this.connectTo();
    try {
      await phone.connect();
    } catch {
      // As if the call were gone.
    }
    if (this.phone_ !== phone) return;
    const call = phone.calls[0];
    if (call === undefined) return this.ended(chat, { cause: "failed", local: false, status: null, reason: null }, true);
    chat.attach(call, "text", saved.chat);
    this.followQueue(chat);
    call.on("status", (status) => {
      if (status === "active" || status === "held") this.resuming_ = false;
    });
  }

  private saveSoon(): void {
    this.save_ ??= setTimeout(() => this.save(false), kSaveAfter);
  }

  private save(left: boolean): void {
    if (this.save_ !== null) clearTimeout(this.save_);
    this.save_ = null;
    const { phase, open, agent, name } = this.state;
    const kept = this.chat_ !== null && (phase === "chat" || (phase === "over" && open));
    saveVisit(kept ? { chat: { ...(this.chat_ as Conversation).saved(), name }, open, over: phase === "over", agent, agents: this.agents_ } : null, left);
  }
}
