// A call as programs of the old kind know it, over the SDK's.

import type { Call as SdkCall } from "../call.ts";
import type { CallEnd } from "../types.ts";
import type { OzCamera } from "./oz_camera.ts";
import { type Handler, later, Slot } from "./slot.ts";
import type { CallStateName } from "./states.ts";

const kMostStates = 16;
const kMostMessages = 1000;
const kHtml = "text/html;charset=utf-8";

/** @internal */
export interface CallOwner {
  cameraId(camera: OzCamera): Promise<string | undefined>;
  failed(code: string | number, message: string): void;
}

function stateOf(end: CallEnd): CallStateName {
  switch (end.cause) {
    case "busy": return "BUSY";
    case "rejected": return "REJECTED";
    case "not-found": return "NOT_FOUND";
    default: return "COMPLETED";
  }
}

/** A call. Made by `OzWebClient.createCall()`, or given to the handler of `onIncomingCall`. */
export class Call {
  private readonly states_ = new Slot<[CallStateName]>(kMostStates);
  private readonly messages_ = new Slot<[string]>(kMostMessages);
  private camera_: OzCamera | null = null;
  private display_: string | HTMLElement | null = null;
  private video_: HTMLVideoElement | null = null;
  private last_: CallStateName | null = null;
  private announced_: boolean;
  private left_ = false;
  private accepted_ = false;

  // `resumed`: the call is up already, from before the page was reloaded; the program takes it by accept().
  /** @internal */
  constructor(private readonly call_: SdkCall, private readonly owner_: CallOwner, private readonly resumed_ = false) {
    this.announced_ = !resumed_;
    call_.on("status", (status) => {
      if (status === "ringing" && call_.direction === "outgoing") this.report("RINGING");
      else if (status === "active") this.report("IN_CALL");
      else if (status === "held") this.report("HOLD");
    });
    call_.on("ended", (end) => this.ended(end));
    call_.on("message", ({ text }) => this.messages_.fire(text));
    call_.on("videos", () => this.show());
    call_.on("mediaProblem", ({ message }) => owner_.failed("media-refused", message));
  }

  private report(state: CallStateName): void {
    if (this.left_ || !this.announced_ || this.last_ === state) return;
    this.last_ = state;
    this.states_.fire(state);
  }

  private ended(end: CallEnd): void {
    if (end.cause === "failed" && !end.local) this.owner_.failed(end.status ?? "call-failed", end.reason ?? "The call failed.");
    if (!end.local) this.report(stateOf(end));
    if (this.video_ !== null) this.video_.srcObject = null;
  }

  /** Starts the call. */
  start(): void {
    this.call_.start();
    this.putCamera();
  }

  /** Accepts an incoming call. Texts may be sent at once: they wait until the call is up. */
  accept(): void {
    if (this.resumed_) {
      this.announced_ = true;
      const { status } = this.call_;
      if (status === "active" || status === "held") this.report(status === "held" ? "HOLD" : "IN_CALL");
      return;
    }
    this.call_.accept();
    if (this.accepted_) return;
    this.accepted_ = true;
    this.putCamera();
  }

  /** Refuses an incoming call. */
  reject(): void {
    if (this.resumed_) return this.hangUp();
    this.leave(() => this.call_.reject());
  }

  /** Ends the call. The program that calls this gets no state for it; `getCallState()` says COMPLETED. */
  hangUp(): void {
    if (this.call_.end === null) this.leave(() => this.call_.hangUp());
  }

  // What was of no use, such as refusing a call that is up, leaves it as it was.
  private leave(act: () => void): void {
    act();
    if (this.call_.end?.local !== true) return;
    this.left_ = true;
    this.states_.drop();
  }

  /** Puts the call on hold. Texts go on. */
  hold(): void {
    void this.call_.hold().catch((error: Error) => this.owner_.failed("hold-failed", error.message));
  }

  /** Takes the call off hold. */
  unHold(): void {
    void this.call_.unhold().catch((error: Error) => this.owner_.failed("unhold-failed", error.message));
  }

  /** Hands the other side over to a number. */
  transfer(phoneNumber: string): void {
    this.call_.transfer(String(phoneNumber)).then(({ ok, status }) => {
      if (!ok) this.owner_.failed(status ?? "transfer-failed", "The transfer failed.");
    }, (error: Error) => this.owner_.failed("transfer-failed", error.message));
  }

  /** Sends an incoming call on to a number, instead of accepting it. */
  forward(phoneNumber: string): void {
    this.leave(() => this.call_.forward(String(phoneNumber)));
  }

  /** Presses keys of the telephone. */
  sendDtmf(keys: string): void {
    try {
      this.call_.sendDtmf(String(keys));
    } catch (error) {
      this.owner_.failed("dtmf-failed", (error as Error).message);
    }
  }

  /** Sends a text to the other side, as HTML unless told otherwise. */
  sendMessage(text: string, contentType: string = kHtml): void {
    void this.call_.sendMessage(String(text), { contentType }).catch((error: Error & { status?: number | null }) => {
      this.owner_.failed(error.status ?? "message-failed", error.message);
    });
  }

  /** The handler gets each text that comes. It replaces the one before; texts wait for the first. */
  onMessageReceived(handler: Handler<[message: string]>): void {
    this.messages_.set(handler);
  }

  /** The handler gets each state of the call. It replaces the one before. */
  onCallStateChanged(handler: Handler<[state: CallStateName]>): void {
    this.states_.set(handler);
  }

  /** The other side's number. */
  getOtherParty(): string {
    return this.call_.number;
  }

  /** The call's state. */
  getCallState(): CallStateName {
    const { end, status } = this.call_;
    if (end !== null) return end.local && end.cause === "busy" ? "REJECTED" : stateOf(end);
    return status === "active" ? "IN_CALL" : status === "held" ? "HOLD" : "RINGING";
  }

  /** Sends the camera's video: from now on, or from the start of the call. */
  attachCamera(camera: OzCamera): void {
    this.camera_ = camera;
    if (this.call_.end !== null) return;
    const { direction, status } = this.call_;
    if (this.accepted_ || status !== "new" && !(direction === "incoming" && status === "ringing")) this.putCamera();
  }

  private putCamera(): void {
    const camera = this.camera_;
    if (camera === null) return;
    void this.owner_.cameraId(camera).then((id) => this.call_.startVideo(id)).catch(() => undefined);
  }

  /** Where to show the other side: the id of a `<video>`, or of any element to put one into. */
  setRemoteDisplay(element: string | HTMLElement): void {
    this.display_ = element;
    later(() => this.show());
  }

  private show(): void {
    const stream = this.call_.videos[0]?.stream;
    const place = typeof this.display_ === "string" ? document.getElementById(this.display_) : this.display_;
    if (stream === undefined || place === null || this.call_.end !== null) return;
    let video = this.video_;
    if (place instanceof HTMLVideoElement) {
      video = place;
    } else if (video === null || video.parentElement !== place) {
      video = document.createElement("video");
      video.style.width = "100%";
      place.appendChild(video);
    }
    this.video_ = video;
    video.autoplay = true;
    video.playsInline = true;
    video.muted = true;   // the sound has an element of its own
    if (video.srcObject !== stream) video.srcObject = stream;
    void video.play().catch(() => undefined);
  }
}
