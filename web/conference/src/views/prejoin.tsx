// Before joining: who, where, and with which devices.

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { cleanName, cleanRoom, hueOf, initials, kLongestName, kLongestRoom } from "../../../shared/text.ts";
import { canUseDevices, type LocalMedia } from "../local_media.ts";
import { DeviceSelect } from "./device_select.tsx";
import { useLevel, useStore } from "../../../shared/views/hooks.ts";
import { AlertIcon, CameraIcon, CameraOffIcon, Logo, MicIcon, MicOffIcon } from "../../../shared/views/icons.tsx";
import { Video } from "../../../shared/views/video.tsx";

interface Props {
  media: LocalMedia;
  name: string;
  room: string;
  onJoin(name: string, room: string, withDevices: boolean): void;
}

function Meter({ track }: { track: MediaStreamTrack | null }): VNode {
  const bar = useRef<HTMLDivElement>(null);
  const [heard, setHeard] = useState(false);
  useLevel(track, (level) => {
    if (bar.current !== null) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
    if (level > 0.35) setHeard(true);
  });
  useEffect(() => setHeard(false), [track]);
  return (
    <div class="meter-row">
      <div class="meter" aria-hidden="true"><div class="meter-bar" ref={bar} /></div>
      <span class="hint" role="status">{heard ? "We can hear you" : "Say something to test your microphone"}</span>
    </div>
  );
}

function Preview({ media, name }: { media: LocalMedia; name: string }): VNode {
  const { mic, camera } = useStore(media);
  const stream = useMemo(() => (camera.track === null ? null : new MediaStream([camera.track])), [camera.track]);
  return (
    <div class="preview">
      {stream !== null
        ? <Video stream={stream} mirrored label="Your camera" />
        : (
          <div class="avatar-wrap">
            <span class={`avatar ${name === "" ? "nobody" : ""}`} style={{ "--hue": hueOf(name) }}>{name === "" ? <CameraOffIcon size={34} /> : initials(name)}</span>
            <span class="preview-note">{camera.busy ? "Starting your camera…" : "Your camera is off"}</span>
          </div>
        )}
      <div class="preview-controls">
        <button type="button" class={`round ${mic.on ? "" : "off"}`} aria-pressed={mic.on} aria-label="Microphone"
                title={mic.on ? "Mute microphone" : "Turn microphone on"} data-testid="preview-mic"
                disabled={mic.busy} onClick={() => void media.toggle("mic")}>
          {mic.on ? <MicIcon /> : <MicOffIcon />}
        </button>
        <button type="button" class={`round ${camera.on ? "" : "off"}`} aria-pressed={camera.on} aria-label="Camera"
                title={camera.on ? "Turn camera off" : "Turn camera on"} data-testid="preview-camera"
                disabled={camera.busy} onClick={() => void media.toggle("camera")}>
          {camera.on ? <CameraIcon /> : <CameraOffIcon />}
        </button>
      </div>
    </div>
  );
}

const kElsewhere = [
  ["livechat/", "Live chat", "See who is online"],
  ["agent/", "Agent desk", "Answer visitors of your site"],
  ["examples/", "Examples", "Calls and chat in your own pages"],
  ["api/", "REST API", "Steer the server from programs"],
] as const;

// What else this server has, for who comes for the first time.
function Elsewhere(): VNode {
  return (
    <nav class="elsewhere" aria-label="More on this server" data-testid="elsewhere">
      {kElsewhere.map(([href, name, what]) => (
        <a key={href} href={href}>
          <span class="elsewhere-name">{name}</span>
          <span class="elsewhere-what">{what}</span>
        </a>
      ))}
    </nav>
  );
}

export function Prejoin(props: Props): VNode {
  const { media } = props;
  const [name, setName] = useState(props.name);
  const [room, setRoom] = useState(props.room);
  const [tried, setTried] = useState(false);
  const nameField = useRef<HTMLInputElement>(null);
  const roomField = useRef<HTMLInputElement>(null);
  const state = useStore(media);
  const ready = { name: cleanName(name) !== "", room: cleanRoom(room) !== "" };

  useEffect(() => {
    (props.name === "" ? nameField : roomField).current?.focus();
  }, []);

  const join = (withDevices: boolean): void => {
    setTried(true);
    if (!ready.name) return nameField.current?.focus();
    if (!ready.room) return roomField.current?.focus();
    props.onJoin(cleanName(name), cleanRoom(room), withDevices);
  };
  const problems = canUseDevices()
    ? [state.mic.problem, state.camera.problem].filter((each): each is string => each !== null)
    : ["Browsers allow camera and microphone only on pages served over https:// or from localhost. You can still join to listen, watch and chat."];

  return (
    <main class="prejoin" data-testid="prejoin">
      <header class="brand"><Logo size={40} /><h1>Parley</h1></header>
      <div class="prejoin-card">
        <section class="prejoin-media" aria-label="Camera and microphone">
          <Preview media={media} name={cleanName(name)} />
          {state.mic.track !== null && state.mic.on && <Meter track={state.mic.track} />}
          {problems.length > 0 && (
            <div class="callout" role="alert">
              <AlertIcon size={20} />
              <div>{problems.map((each) => <p key={each}>{each}</p>)}</div>
            </div>
          )}
        </section>
        <form class="prejoin-form" noValidate onSubmit={(event) => {
          event.preventDefault();
          join(true);
        }}>
          <h2>Ready to join?</h2>
          <label class="field">
            <span class="field-label">Your name</span>
            <input ref={nameField} value={name} maxLength={kLongestName} autocomplete="name" enterkeyhint="next"
                   data-testid="name-input" aria-invalid={tried && !ready.name} placeholder="As others will see it"
                   onInput={(event) => setName(event.currentTarget.value)} />
            {tried && !ready.name && <span class="field-error">Please enter your name.</span>}
          </label>
          <label class="field">
            <span class="field-label">Room</span>
            <input ref={roomField} value={room} maxLength={kLongestRoom} autocomplete="off" autocapitalize="none"
                   spellcheck={false} enterkeyhint="go" data-testid="room-input" aria-invalid={tried && !ready.room}
                   placeholder="Any name you share with others" onInput={(event) => setRoom(event.currentTarget.value)} />
            {tried && !ready.room && <span class="field-error">Please enter the name of a room.</span>}
          </label>
          <DeviceSelect media={media} device="mic" />
          <DeviceSelect media={media} device="camera" />
          <button type="submit" class="primary" data-testid="join">Join</button>
          <button type="button" class="quiet" data-testid="join-without-devices" onClick={() => join(false)}>
            Join without camera or microphone
          </button>
        </form>
      </div>
      <Elsewhere />
    </main>
  );
}
