// Which tiles there are: one for each person, one more for each shared screen. Pure.

import type { RemoteVideo } from "../sip/media_lines.ts";
import type { Participant } from "../../../shared/roster.ts";
import type { RoomState } from "../room_types.ts";

export interface TileModel {
  key: string;
  participant: string;
  kind: "camera" | "screen";
  self: boolean;
  name: string;
  stream: MediaStream | null;
  muted: boolean;
  talking: boolean;
  hand: boolean;
  notice: string | null;
}

export interface OwnMedia { camera: MediaStream | null; micOn: boolean; talking: boolean }

type Known = Pick<RoomState, "roster" | "videos" | "stalledMids" | "selfId" | "name" | "hand">;

const kSelf = "self";

function cameraTile(person: Participant, video: RemoteVideo | undefined, stalled: boolean): TileModel {
  const shown = video !== undefined && !person.cameraOff && !stalled;
  return {
    key: `camera ${person.id}`, participant: person.id, kind: "camera", self: false, name: person.name,
    stream: shown ? video.stream : null, muted: person.muted, talking: person.talking && !person.muted,
    hand: person.hand, notice: person.notice,
  };
}

export function tilesOf(room: Known, own: OwnMedia): { people: TileModel[]; screens: TileModel[] } {
  const people: TileModel[] = [];
  const screens: TileModel[] = [];
  const others = room.roster.filter((each) => !each.self && each.id !== room.selfId);
  for (const person of others) {
    const video = room.videos.find((each) => each.participant === person.id && each.kind === "camera");
    people.push(cameraTile(person, video, video !== undefined && room.stalledMids.includes(video.mid)));
  }
  // A picture may come before the event that says whose it is.
  for (const video of room.videos) {
    const person = room.roster.find((each) => each.id === video.participant);
    const tile: TileModel = {
      key: `${video.kind} ${video.participant} ${video.kind === "screen" ? video.mid : ""}`.trim(),
      participant: video.participant, kind: video.kind, self: false, name: person?.name ?? "Guest",
      stream: video.stream, muted: false, talking: false, hand: false, notice: null,
    };
    if (video.kind === "screen") screens.push(tile);
    else if (person === undefined) people.push(tile);
  }
  people.push({
    key: "camera self", participant: room.selfId ?? kSelf, kind: "camera", self: true, name: room.name,
    stream: own.camera, muted: !own.micOn, talking: own.talking, hand: room.hand, notice: null,
  });
  return { people, screens };
}
