// Which of the three screens is shown, and the ties between this side's devices and the room.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { roomFromUrl } from "../../../shared/text.ts";
import type { LocalMedia } from "../local_media.ts";
import type { RoomClient } from "../room_client.ts";
import { loadChoices, saveChoices, type SavedCall } from "../storage.ts";
import { Ended } from "./ended.tsx";
import { useStore } from "../../../shared/views/hooks.ts";
import { Prejoin } from "./prejoin.tsx";
import { Room } from "./room.tsx";

interface Props { client: RoomClient; media: LocalMedia; interrupted: SavedCall | null }

function showRoomInAddress(room: string): void {
  history.replaceState(null, "", `${location.pathname}?room=${encodeURIComponent(room)}`);
}

// Everything that a device does is told to the room.
function useMediaInRoom(client: RoomClient, media: LocalMedia): void {
  useEffect(() => {
    const tell = (): void => {
      const { mic, camera, screen } = media.state;
      client.setMedia({ mic: mic.track, camera: camera.track, screen, micOn: mic.on && mic.track !== null });
    };
    tell();
    return media.subscribe(tell);
  }, [client, media]);
}

export function App({ client, media, interrupted }: Props): VNode {
  const room = useStore(client);
  const [screen, setScreen] = useState<"prejoin" | "call">(interrupted === null ? "prejoin" : "call");
  const [form, setForm] = useState({
    name: interrupted?.name ?? loadChoices().name, room: interrupted?.room ?? roomFromUrl(location.search, location.hash),
  });
  useMediaInRoom(client, media);

  const join = async (name: string, roomName: string, token: string | null, wanted: { mic: boolean; camera: boolean }): Promise<void> => {
    setForm({ name, room: roomName });
    const { mic, camera } = media.state;
    saveChoices({ name, micId: mic.deviceId, cameraId: camera.deviceId });
    showRoomInAddress(roomName);
    setScreen("call");
    if ((wanted.mic && mic.track === null) || (wanted.camera && camera.track === null)) await media.start(wanted);
    const now = media.state;
    client.setMedia({ mic: now.mic.track, camera: now.camera.track, screen: now.screen, micOn: now.mic.on && now.mic.track !== null });
    client.join({ room: roomName, name, resumeToken: token });
  };

  const started = useRef(false);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    if (interrupted !== null) {
      void join(interrupted.name, interrupted.room, interrupted.token, { mic: interrupted.mic, camera: interrupted.camera });
    } else {
      void media.start({ mic: true, camera: true });
    }
  }, []);
  useEffect(() => {
    document.title = screen === "call" && room.room !== "" ? `${room.room} · Parley` : "Parley";
  }, [screen, room.room]);
  useEffect(() => {
    if (room.mutedByModerator > 0) media.turnOff("mic");
  }, [room.mutedByModerator]);
  useEffect(() => {
    if (room.screenRefused > 0) media.stopScreen();
  }, [room.screenRefused]);
  // A call that is over lets go of the devices; a rejoin takes up those that were on.
  const had = useRef({ mic: false, camera: false });
  useEffect(() => {
    if (room.phase !== "ended") return;
    had.current = { mic: media.state.mic.on, camera: media.state.camera.on };
    media.stopAll();
  }, [room.phase]);

  if (screen === "call" && room.phase === "ended" && room.ending !== null) {
    return (
      <Ended ending={room.ending} room={room.room}
             onRejoin={() => void join(form.name, form.room, null, { ...had.current })}
             onHome={() => {
               setScreen("prejoin");
               void media.start({ mic: true, camera: true });
             }} />
    );
  }
  if (screen === "call") return <Room room={room} actions={client} media={media} />;
  return (
    <Prejoin media={media} name={form.name} room={form.room}
             onJoin={(name, roomName, withDevices) => {
               if (!withDevices) media.stopAll();
               void join(name, roomName, null, { mic: false, camera: false });
             }} />
  );
}
