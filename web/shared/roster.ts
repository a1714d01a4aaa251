// Who is in the room: a list that conference events and the participants' own messages change. Pure: every
// function returns a new list (or the same one when nothing changed).

import { cleanName } from "./text.ts";
import type { ConferenceEvent, EventChannel } from "./conference_events.ts";

export interface Participant {
  id: string;
  name: string;
  self: boolean;
  admin: boolean;
  muted: boolean;
  talking: boolean;
  hand: boolean;
  cameraOff: boolean;
  notice: string | null;   // why this one's video is not shown
}

export type Roster = readonly Participant[];

function fromChannel(channel: EventChannel, selfId: string | null): Participant {
  return {
    id: channel.id, name: cleanName(channel.name) || "Guest", self: channel.id === selfId,
    admin: channel.admin ?? false, muted: channel.muted ?? false, talking: channel.talking ?? false,
    hand: false, cameraOff: false, notice: null,
  };
}

export function change(roster: Roster, id: string, fields: Partial<Participant>): Roster {
  const index = roster.findIndex((each) => each.id === id);
  const known = roster[index];
  if (known === undefined) return roster;
  const changed = { ...known, ...fields };
  return roster.map((each, at) => (at === index ? changed : each));
}

// A Welcome is the whole truth: who is not in it has gone, who is keeps what only messages told.
function welcome(roster: Roster, event: ConferenceEvent, selfId: string | null): Roster {
  return event.channels.map((channel) => {
    const fresh = fromChannel(channel, selfId);
    const known = roster.find((each) => each.id === channel.id);
    return known === undefined
      ? fresh : { ...fresh, hand: known.hand, cameraOff: known.cameraOff, notice: known.notice };
  });
}

export function applyEvent(roster: Roster, event: ConferenceEvent, selfId: string | null): Roster {
  if (event.type === "ConfbridgeWelcome") return welcome(roster, event, selfId);
  let result = roster;
  for (const channel of event.channels) {
    switch (event.type) {
      case "ConfbridgeJoin":
        result = result.some((each) => each.id === channel.id)
          ? change(result, channel.id, { name: cleanName(channel.name) || "Guest", muted: channel.muted ?? false })
          : [...result, fromChannel(channel, selfId)];
        break;
      case "ConfbridgeLeave":
        result = result.filter((each) => each.id !== channel.id);
        break;
      case "ConfbridgeMute":
        result = change(result, channel.id, { muted: true, talking: false });
        break;
      case "ConfbridgeUnmute":
        result = change(result, channel.id, { muted: false });
        break;
      case "ConfbridgeTalking":
        result = change(result, channel.id, { talking: channel.talking ?? false });
        break;
      default:
        break;
    }
  }
  return result;
}

// For the list of people: raised hands first, then in the order of arrival, oneself on top.
export function forDisplay(roster: Roster): Participant[] {
  const rank = (each: Participant): number => (each.self ? 0 : each.hand ? 1 : 2);
  return roster.map((each, at) => ({ each, at }))
    .sort((a, b) => rank(a.each) - rank(b.each) || a.at - b.at)
    .map(({ each }) => each);
}
