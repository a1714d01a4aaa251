// The room as a program sees it: joins over SIP, keeps the roster, chat and media in step, finds its way back when
// the connection breaks. No view and no framework in here; what views show is `state`.

import * as JsSIP from "jssip";
import type { IncomingMessageEvent, OutgoingMessageEvent } from "jssip/lib/UA";
import { cleanName, cleanRoom, isolated } from "../../shared/text.ts";
import { ChatDesk } from "./chat_desk.ts";
import { parseConferenceEvent, type ConferenceEvent } from "../../shared/conference_events.ts";
import { ConnectionStats } from "../../shared/connection_stats.ts";
import { readMessage, type Incoming, type Sender } from "./messages.ts";
import { kCameraType, kChatType, kHandType, kMuteType } from "./protocol.ts";
import { kIdle, step, type LinkCommand, type LinkEvent, type LinkState } from "./reconnect.ts";
import { endingText, kEmptyRoom, type RoomActions, type RoomState } from "./room_types.ts";
import { applyEvent, change } from "../../shared/roster.ts";
import { SipCall } from "./sip/call.ts";
import { connectNow, isConnected, makeUrisSafe, reopen, roomUri } from "../../shared/sip/jssip_fixes.ts";
import { kSources, type Source, type Tracks } from "./sip/media_lines.ts";
import { saveCall } from "./storage.ts";
import { Store } from "../../shared/store.ts";

export interface LocalTracks extends Tracks { micOn: boolean }
export interface RoomOptions { socketUrl: string; host: string }
export interface JoinOptions { room: string; name: string; resumeToken: string | null }

const kProbePatience = 3000;
const kMediaPatience = 4000;    // how long ICE may be "disconnected" before something is done
const kBackShownFor = 4000;
const kToastShownFor = 5000;
const kTick = 500;
const kAnnounceSpread = 600;

const somebody = (name: string): string => isolated(cleanName(name) || "Somebody");

export class RoomClient extends Store<RoomState> implements RoomActions {
  private ua_: JsSIP.UA | null = null;
  private call_: SipCall | null = null;
  private link_: LinkState = kIdle;
  private token_: string | null = null;
  private media_: LocalTracks = { mic: null, camera: null, screen: null, micOn: false };
  private said_: string | null = null;
  private ticker_: ReturnType<typeof setInterval> | null = null;
  private mediaTimer_: ReturnType<typeof setTimeout> | null = null;
  private announceTimer_: ReturnType<typeof setTimeout> | null = null;
  private toasts_ = 0;
  private returning_ = false;   // lost (or reloaded) and on the way back
  private readonly chat_ = new ChatDesk(this, (text) => {
    return this.call_ === null || this.link_.kind !== "up" ? null : this.call_.send(kChatType, text);
  });
  private readonly stats_ = new ConnectionStats((report) => {
    this.set({ quality: report.quality ?? this.state.quality, stalledMids: report.stalledMids });
  });

  constructor(private readonly options_: RoomOptions) {
    super(kEmptyRoom);
    makeUrisSafe();
    window.addEventListener("online", () => this.networkBack());
    window.addEventListener("offline", () => this.showLink());
  }

  // ---- joining and leaving

  join(options: JoinOptions): void {
    const room = cleanRoom(options.room);
    const name = cleanName(options.name);
    this.set({ ...kEmptyRoom, phase: "joining", room, name });
    this.token_ = options.resumeToken;
    this.returning_ = options.resumeToken !== null;
    this.said_ = null;
    this.chat_.clear();
    this.startTicking();
    this.openSocket(name);
    this.dispatch({ kind: "join" });
  }

  leave(): void {
    this.dispatch({ kind: "leave" });
  }

  private openSocket(name: string): void {
    const id = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(this.options_.socketUrl)],
      uri: `sip:guest-${id}@${this.options_.host}`, display_name: name, register: false,
      connection_recovery_min_interval: 1, connection_recovery_max_interval: 4, user_agent: "Parley conference page",
    });
    this.ua_ = ua;
    ua.on("connected", () => {
      if (this.ua_ === ua) this.dispatch({ kind: "socket_up" });
    });
    ua.on("disconnected", () => {
      if (this.ua_ === ua) this.dispatch({ kind: "socket_down" });
    });
    ua.on("newMessage", (event: IncomingMessageEvent | OutgoingMessageEvent) => {
      if (event.originator !== ("remote" as string) || !("ruri" in event.request)) return;
      const request = event.request as Parameters<typeof readMessage>[0];
      if (this.call_?.owns(request) === true) this.receive(readMessage(request, Date.now()));
    });
    ua.start();
  }

  // A BYE that is still on its way is let out before the socket closes.
  private closeSocket(): void {
    const ua = this.ua_;
    this.ua_ = null;
    this.link_ = { ...this.link_, socketUp: false };
    ua?.stop();
  }

  // ---- what happens to the link

  private dispatch(event: LinkEvent): void {
    const before = this.link_.kind;
    const [next, commands] = step(this.link_, event, performance.now());
    this.link_ = next;
    for (const command of commands) this.perform(command);
    if (this.link_.kind !== before || event.kind === "join") this.linkChanged();
  }

  private perform(command: LinkCommand): void {
    const ua = this.ua_;
    const call = this.call_;
    switch (command) {
      case "connect": break;   // the socket is being opened already
      case "call": this.placeCall(); break;
      case "resume":
        void call?.resume().then((ok) => {
          if (this.call_ === call) this.dispatch({ kind: ok ? "resumed" : "resume_failed" });
        });
        break;
      case "probe":
        void call?.probe(kProbePatience).then((ok) => {
          if (this.call_ === call) this.dispatch({ kind: ok ? "probe_answered" : "probe_silent" });
        });
        break;
      case "reopen": if (ua !== null) reopen(ua); break;
      case "abandon": call?.abandon(); this.call_ = null; break;
      case "hang_up": call?.hangUp(); this.call_ = null; break;
    }
  }

  private placeCall(): void {
    if (this.ua_ === null) return;
    const { mic, camera, screen } = this.media_;
    const call: SipCall = new SipCall(this.ua_, {
      target: roomUri(this.state.room, this.options_.host), displayName: this.state.name,
      tracks: { mic, camera, screen }, resumeToken: this.token_,
    }, {
      accepted: ({ participantId, resumeToken }) => {
        if (this.call_ !== call) return;
        this.token_ = resumeToken;
        if (this.state.selfId !== null && this.state.selfId !== participantId) this.chat_.restarted();
        this.set({ selfId: participantId });
        if (participantId !== null) this.markSelf(participantId);
        if (call.connection !== null) this.stats_.start(call.connection);
        call.setMuted(!this.media_.micOn);
        this.dispatch({ kind: "accepted" });
        this.announce();
      },
      ended: ({ by, code, reason, stopping }) => {
        if (this.call_ !== call) return;
        this.call_ = null;
        this.said_ = reason;
        this.set({ videos: [], audio: null, quality: null });
        this.dispatch({ kind: "call_ended", by, code, stopping });
      },
      media: (videos, audio) => {
        if (this.call_ === call) this.showMedia(videos, audio);
      },
      ice: (state) => {
        if (this.call_ === call) this.iceChanged(state);
      },
      resumeToken: (token) => {
        this.token_ = token;
      },
    });
    this.call_ = call;
  }

  private linkChanged(): void {
    const { kind, end, stopped } = this.link_;
    if (kind === "ended" && end !== null) {
      this.stats_.stop();
      this.stopTicking();
      this.closeSocket();
      saveCall(null);
      this.token_ = null;
      this.set({
        phase: "ended", ending: { reason: end.reason, text: endingText(end.reason, end.code, this.said_, stopped) }, banner: null,
        videos: [], audio: null, roster: [], quality: null, hand: false, toasts: [],
      });
      return;
    }
    if (kind === "up") {
      this.set({ phase: "joined", banner: this.returning_ ? { tone: "success", text: "You're back." } : null });
      if (this.returning_) setTimeout(() => this.dropBackBanner(), kBackShownFor);
      this.returning_ = false;
      this.save();
      this.chat_.flush();
      if (this.call_ !== null) this.catchUp(this.call_);
      return;
    }
    this.showLink();
  }

  private showLink(): void {
    const { kind, stopped } = this.link_;
    if (kind === "idle" || kind === "ended") return;
    if (kind === "joining") return this.set({ phase: "joining" });
    if (kind === "up") return;
    this.returning_ = true;
    const text = navigator.onLine === false ? "You are offline. Waiting for the network…"
      : stopped ? "The server is restarting. You will be back in a moment…" : "Connection lost, reconnecting…";
    this.set({ phase: "reconnecting", banner: { tone: "warning", text } });
  }

  private dropBackBanner(): void {
    if (this.state.banner?.tone === "success") this.set({ banner: null });
  }

  private iceChanged(state: RTCIceConnectionState): void {
    if (this.mediaTimer_ !== null) clearTimeout(this.mediaTimer_);
    this.mediaTimer_ = null;
    if (state === "failed") this.dispatch({ kind: "media_lost" });
    else if (state === "disconnected") {
      this.mediaTimer_ = setTimeout(() => this.dispatch({ kind: "media_lost" }), kMediaPatience);
    }
  }

  private networkBack(): void {
    this.showLink();
    if (this.ua_ !== null && !isConnected(this.ua_)) connectNow(this.ua_);
    else if (this.link_.kind === "up") this.dispatch({ kind: "media_lost" });
  }

  private startTicking(): void {
    this.stopTicking();
    let ticks = 0;
    this.ticker_ = setInterval(() => {
      this.dispatch({ kind: "tick" });
      if (++ticks % 10 === 0 && this.state.phase === "joined") this.save();
    }, kTick);
  }

  private stopTicking(): void {
    if (this.ticker_ !== null) clearInterval(this.ticker_);
    this.ticker_ = null;
  }

  private save(): void {
    const { room, name } = this.state;
    saveCall({ room, name, token: this.token_, mic: this.media_.micOn, camera: this.media_.camera !== null, at: Date.now() });
  }

  // ---- media of this side

  setMedia(next: LocalTracks): void {
    const before = this.media_;
    this.media_ = next;
    const call = this.call_;
    if (call === null || this.link_.kind === "joining") return;
    if (next.mic !== before.mic) void this.put(call, "mic");
    if (next.camera !== before.camera) {
      const hadLine = call.hasLine("camera");
      void this.put(call, "camera");
      if (hadLine) this.tell(kCameraType, { on: next.camera !== null });
    }
    if (next.screen !== before.screen) void this.put(call, "screen");
    if (next.micOn !== before.micOn) {
      call.setMuted(!next.micOn);
      this.tell(kMuteType, { muted: !next.micOn });
      this.changeSelf({ muted: !next.micOn });
    }
    if (this.state.phase === "joined") this.save();
  }

  // Devices that came, went or could not be put on the air while the call was being made or was cut off.
  private catchUp(call: SipCall): void {
    for (const source of kSources) if (call.trackOf(source) !== this.media_[source]) void this.put(call, source);
  }

  // A screen that is refused is taken back; what only the broken connection kept off the air is tried again once it is back.
  private async put(call: SipCall, source: Source): Promise<void> {
    const track = this.media_[source];
    const ok = await call.setTrack(source, track);
    if (this.call_ !== call) return;
    if (source === "mic") call.setMuted(!this.media_.micOn);
    if (this.link_.kind !== "up") return;
    if (!ok && source === "screen" && track !== null) this.set({ screenRefused: this.state.screenRefused + 1 });
    else if (ok && this.media_[source] !== track) void this.put(call, source);    // changed while the offer was on its way
  }

  // Tells what a newcomer can't know: what differs from a participant who just came in with everything on.
  private announce(): void {
    const call = this.call_;
    if (call === null) return;
    if (!this.media_.micOn) this.tell(kMuteType, { muted: true });
    this.changeSelf({ muted: !this.media_.micOn, hand: this.state.hand });
    if (call.hasLine("camera") && this.media_.camera === null) this.tell(kCameraType, { on: false });
    if (this.state.hand) this.tell(kHandType, { raised: true });
  }

  private announceSoon(): void {
    const nothing = !this.state.hand && (this.media_.camera !== null || this.call_?.hasLine("camera") !== true);
    if (nothing || this.announceTimer_ !== null) return;
    this.announceTimer_ = setTimeout(() => {
      this.announceTimer_ = null;
      if (this.link_.kind === "up") this.announce();
    }, 200 + Math.random() * kAnnounceSpread);
  }

  private tell(type: string, body: object): void {
    if (this.link_.kind === "up") void this.call_?.send(type, JSON.stringify(body));
  }

  setHand(raised: boolean): void {
    this.set({ hand: raised });
    this.changeSelf({ hand: raised });
    this.tell(kHandType, { raised });
  }

  // ---- the others

  private changeSelf(fields: { muted?: boolean; hand?: boolean }): void {
    const { selfId } = this.state;
    if (selfId !== null) this.set({ roster: change(this.state.roster, selfId, fields) });
  }

  private markSelf(selfId: string): void {
    this.set({ roster: this.state.roster.map((each) => ({ ...each, self: each.id === selfId })) });
  }

  private showMedia(videos: RoomState["videos"], audio: MediaStream | null): void {
    let { roster } = this.state;
    for (const video of videos) {
      const known = roster.find((each) => each.id === video.participant);
      if (known !== undefined && known.notice !== null) roster = change(roster, known.id, { notice: null });
    }
    this.set({ videos, audio, roster });
  }

  private receive(message: Incoming): void {
    switch (message.kind) {
      case "event": {
        const event = parseConferenceEvent(message.body);
        if (event !== null) this.conferenceEvent(event);
        break;
      }
      case "chat": this.chat_.receive(message); break;
      case "hand": this.receiveHand(message.from, message.on); break;
      case "mute": this.changeOther(message.from, { muted: message.on }); break;
      case "camera": this.changeOther(message.from, { cameraOff: !message.on }); break;
      case "notice":
        this.set({ roster: change(this.state.roster, message.participant, { notice: message.reason }) });
        break;
      case "other": break;
    }
  }

  private conferenceEvent(event: ConferenceEvent): void {
    const { selfId } = this.state;
    this.set({ roster: applyEvent(this.state.roster, event, selfId) });
    const first = event.channels[0];
    switch (event.type) {
      case "ConfbridgeWelcome": this.changeSelf({ muted: !this.media_.micOn, hand: this.state.hand }); break;
      case "ConfbridgeJoin":
        if (first !== undefined && first.id !== selfId) {
          this.toast(`${somebody(first.name)} joined`);
          this.announceSoon();
        }
        break;
      case "ConfbridgeLeave": if (first !== undefined) this.toast(`${somebody(first.name)} left`); break;
      case "ConfbridgeMute":
        if (first !== undefined && first.id === selfId && this.media_.micOn) {
          this.set({ mutedByModerator: this.state.mutedByModerator + 1 });
          this.toast("Your microphone was muted by a moderator");
        }
        break;
      case "ConfbridgeRecord": this.set({ recording: true }); break;
      case "ConfbridgeStopRecord": this.set({ recording: false }); break;
      default: break;
    }
  }

  private changeOther(from: Sender, fields: { muted?: boolean; cameraOff?: boolean; hand?: boolean }): void {
    if (from.participant === null || from.participant === this.state.selfId) return;
    this.set({ roster: change(this.state.roster, from.participant, fields) });
  }

  private receiveHand(from: Sender, raised: boolean): void {
    const known = this.state.roster.find((each) => each.id === from.participant);
    if (known === undefined || known.hand === raised) return;
    this.changeOther(from, { hand: raised });
    if (raised) this.toast(`${somebody(known.name)} raised a hand`);
  }

  private toast(text: string): void {
    const id = ++this.toasts_;
    this.set({ toasts: [...this.state.toasts, { id, text }].slice(-3) });
    setTimeout(() => this.set({ toasts: this.state.toasts.filter((each) => each.id !== id) }), kToastShownFor);
  }

  // ---- chat

  sendChat(text: string): void {
    this.chat_.send(text);
  }

  retryChat(key: string): void {
    this.chat_.retry(key);
  }
}
