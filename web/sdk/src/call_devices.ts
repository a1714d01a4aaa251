// The devices that one call asks for. The person may take long to allow one: by then the call may have ended, the device may
// have been stopped again, or another one asked for. What comes too late is let go at once.

import type { LocalTrack } from "./call_media.ts";
import type { Devices } from "./devices.ts";

export interface DeviceUser {
  over(): boolean;
  put(which: "microphone" | "camera", track: MediaStreamTrack): void;
  problem(which: "microphone" | "camera", message: string): void;
}

/** @internal */
export class CallDevices {
  private readonly turns_: Record<LocalTrack, number> = { microphone: 0, camera: 0, screen: 0 };

  constructor(private readonly devices_: Devices, private readonly user_: DeviceUser) {}

  // Rejects where the device can't be had.
  async open(which: "microphone" | "camera", deviceId?: string): Promise<void> {
    const wanted = this.turn(which);
    try {
      const track = await this.devices_.take(which, deviceId);
      if (wanted()) this.user_.put(which, track);
      else this.devices_.release(track);
    } catch (error) {
      if (wanted()) this.user_.problem(which, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  // null: it came too late.
  async screen(): Promise<MediaStreamTrack | null> {
    const wanted = this.turn("screen");
    const track = await this.devices_.takeScreen();
    if (wanted()) return track;
    track.stop();
    return null;
  }

  // What is still being asked for is not wanted any more.
  forget(which: LocalTrack): void {
    ++this.turns_[which];
  }

  private turn(which: LocalTrack): () => boolean {
    const mine = ++this.turns_[which];
    return () => mine === this.turns_[which] && !this.user_.over();
  }
}
