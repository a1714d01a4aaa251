// Microphones, cameras, screens and loudspeakers. One opened microphone serves all calls; each gets a copy of its
// own, so that muting one call leaves the others alone.

import { mediaProblem } from "../../shared/media_problem.ts";
import { type Device, WebphoneError } from "./types.ts";

type Kind = "microphone" | "camera";
interface Open { id: string; track: Promise<MediaStreamTrack>; users: number }

const kNames: Record<string, Device["kind"]> = { audioinput: "microphone", videoinput: "camera", audiooutput: "speaker" };

function constraints(kind: Kind, id: string): MediaStreamConstraints {
  const device = id === "" ? {} : { deviceId: { ideal: id } };
  if (kind === "microphone") return { audio: { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
  return { video: { ...device, width: { ideal: 1280 }, height: { ideal: 720 } } };
}

/** The devices of this computer. */
export class Devices {
  private readonly open_ = new Map<Kind, Open>();
  private readonly chosen_ = { microphone: "", camera: "", speaker: "" };

  /** All devices. Labels are empty until the person has allowed a device. */
  async list(): Promise<Device[]> {
    if (typeof navigator === "undefined" || navigator.mediaDevices?.enumerateDevices === undefined) return [];
    const found = await navigator.mediaDevices.enumerateDevices();
    return found.map((each) => ({ id: each.deviceId, label: each.label, kind: kNames[each.kind] ?? "microphone" }));
  }

  /** The device that the next call takes; "" is the computer's own choice. */
  chosen(kind: Device["kind"]): string {
    return this.chosen_[kind];
  }

  /** @internal */
  choose(kind: Device["kind"], id: string): void {
    this.chosen_[kind] = id;
  }

  // A copy of the device's track, to be given back by release().
  /** @internal */
  async take(kind: Kind, id: string = this.chosen_[kind]): Promise<MediaStreamTrack> {
    const known = this.open_.get(kind);
    const open = known !== undefined && known.id === id ? known : { id, track: this.ask(kind, id), users: 0 };
    this.open_.set(kind, open);
    open.users++;
    try {
      const root = await open.track;
      if (root.readyState === "ended") throw new WebphoneError("media-refused", mediaProblem("ended", kind === "camera" ? "camera" : "mic"));
      const copy = root.clone();
      releases.set(copy, () => this.giveBack(kind, open));
      return copy;
    } catch (error) {
      this.giveBack(kind, open);
      throw error;
    }
  }

  /** @internal */
  release(copy: MediaStreamTrack | null): void {
    if (copy === null) return;
    copy.stop();
    releases.get(copy)?.();
    releases.delete(copy);
  }

  private async ask(kind: Kind, id: string): Promise<MediaStreamTrack> {
    const word = kind === "camera" ? "camera" : "mic";
    const devices = typeof navigator === "undefined" ? undefined : navigator.mediaDevices;
    if (typeof devices?.getUserMedia !== "function") throw new WebphoneError("media-refused", mediaProblem(null, word));
    try {
      const stream = await devices.getUserMedia(constraints(kind, id));
      const track = stream.getTracks()[0];
      if (track === undefined) throw new DOMException("", "NotFoundError");
      return track;
    } catch (error) {
      throw Object.assign(new WebphoneError("media-refused", mediaProblem(error, word)), { cause: error });
    }
  }

  private giveBack(kind: Kind, open: Open): void {
    if (--open.users > 0) return;
    if (this.open_.get(kind) === open) this.open_.delete(kind);
    open.track.then((track) => track.stop(), () => undefined);
  }

  /** @internal */
  async takeScreen(): Promise<MediaStreamTrack> {
    const devices = typeof navigator === "undefined" ? undefined : navigator.mediaDevices;
    if (typeof devices?.getDisplayMedia !== "function") throw new WebphoneError("not-supported", "This browser can't share a screen.");
    try {
      const stream = await devices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } } });
      const track = stream.getVideoTracks()[0];
      if (track === undefined) throw new DOMException("", "NotFoundError");
      track.contentHint = "detail";
      return track;
    } catch {
      throw new WebphoneError("media-refused", "The screen was not shared.");
    }
  }
}

const releases = new WeakMap<MediaStreamTrack, () => void>();
