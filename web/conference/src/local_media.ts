// This side's microphone, camera and shared screen: asks for them, switches them, and says in words why it can't.

import { mediaProblem } from "../../shared/media_problem.ts";
import { Store } from "../../shared/store.ts";

export type Device = "mic" | "camera";

export interface DeviceState {
  track: MediaStreamTrack | null;
  on: boolean;                // what the person wants: an unmuted microphone, a camera that runs
  busy: boolean;
  problem: string | null;
  deviceId: string;
}

export interface LocalMediaState {
  mic: DeviceState;
  camera: DeviceState;
  screen: MediaStreamTrack | null;
  screenProblem: string | null;
  mics: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
}

const kOff: DeviceState = { track: null, on: false, busy: false, problem: null, deviceId: "" };

export function canUseDevices(): boolean {
  return window.isSecureContext && typeof navigator.mediaDevices?.getUserMedia === "function";
}

export function canShareScreen(): boolean {
  return window.isSecureContext && typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

function constraints(device: Device, deviceId: string): MediaStreamConstraints {
  const id = deviceId === "" ? {} : { deviceId: { ideal: deviceId } };
  if (device === "mic") {
    return { audio: { ...id, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  }
  return { video: { ...id, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } };
}

export class LocalMedia extends Store<LocalMediaState> {
  private asked_ = 0;      // counts stopAll(): what was asked for before it and comes after it is let go at once

  constructor(micId: string, cameraId: string) {
    super({
      mic: { ...kOff, deviceId: micId }, camera: { ...kOff, deviceId: cameraId }, screen: null, screenProblem: null,
      mics: [], cameras: [],
    });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.listDevices());
  }

  // The stream asked for; null where it came too late to be wanted.
  private async ask(wanted: MediaStreamConstraints): Promise<MediaStream | null> {
    const asked = this.asked_;
    const stream = await navigator.mediaDevices.getUserMedia(wanted).catch((error: unknown) => {
      if (asked === this.asked_) throw error;
      return null;
    });
    if (asked === this.asked_) return stream;
    for (const track of stream?.getTracks() ?? []) track.stop();
    return null;
  }

  private put(device: Device, fields: Partial<DeviceState>): void {
    const next = { ...this.state[device], ...fields };
    this.set(device === "mic" ? { mic: next } : { camera: next });
  }

  // Asks for both with one question where possible; where one is missing or refused the other may still be had.
  async start(wanted: { mic: boolean; camera: boolean }): Promise<void> {
    if (!canUseDevices()) {
      const problem = mediaProblem(null, "mic");
      this.put("mic", { problem });
      this.put("camera", { problem: mediaProblem(null, "camera") });
      return;
    }
    const asked = this.asked_;
    if (wanted.mic && wanted.camera) {
      this.put("mic", { busy: true });
      this.put("camera", { busy: true });
      try {
        const stream = await this.ask({
          ...constraints("mic", this.state.mic.deviceId), ...constraints("camera", this.state.camera.deviceId),
        });
        if (stream === null) return;
        this.take("mic", stream.getAudioTracks()[0] ?? null);
        this.take("camera", stream.getVideoTracks()[0] ?? null);
        return await this.listDevices();
      } catch {
        // One of them is the reason; asking for each alone shows which.
      }
    }
    if (wanted.mic) await this.turnOn("mic");
    if (wanted.camera && asked === this.asked_) await this.turnOn("camera");
    await this.listDevices();
  }

  private take(device: Device, track: MediaStreamTrack | null): void {
    const old = this.state[device].track;
    if (old !== null && old !== track) old.stop();
    if (track !== null) {
      if (device === "camera") track.contentHint = "motion";
      track.addEventListener("ended", () => {
        if (this.state[device].track === track) {
          this.put(device, { track: null, on: false, problem: mediaProblem("ended", device) });
        }
      });
    }
    const deviceId = track?.getSettings().deviceId ?? this.state[device].deviceId;
    this.put(device, { track, on: track !== null, busy: false, problem: null, deviceId });
  }

  async turnOn(device: Device): Promise<void> {
    const known = this.state[device];
    if (device === "mic" && known.track !== null) {
      known.track.enabled = true;
      return this.put("mic", { on: true });
    }
    if (!canUseDevices()) return this.put(device, { problem: mediaProblem(null, device), busy: false });
    this.put(device, { busy: true, problem: null });
    try {
      const stream = await this.ask(constraints(device, known.deviceId));
      if (stream === null) return;
      this.take(device, (device === "mic" ? stream.getAudioTracks() : stream.getVideoTracks())[0] ?? null);
      await this.listDevices();
    } catch (error) {
      this.put(device, { track: null, on: false, busy: false, problem: mediaProblem(error, device) });
    }
  }

  // The microphone stays open but silent, so that it is back at once; the camera is let go and its light goes out.
  turnOff(device: Device): void {
    const { track } = this.state[device];
    if (device === "mic") {
      if (track !== null) track.enabled = false;
      this.put("mic", { on: false });
    } else {
      track?.stop();
      this.put("camera", { track: null, on: false });
    }
  }

  async toggle(device: Device): Promise<void> {
    if (this.state[device].busy) return;
    if (this.state[device].on) this.turnOff(device);
    else await this.turnOn(device);
  }

  async choose(device: Device, deviceId: string): Promise<void> {
    const { on, track } = this.state[device];
    this.put(device, { deviceId });
    if (track === null) return;
    if (device === "mic") {
      track.stop();
      this.put("mic", { track: null });
    }
    await this.turnOn(device);
    if (!on) this.turnOff(device);
  }

  async listDevices(): Promise<void> {
    if (!canUseDevices()) return;
    try {
      const all = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.deviceId !== "");
      this.set({
        mics: all.filter((each) => each.kind === "audioinput"), cameras: all.filter((each) => each.kind === "videoinput"),
      });
    } catch {
      // Without a list the default devices still work.
    }
  }

  async startScreen(): Promise<void> {
    if (!canShareScreen()) return this.set({ screenProblem: "This browser can't share a screen." });
    const asked = this.asked_;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } } });
      const track = stream.getVideoTracks()[0] ?? null;
      if (asked !== this.asked_) return track?.stop();
      if (track !== null) {
        track.contentHint = "detail";
        track.addEventListener("ended", () => {
          if (this.state.screen === track) this.set({ screen: null });
        });
      }
      this.set({ screen: track, screenProblem: null });
    } catch (error) {
      if (asked !== this.asked_) return;
      const refused = error instanceof DOMException && error.name === "NotAllowedError";
      this.set({ screenProblem: refused ? null : "The screen could not be shared." });
    }
  }

  stopScreen(): void {
    this.state.screen?.stop();
    this.set({ screen: null });
  }

  forgetScreenProblem(): void {
    if (this.state.screenProblem !== null) this.set({ screenProblem: null });
  }

  stopAll(): void {
    ++this.asked_;
    this.state.mic.track?.stop();
    this.state.camera.track?.stop();
    this.state.screen?.stop();
    this.put("mic", { track: null, on: false, busy: false });
    this.put("camera", { track: null, on: false, busy: false });
    this.set({ screen: null });
  }
}
