// Microphone, camera, and the choice of devices.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Device } from "../../../sdk/src/index.ts";
import { CameraIcon, CameraOffIcon, MicIcon, MicOffIcon } from "../../../shared/views/icons.tsx";
import type { Desk } from "../desk.ts";
import type { ChatView } from "../types.ts";
import { PauseIcon, PhoneIcon, SlidersIcon } from "./icons.tsx";
import { kTextOnly } from "./sign_in.tsx";

// What is needed of the page's desk, whichever page it is.
export type VoiceDesk = Pick<Desk, "find" | "devices" | "chosen" | "chooseDevice">;
interface Props { desk: VoiceDesk; chat: ChatView; video?: boolean }

const kKinds = [["microphone", "Microphone"], ["camera", "Camera"], ["speaker", "Loudspeaker"]] as const;

function DeviceChoice({ desk, kind, label, devices }: { desk: VoiceDesk; kind: Device["kind"]; label: string; devices: Device[] }): VNode | null {
  const list = devices.filter((each) => each.kind === kind && each.id !== "");
  const [chosen, setChosen] = useState(desk.chosen(kind));
  if (list.length === 0) return null;
  const own = list.some((each) => each.id === "default") ? "default" : "";
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <select data-testid={`${kind}-select`} value={list.some((each) => each.id === chosen) ? chosen : own} onChange={(event) => {
        setChosen(event.currentTarget.value);
        void desk.chooseDevice(kind, event.currentTarget.value);
      }}>
        {own === "" && <option value="">The computer's choice</option>}
        {list.map((each, at) => <option key={each.id} value={each.id}>{each.label || `${label} ${at + 1}`}</option>)}
      </select>
    </label>
  );
}

function DeviceMenu({ desk, chat, onClose }: Props & { onClose(): void }): VNode {
  const [devices, setDevices] = useState<Device[] | null>(null);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let gone = false;
    const read = (): void => void desk.devices().then((list) => !gone && setDevices(list));
    read();
    navigator.mediaDevices?.addEventListener?.("devicechange", read);
    return () => {
      gone = true;
      navigator.mediaDevices?.removeEventListener?.("devicechange", read);
    };
  }, [desk, chat.microphone, chat.camera]);
  useEffect(() => {
    menu.current?.focus();
    const outside = (event: Event): void => {
      if (event.target instanceof Node && menu.current?.parentElement?.contains(event.target) !== true) onClose();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, []);
  const talk = desk.find(chat.id);
  const active = chat.microphone !== "off" || chat.camera !== "off" || (chat.kind === "room" && chat.listening);
  return (
    <div class="menu" role="group" aria-label="Voice and video" tabIndex={-1} ref={menu} data-testid="device-menu">
      {kKinds.map(([kind, label]) => <DeviceChoice key={kind} desk={desk} kind={kind} label={label} devices={devices ?? []} />)}
      {devices !== null && devices.every((each) => each.id === "") && <p class="hint">The choice of devices is here once a microphone or camera is on.</p>}
      {active && !chat.heldHere && <button type="button" class="quiet" data-testid="hold" onClick={() => { void talk?.hold(); onClose(); }}><PauseIcon size={18} /> Put on hold</button>}
      {active && <button type="button" class="quiet" data-testid="stop-voice" onClick={() => { talk?.stopVoice(); onClose(); }}>Go on by text alone</button>}
    </div>
  );
}

export function VoiceButtons({ desk, chat, video = true }: Props): VNode | null {
  const [menu, setMenu] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const talk = desk.find(chat.id);
  if (kTextOnly) return <span class="text-only" title="Browsers allow microphone and camera only on pages served over https:// or from localhost.">Text only</span>;
  const { microphone, camera } = chat;
  const speaking = microphone === "on" || microphone === "muted";
  const listening = chat.kind === "room" && chat.listening;
  return (
    <div class="voice" role="group" aria-label="Voice and video">
      <button type="button" class={`round-small ${speaking ? (microphone === "muted" ? "off" : "lit") : ""}`} data-testid="microphone"
              aria-pressed={microphone === "on"}
              aria-label={speaking ? "Microphone" : "Turn on voice"}
              title={microphone === "on" ? "Mute" : microphone === "muted" ? "Unmute" : chat.kind === "room" ? "Join with voice" : "Turn on voice"}
              onClick={() => talk?.toggleMicrophone()}>
        {microphone === "opening" ? <span class="spinner" /> : microphone === "muted" ? <MicOffIcon size={20} /> : speaking || listening ? <MicIcon size={20} /> : <PhoneIcon size={20} />}
      </button>
      {video && <button type="button" class={`round-small ${camera === "on" ? "lit" : ""}`} data-testid="camera" aria-pressed={camera === "on"} aria-label="Camera"
              title={camera === "on" ? "Turn the camera off" : "Turn the camera on"} onClick={() => talk?.toggleCamera()}>
        {camera === "opening" ? <span class="spinner" /> : camera === "on" ? <CameraIcon size={20} /> : <CameraOffIcon size={20} />}
      </button>}
      <div class="menu-holder" onKeyDown={(event) => {
        if (event.key !== "Escape" || !menu) return;
        setMenu(false);
        opener.current?.focus();
      }}>
        <button type="button" class="round-small" ref={opener} aria-expanded={menu} aria-label="Devices" title="Devices" data-testid="devices" onClick={() => setMenu(!menu)}><SlidersIcon size={20} /></button>
        {menu && <DeviceMenu desk={desk} chat={chat} onClose={() => setMenu(false)} />}
      </div>
    </div>
  );
}
