// One call, as a program sees it.

import { ConnectionStats } from "../../shared/connection_stats.ts";
import { LevelMeter } from "../../shared/level_meter.ts";
import { AudioOutput } from "./audio_output.ts";
import { CallDevices } from "./call_devices.ts";
import { CallInbox } from "./call_inbox.ts";
import { CallMedia, type LocalTrack } from "./call_media.ts";
import { CallSession, type SessionWatch } from "./call_session.ts";
import type { CallDirection, CallEvents, CallHost, CallInfo, VolumeMeter } from "./call_types.ts";
import { Emitter } from "./emitter.ts";
import { callerOf } from "./incoming.ts";
import { kParticipantHeader, kRepeatHeader, kReportHeader, kToHeader } from "./names.ts";
import { Outbox } from "./outbox.ts";
import type { SavedCall } from "./resume_store.ts";
import type { IncomingRequest, Session } from "./sip.ts";
import { readStatistics } from "./statistics.ts";
import { kTypingType, typingBody, TypingSender } from "./typing.ts";
import {
  type CallEnd, type CallOptions, type CallQuality, type CallStatistics, type CallStatus, type Identity, type QueueNews, type RemoteVideo,
  type RoomParticipant, type SentText, type TextOptions, type TransferResult, WebphoneError,
} from "./types.ts";

/** A call: voice, video and texts with another client, an extension, or a room. */
export class Call extends Emitter<CallEvents> {
  private status_: CallStatus = "new";
  private established_ = false;
  private rang_ = false;
  private localHold_ = false;
  private heldByOffer_ = false;
  private heldByNotice_ = false;
  private end_: CallEnd | null = null;
  private ending_: CallEnd | null = null;
  private muted_ = false;
  private offerDue_ = false;
  private repeat_ = Date.now();   // a text's number is not used again after a reload, when the server still knows the last ones
  private readonly media_: CallMedia;
  private readonly devices_: CallDevices;
  private readonly audio_ = new AudioOutput();
  private grade_: CallQuality["grade"] = "good";
  private leg_: CallSession | null = null;
  private before_: SavedCall | null = null;   // what it was before the reload
  private readonly outbox_ = new Outbox(
    () => this.established_ && this.end_ === null && this.host_.online && this.leg_?.ready === true,
    (text, answer) => this.leg_?.send(text, answer),
  );
  private readonly typing_ = new TypingSender((active) => {
    if (this.established_ && this.host_.online) this.leg_?.sendQuietly(kTypingType, typingBody(active));
  });
  private readonly inbox_: CallInbox;
  private readonly stats_ = new ConnectionStats(({ quality }) => {
    if (quality === null || quality.grade === this.grade_) return;
    this.grade_ = quality.grade;
    this.emit("quality", quality);
  });

  /** @internal */
  constructor(private readonly host_: CallHost, private info_: CallInfo) {
    super();
    this.media_ = new CallMedia(info_.video);
    this.devices_ = new CallDevices(host_.devices, {
      over: () => this.end_ !== null,
      put: (which, track) => {
        if (which === "microphone") track.enabled = !this.muted_;
        this.exchange(which, track);
      },
      problem: (device, message) => this.emit("mediaProblem", { device, message }),
    });
    this.inbox_ = new CallInbox({
      number: () => this.info_.number,
      listens: () => this.hasListener("message"),
      held: (held) => {
        this.heldByNotice_ = held;
        this.refresh();
      },
      emit: (name, data) => this.emit(name, data),
    });
  }

  /** Which side started it. */
  get direction(): CallDirection { return this.info_.direction; }
  /** The other side's number. After a transfer it is another's: the event `identity` says so. */
  get number(): string { return this.info_.number; }
  /** The other side's name, as far as known. */
  get displayName(): string { return this.info_.displayName; }
  /** Whether the caller offered video. */
  get video(): boolean { return this.info_.video; }
  /** Where the call stands. */
  get status(): CallStatus { return this.status_; }
  /** How it ended, once it has. */
  get end(): CallEnd | null { return this.end_; }
  /** Whether this side holds the call. */
  get heldHere(): boolean { return this.localHold_; }
  /** Whether the other side holds the call. */
  get heldThere(): boolean { return this.heldByOffer_ || this.heldByNotice_; }
  /** Whether this side's microphone is off in this call. */
  get muted(): boolean { return this.muted_; }
  /** Whether the microphone is open in this call, though it may be muted. */
  get hasMicrophone(): boolean { return this.media_.track("microphone") !== null; }
  /** The people in the room, if the call goes to one. */
  get participants(): RoomParticipant[] { return this.inbox_.participants; }
  /** Where the call stands in a queue, if it waits or has waited in one. */
  get queue(): QueueNews | null { return this.inbox_.queue; }
  /** The id of the session that this call lets one hear, if the server called for that. */
  get listensTo(): string | null { return this.info_.listensTo ?? null; }
  /** The videos that come in. */
  get videos(): RemoteVideo[] { return this.media_.videos(); }
  /** The sound that comes in. */
  get audio(): MediaStream | null { return this.media_.audio(); }

  // ---- beginning and ending

  /** Starts an outgoing call. It does not wait for the microphone: that joins when the person allows it. */
  start(options: CallOptions = {}): void {
    if (this.info_.direction !== "outgoing" || this.status_ !== "new") return;
    const { ua } = this.host_;
    if (options.video !== undefined && options.video !== false) this.media_.wantsVideo = true;
    this.put("calling");
    if (ua === null) return this.finish({ cause: "failed", local: false, status: null, reason: "Not connected." });
    this.leg_ = CallSession.out(ua, this.host_, this.info_.dial ?? this.info_.number, this.media_, this.watch(), options.extraHeaders ?? []);
    this.openDevices(options);
  }

  /** Accepts an incoming call. */
  accept(options: CallOptions = {}): void {
    if (this.info_.direction !== "incoming" || this.status_ !== "ringing" || this.leg_?.answering === true) return;
    this.media_.wantsVideo = options.video !== undefined && options.video !== false || this.media_.track("camera") !== null;
    this.leg_?.accept(this.host_, options.extraHeaders ?? []);
    this.openDevices(options);
  }

  /** Refuses an incoming call: 603 (declined) unless told otherwise, such as 486 for "busy". */
  reject(status = 603): void {
    if (this.info_.direction !== "incoming" || this.established_ || this.end_ !== null) return;
    this.close({ cause: status === 486 ? "busy" : "rejected", local: true, status, reason: null }, () => this.leg_?.refuse(status));
  }

  /** Ends the call, or gives up calling. On an ended call it does nothing. */
  hangUp(): void {
    if (this.end_ !== null) return;
    if (this.info_.direction === "incoming" && this.status_ === "ringing" && this.leg_?.answering !== true) return this.reject();
    this.close({ cause: this.established_ ? "hung-up" : "cancelled", local: true, status: null, reason: null }, () => this.leg_?.hangUp());
  }

  /** Sends an incoming call on to another number, instead of accepting it. */
  forward(number: string): void {
    if (this.info_.direction !== "incoming" || this.established_ || this.end_ !== null) return;
    this.close({ cause: "forwarded", local: true, status: 302, reason: null }, () => this.leg_?.redirect(number, this.host_.domain));
  }

  private close(end: CallEnd, act: () => void): void {
    this.ending_ = end;
    act();
    this.finish(end);
  }

  // ---- during the call

  /** Puts the call on hold: texts go on, sound and video stop. */
  hold(): Promise<void> { return this.setHold(true); }

  /** Takes the call off hold. */
  unhold(): Promise<void> { return this.setHold(false); }

  private async setHold(held: boolean): Promise<void> {
    if (!this.established_ || this.end_ !== null) throw new WebphoneError("not-in-call", "The call is not up.");
    if (this.localHold_ === held) return;
    const result = await this.leg_?.offer({}, () => this.media_.setHeld(held));
    if (this.end_ !== null) throw new WebphoneError("call-ended", "The call has ended.");
    if (result?.ok !== true) {
      this.media_.setHeld(!held);
      throw new WebphoneError("refused", held ? "The call could not be held." : "The call could not be taken off hold.",
                              result?.response?.status_code ?? null);
    }
    this.localHold_ = held;
    this.refresh();
  }

  /** Switches this side's microphone off, in this call alone. */
  mute(): void { this.setMuted(true); }
  /** Switches it on again. */
  unmute(): void { this.setMuted(false); }

  private setMuted(muted: boolean): void {
    this.muted_ = muted;
    const track = this.media_.track("microphone");
    if (track !== null) track.enabled = !muted;
    this.leg_?.setMuted(muted);
  }

  /** Presses keys: digits, `*`, `#`, `A` to `D`, and `,` for a pause. */
  sendDtmf(keys: string): void {
    if (!/^[0-9A-D*#,]+$/i.test(keys)) throw new WebphoneError("not-allowed", `"${keys}" are no keys of a telephone.`);
    if (!this.established_ || this.end_ !== null) throw new WebphoneError("not-in-call", "The call is not up.");
    const sender = this.media_.dtmf();
    if (sender !== null && this.media_.track("microphone") !== null) sender.insertDTMF(sender.toneBuffer + keys, 160, 70);
    else this.leg_?.dtmf(keys);
  }

  /** Hands the other side over to a number, and leaves; in a room the number takes this side's place. */
  transfer(number: string): Promise<TransferResult> {
    return this.refer((leg) => leg.transfer(number, this.host_.domain));
  }

  /** Joins the other sides of this call and another one, and leaves both (attended transfer). One that this side has called and that still rings will do: it rings on for the other side. */
  transferTo(other: Call): Promise<TransferResult> {
    const target = other.leg_;
    const rings = other.direction === "outgoing" && other.status_ === "ringing";
    if (target === null || !(other.established_ || rings) || other.end_ !== null) return Promise.reject(new WebphoneError("not-in-call", "The other call is not up."));
    return this.refer((leg) => leg.transferTo(target, other.number, this.host_.domain));
  }

  /** In a room: has the server call a number in. This side stays. */
  invite(number: string): Promise<TransferResult> {
    if (!this.inbox_.inRoom) return Promise.reject(new WebphoneError("not-allowed", "The call is in no room."));
    return this.refer((leg) => leg.transfer(number, this.host_.domain), true);
  }

  private async refer(act: (leg: CallSession) => Promise<TransferResult>, stays = false): Promise<TransferResult> {
    const leg = this.leg_;
    if (leg === null || !this.established_ || this.end_ !== null) throw new WebphoneError("not-in-call", "The call is not up.");
    const result = await act(leg);
    if (result.ok && !stays && this.end_ === null) {
      this.close({ cause: "transferred", local: false, status: null, reason: null }, () => leg.hangUp());
    }
    return result;
  }

  // ---- texts

  /** Sends a text. Before the call is up, and while the connection is broken, it waits. Resolves when the server has it. */
  sendMessage(text: string, options: TextOptions = {}): Promise<SentText> {
    if (this.end_ !== null) return Promise.reject(new WebphoneError("call-ended", "The call has ended."));
    this.typing_.sent();
    const headers = [`${kRepeatHeader}: ${++this.repeat_}`];
    if (options.to !== undefined) headers.push(`${kToHeader}: ${options.to.replace(/[\r\n]/g, "")}`);
    if (options.report === true) headers.push(`${kReportHeader}: delivered`);
    const contentType = (options.contentType ?? "text/plain;charset=utf-8").replace(/[\r\n]/g, "");
    return new Promise((resolve, reject) => this.outbox_.add({ contentType, body: text, headers, resolve, reject }));
  }

  /** To be called at each key that the person presses in the text field: the other side sees that somebody is writing. */
  keyPressed(): void {
    this.typing_.keyPressed(Date.now());
  }

  // ---- devices

  /** Sends video from a camera. */
  async startVideo(deviceId?: string): Promise<void> {
    await this.devices_.open("camera", deviceId);
  }

  /** Makes room for the other side's video in a call that began without; nothing is sent. */
  receiveVideo(): void {
    if (this.established_ && this.end_ === null && this.media_.receiveVideo()) void this.leg_?.offer({});
  }

  /** Stops sending the camera's video. */
  stopVideo(): void {
    this.devices_.forget("camera");
    this.media_.wantsVideo = false;
    this.exchange("camera", null);
  }

  /** Opens the microphone in a call that began without, or takes another one: the chosen one unless told. */
  async setMicrophone(deviceId?: string): Promise<void> {
    await this.devices_.open("microphone", deviceId);
  }

  /** Lets the microphone go, in this call alone. */
  stopMicrophone(): void {
    this.devices_.forget("microphone");
    this.exchange("microphone", null);
  }

  /** Shows a screen or window: in place of the camera, or beside it (`separate`, as rooms can). */
  async shareScreen(options: { separate?: boolean } = {}): Promise<void> {
    const separate = options.separate ?? this.inbox_.inRoom;
    const track = await this.devices_.screen();
    if (track === null) return;
    track.addEventListener("ended", () => this.stopScreen());
    if (separate) {
      const result = await this.leg_?.offer({}, () => this.media_.setScreenLine(track));
      if (result?.ok !== true) {
        this.stopScreen();
        throw new WebphoneError("refused", "The server took no screen.", result?.response?.status_code ?? null);
      }
    } else {
      this.exchange("screen", track);
    }
  }

  /** Stops showing the screen. */
  stopScreen(): void {
    this.devices_.forget("screen");
    const track = this.media_.track("screen");
    if (track === null) return;
    track.stop();
    if (this.end_ !== null) return;
    void this.leg_?.offer({}, () => {
      this.media_.setScreenLine(null);
      this.media_.set("screen", null);
    });
  }

  /** Measures how loud this side's microphone or the other side is; null while there is no sound. */
  volumeMeter(side: "microphone" | "remote"): VolumeMeter | null {
    const track = side === "microphone" ? this.media_.track("microphone") : this.media_.audio()?.getAudioTracks()[0] ?? null;
    return track === null || typeof AudioContext === "undefined" ? null : new LevelMeter(track);
  }

  /** Reads the call's figures. */
  async statistics(): Promise<CallStatistics | null> {
    return this.media_.connection === null ? null : readStatistics(this.media_.connection);
  }

  private openDevices(options: CallOptions): void {
    if (options.audio !== false) void this.devices_.open("microphone").catch(() => undefined);
    if (options.video !== undefined && options.video !== false) {
      void this.devices_.open("camera", options.video === true ? undefined : options.video.deviceId).catch(() => undefined);
    }
  }

  private exchange(which: LocalTrack, track: MediaStreamTrack | null): void {
    const before = this.media_.track(which);
    const offer = this.media_.set(which, track);
    if (which !== "screen" && before !== track) this.host_.devices.release(before);
    if (!offer) return;
    if (this.established_) void this.leg_?.offer({});
    else this.offerDue_ = true;   // the first offer or answer is made already
  }

  /** This side's camera or screen, to show it on this page. */
  get localVideo(): MediaStreamTrack | null {
    return this.media_.track("screen") ?? this.media_.track("camera");
  }

  /** @internal */
  setSpeaker(id: string): void {
    this.audio_.setSpeaker(id);
  }

  // ---- what the session reports

  private watch(): SessionWatch {
    return {
      ringing: () => {
        this.rang_ = true;
        if (this.status_ === "calling") this.put("ringing");
      },
      up: (participant) => {
        this.inbox_.selfId = participant ?? this.inbox_.selfId;
        this.established_ = true;
        if (this.muted_) this.leg_?.setMuted(true);
        this.refresh();
        this.showMedia();   // as a rule it was there before the ACK
        const connection = this.media_.connection;
        if (connection !== null) this.stats_.start(connection);
        this.inbox_.up();
        this.outbox_.flush();
        if (this.offerDue_) void this.leg_?.offer({});
        this.offerDue_ = false;
        this.host_.callChanged(this);
      },
      ended: (end) => this.finish(this.ending_ ?? end),
      hold: (held) => {
        this.heldByOffer_ = held;
        this.refresh();
      },
      media: () => this.showMedia(),
      dtmf: (key) => this.emit("dtmf", key),
      token: () => this.host_.callChanged(this),
      identity: (identity) => this.takeIdentity(identity),
      rang: () => this.rang_,
      established: () => this.established_,
    };
  }

  // A name that isn't said is not another one.
  private takeIdentity({ number, displayName }: Identity): void {
    const known = this.info_;
    if (this.end_ !== null || (known.number === number && (displayName === "" || displayName === known.displayName))) return;
    this.info_ = { ...known, number, displayName };
    this.emit("identity", { number, displayName });
    this.host_.callChanged(this);
  }

  private showMedia(): void {
    const audio = this.media_.audio();
    if (audio !== null && this.established_) {
      if (this.host_.playAudio) this.audio_.play(audio, this.host_.devices.chosen("speaker"));
      this.emit("audio", audio);
    }
    this.emit("videos", this.media_.videos());
  }

  private refresh(): void {
    if (!this.established_ || this.end_ !== null) return;
    this.put(this.localHold_ || this.heldThere ? "held" : "active");
  }

  private put(status: CallStatus): void {
    if (this.status_ === status || this.status_ === "ended") return;
    this.status_ = status;
    this.emit("status", status);
  }

  private finish(end: CallEnd): void {
    if (this.end_ !== null) return;
    this.end_ = end;
    this.stats_.stop();
    this.audio_.close();
    this.inbox_.close();
    this.typing_.sent();
    for (const which of ["microphone", "camera"] as const) this.host_.devices.release(this.media_.track(which));
    this.media_.track("screen")?.stop();
    this.put("ended");
    this.emit("ended", end);
    this.outbox_.fail(new WebphoneError("call-ended", "The call ended before the text was sent."));
    this.host_.callChanged(this);
  }

  // ---- what comes in by MESSAGE

  /** @internal */
  owns(request: IncomingRequest): boolean {
    return this.end_ === null && this.leg_?.owns(request) === true;
  }

  /** @internal */
  receive(request: IncomingRequest): void {
    this.inbox_.receive(request);
  }

  /** @internal */
  protected override listened(name: keyof CallEvents): void {
    if (name === "message") this.inbox_.listened();
  }

  // ---- losing and finding the connection

  /** @internal */
  interrupted(): void {
    if (this.established_ && this.end_ === null) this.emit("interrupted", null);
  }

  /** @internal */
  async connectionBack(): Promise<void> {
    if (!this.established_ || this.end_ !== null || this.leg_ === null) return;
    const ok = await this.leg_.resume(() => this.end_ === null && this.host_.online);
    if (this.end_ !== null) return;
    this.outbox_.flush();
    if (ok) this.emit("resumed", null);
  }

  /** @internal */
  giveUp(): void {
    if (this.end_ !== null) return;
    this.leg_?.abandon();
    this.finish({ cause: "failed", local: false, status: null, reason: "The connection was lost." });
  }

  /** @internal */
  saved(): SavedCall | null {
    if (!this.established_ && this.end_ === null) return this.before_;
    const dialog = this.end_ === null ? this.leg_?.dialog() : undefined;
    if (dialog === undefined || this.leg_ === null || this.leg_.token === null) return null;
    const { number, displayName, direction } = this.info_;
    return { ...dialog, token: this.leg_.token, number, displayName, direction, video: this.media_.hasVideoLine,
             audio: this.hasMicrophone, muted: this.muted_, heldHere: this.localHold_, heldThere: this.heldByNotice_ };
  }

  /** @internal */
  static fromInvite(host: CallHost, session: Session, request: IncomingRequest): Call {
    const call = new Call(host, { ...callerOf(request), direction: "incoming" });
    call.status_ = "ringing";
    call.leg_ = CallSession.in(session, request, call.media_, call.watch());
    call.inbox_.selfId = request.getHeader(kParticipantHeader) ?? null;
    return call;
  }

  // The call that this page had before its reload: a new INVITE takes the old one's place.
  /** @internal */
  static resume(host: CallHost, saved: SavedCall): Call {
    const call = new Call(host, { number: saved.number, displayName: saved.displayName, direction: saved.direction, video: saved.video });
    call.status_ = "calling";
    call.before_ = saved;
    call.localHold_ = saved.heldHere === true;
    call.heldByNotice_ = saved.heldThere === true;
    call.media_.setHeld(call.localHold_);
    if (host.ua === null) return call;
    const { callId, remoteTag, localTag, token } = saved;
    const replaces = `Replaces: ${callId};to-tag=${remoteTag};from-tag=${localTag}`;
    call.leg_ = CallSession.out(host.ua, host, saved.number, call.media_, call.watch(), [replaces], token);
    call.muted_ = saved.muted;
    call.openDevices({ audio: saved.audio });
    return call;
  }
}
