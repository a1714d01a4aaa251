// A labelled choice of microphone or camera.

import type { VNode } from "preact";
import { useStore } from "../../../shared/views/hooks.ts";
import type { Device, LocalMedia } from "../local_media.ts";

export function DeviceSelect({ media, device }: { media: LocalMedia; device: Device }): VNode | null {
  const state = useStore(media);
  const list = device === "mic" ? state.mics : state.cameras;
  if (list.length === 0) return null;
  const label = device === "mic" ? "Microphone" : "Camera";
  const { deviceId } = state[device];
  const chosen = list.some((each) => each.deviceId === deviceId) ? deviceId : (list[0]?.deviceId ?? "");
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <select value={chosen} data-testid={`${device}-select`} onChange={(event) => void media.choose(device, event.currentTarget.value)}>
        {list.map((each, at) => (
          <option key={each.deviceId} value={each.deviceId}>{each.label || `${label} ${at + 1}`}</option>
        ))}
      </select>
    </label>
  );
}
