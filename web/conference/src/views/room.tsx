// The call itself.

import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Device, LocalMedia } from "../local_media.ts";
import type { RoomActions, RoomState } from "../room_types.ts";
import { Chat } from "./chat.tsx";
import { useStore, useTalking } from "../../../shared/views/hooks.ts";
import { AlertIcon, CheckIcon, ScreenIcon } from "../../../shared/views/icons.tsx";
import { People } from "./people.tsx";
import { RoomAudio } from "./room_audio.tsx";
import { RoomHeader } from "./room_header.tsx";
import { Stage } from "./stage.tsx";
import { tilesOf } from "./tiles.ts";
import { Toolbar, type Panel } from "./toolbar.tsx";

const kProblemShownFor = 8000;

interface Props { room: RoomState; actions: RoomActions; media: LocalMedia }

function useShortcuts(keys: Record<string, () => void>): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const target = event.target as HTMLElement | null;
      const typing = target !== null && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
      if (typing && event.key !== "Escape") return;
      const action = event.repeat ? undefined : current.current[event.key.toLowerCase()];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

// How many messages of others came while the chat was closed.
function useUnread(room: RoomState, open: boolean): number {
  const seen = useRef(new Set<string>());
  if (open) for (const entry of room.chat) seen.current.add(entry.key);
  return useMemo(() => room.chat.filter((each) => !each.mine && !seen.current.has(each.key)).length, [room.chat, open]);
}

function Notices({ room, local }: { room: RoomState; local: { problems: string[] } }): VNode {
  const lastChat = [...room.chat].reverse().find((each) => !each.mine);
  return (
    <div class="notices">
      {room.banner !== null && (
        <div class={`banner ${room.banner.tone}`} role={room.banner.tone === "success" ? "status" : "alert"} data-testid="banner">
          {room.banner.tone === "success" ? <CheckIcon size={20} /> : <span class="spinner" aria-hidden="true" />}
          {room.banner.text}
        </div>
      )}
      {local.problems.map((text) => (
        <div key={text} class="banner error" role="alert" data-testid="device-problem"><AlertIcon size={20} />{text}</div>
      ))}
      <div class="toasts" aria-live="polite">
        {room.toasts.map((each) => <div key={each.id} class="toast">{each.text}</div>)}
      </div>
      <div class="unseen" aria-live="polite">{lastChat === undefined ? "" : `${lastChat.name}: ${lastChat.text.slice(0, 200)}`}</div>
    </div>
  );
}

export function Room({ room, actions, media }: Props): VNode {
  const local = useStore(media);
  const [panel, setPanel] = useState<Panel>(null);
  const [draft, setDraft] = useState("");
  const [help, setHelp] = useState(false);
  const unread = useUnread(room, panel === "chat");
  const talking = useTalking(local.mic.track, local.mic.on);
  const camera = useMemo(() => (local.camera.track === null ? null : new MediaStream([local.camera.track])), [local.camera.track]);
  const { people, screens } = tilesOf(room, { camera, micOn: local.mic.on, talking });
  // A device's problem is shown for a while after it was asked for; what was refused before joining is known already.
  const [asked, setAsked] = useState<Device | null>(null);
  const problems = [asked === null ? null : local[asked].problem, local.screenProblem]
    .filter((each): each is string => each !== null);
  const toggleDevice = (device: Device): void => {
    setAsked(device);
    void media.toggle(device);
  };
  useEffect(() => {
    if (problems.length === 0) return undefined;
    const timer = setTimeout(() => {
      setAsked(null);
      media.forgetScreenProblem();
    }, kProblemShownFor);
    return () => clearTimeout(timer);
  }, [problems.join()]);
  const toggleScreen = (): void => {
    if (local.screen === null) void media.startScreen();
    else media.stopScreen();
  };
  const toggle = (which: Panel): void => setPanel(panel === which ? null : which);

  useShortcuts({
    m: () => toggleDevice("mic"), v: () => toggleDevice("camera"), s: toggleScreen,
    h: () => actions.setHand(!room.hand), c: () => toggle("chat"), p: () => toggle("people"),
    "?": () => setHelp(!help), escape: () => (help ? setHelp(false) : setPanel(null)),
  });
  return (
    <div class={`room ${panel === null ? "" : "with-panel"}`}>
      <RoomHeader room={room} helpOpen={help} onHelp={() => setHelp(!help)} />
      <main class="room-main">
        <Stage people={people} screens={screens} />
        <Notices room={room} local={{ problems }} />
        {local.screen !== null && (
          <div class="sharing" role="status">
            <ScreenIcon size={18} /> You are sharing your screen
            <button type="button" class="link-button" onClick={() => media.stopScreen()}>Stop</button>
          </div>
        )}
        {room.phase === "joining" && <div class="joining" role="status"><span class="spinner" aria-hidden="true" />Joining…</div>}
        <RoomAudio stream={room.audio} />
      </main>
      {panel === "chat" && (
        <Chat log={room.chat} canSend={room.phase === "joined"} draft={draft} onDraft={setDraft} onSend={(text) => actions.sendChat(text)}
              onRetry={(key) => actions.retryChat(key)} onClose={() => setPanel(null)} />
      )}
      {panel === "people" && <People roster={room.roster} onClose={() => setPanel(null)} />}
      <Toolbar local={local} hand={room.hand} panel={panel} unread={unread} people={room.roster.length}
               onMic={() => toggleDevice("mic")} onCamera={() => toggleDevice("camera")} onScreen={toggleScreen}
               onHand={() => actions.setHand(!room.hand)} onPanel={setPanel} onLeave={() => actions.leave()} />
    </div>
  );
}
