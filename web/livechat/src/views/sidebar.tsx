// One's own name, the chats of this tab, and who is online.

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { CameraIcon, ChatIcon, CloseIcon, Logo, MicIcon, MicOffIcon } from "../../../shared/views/icons.tsx";
import { memo } from "../../../shared/views/memo.ts";
import type { Desk } from "../desk.ts";
import { preview } from "../log.ts";
import { type Listed, search } from "../people.ts";
import { type ChatView, type DeskState, kRoomId } from "../types.ts";
import { talkingText, typingText } from "../words.ts";
import { Avatar } from "./avatar.tsx";
import { BellIcon, BellOffIcon, DoorIcon, PauseIcon, PhoneIcon, SearchIcon } from "./icons.tsx";
import { kTextOnly } from "./sign_in.tsx";

const kSearchFrom = 7;       // people
const kMostShown = 200;

function lineOf(chat: ChatView): string {
  if (chat.writing.length > 0) return typingText(chat.writing);
  if (chat.kind === "private" && chat.stage === "asking") return "Waiting for an answer…";
  const talking = chat.members.filter((each) => each.talking && !each.self).map((each) => each.name);
  if (chat.kind === "room" && talking.length > 0) return talkingText(talking);
  return preview(chat.log) || (chat.kind === "room" ? "Talk with all who are here" : chat.stage === "ended" ? "This chat is over" : "Say hello");
}

function VoiceMark({ chat }: { chat: ChatView }): VNode | null {
  if (chat.heldHere) return <span class="voice-mark held" title="On hold"><PauseIcon size={16} /></span>;
  if (chat.camera === "on") return <span class="voice-mark" title="Camera on"><CameraIcon size={16} /></span>;
  if (chat.microphone === "on") return <span class="voice-mark" title="Microphone on"><MicIcon size={16} /></span>;
  if (chat.microphone === "muted") return <span class="voice-mark held" title="Muted"><MicOffIcon size={16} /></span>;
  return null;
}

const ChatRow = memo(function ChatRow(props: { chat: ChatView; active: boolean; online: boolean; onSelect(id: string): void }): VNode {
  const { chat, active, online } = props;
  return (
    <li>
      <button type="button" class={`row ${active ? "active" : ""} ${chat.stage === "ended" && chat.kind === "private" ? "over" : ""}`}
              aria-current={active ? "true" : undefined} data-testid="chat-row" data-id={chat.id} data-unread={chat.unread} data-stage={chat.stage}
              onClick={() => props.onSelect(chat.id)}>
        <Avatar name={chat.name} room={chat.kind === "room"} online={chat.kind === "room" ? null : online} />
        <span class="row-text">
          <bdi class="row-name">{chat.name}</bdi>
          {chat.kind === "private" && <span class="unseen">{online ? "online" : "offline"}</span>}
          <span class={`row-line ${chat.writing.length > 0 ? "live" : ""}`} dir="auto">{lineOf(chat)}</span>
        </span>
        <VoiceMark chat={chat} />
        {chat.unread > 0 && <span class="badge"><span aria-hidden="true">{chat.unread > 99 ? "99+" : chat.unread}</span><span class="unseen">{chat.unread} unread</span></span>}
      </button>
    </li>
  );
});

const PersonRow = memo(function PersonRow({ person, desk }: { person: Listed; desk: Desk }): VNode {
  const { name, number, twin } = person;
  return (
    <li class="person" data-testid="person" data-number={number}>
      <button type="button" class="row" title={`Chat with ${name}`} data-testid="ask" onClick={() => desk.ask(number, "text")}>
        <Avatar name={name} size={36} online />
        <span class="unseen">Chat with</span>
        <span class="row-text">
          <bdi class="row-name" data-testid="person-name">{name}</bdi>
          {twin && <span class="row-line">{number}</span>}
        </span>
        <span class="row-hint" aria-hidden="true"><ChatIcon size={18} /></span>
      </button>
      {!kTextOnly && (
        <>
          <button type="button" class="icon-button reveal" aria-label={`Ask ${name} for a voice chat`} title="Voice chat" data-testid="ask-voice"
                  onClick={() => desk.ask(number, "voice")}><PhoneIcon size={18} /></button>
          <button type="button" class="icon-button reveal" aria-label={`Ask ${name} for a video chat`} title="Video chat" data-testid="ask-video"
                  onClick={() => desk.ask(number, "video")}><CameraIcon size={18} /></button>
        </>
      )}
    </li>
  );
});

function People({ desk, people }: { desk: Desk; people: Listed[] }): VNode {
  const [query, setQuery] = useState("");
  const found = useMemo(() => search(people, query), [people, query]);
  const shown = found.slice(0, kMostShown);
  return (
    <section class="side-part people" aria-labelledby="people-title">
      <h2 id="people-title">Online <span class="count" data-testid="online-count">{people.length}</span></h2>
      {(people.length >= kSearchFrom || query !== "") && (
        <label class="search">
          <SearchIcon size={18} />
          <span class="unseen">Find somebody</span>
          <input type="search" value={query} placeholder="Find somebody" dir="auto" data-testid="search" onInput={(event) => setQuery(event.currentTarget.value)}
                 onKeyDown={(event) => event.key === "Escape" && setQuery("")} />
          {query !== "" && <button type="button" class="icon-button tiny" aria-label="Clear the search" onClick={() => setQuery("")}><CloseIcon size={16} /></button>}
        </label>
      )}
      {people.length === 0 && <p class="side-empty">Nobody else is here yet. Open this page in another tab, or send somebody its address.</p>}
      {people.length > 0 && found.length === 0 && <p class="side-empty" role="status">Nobody of that name is online.</p>}
      <ul data-testid="people">{shown.map((person) => <PersonRow key={person.number} person={person} desk={desk} />)}</ul>
      {found.length > shown.length && <p class="side-empty">{found.length - shown.length} more: search to find them.</p>}
    </section>
  );
}

export function Sidebar({ desk, state }: { desk: Desk; state: DeskState }): VNode {
  const select = useMemo(() => (id: string) => desk.select(id), [desk]);
  const here = useMemo(() => new Set(state.people.map((each) => each.number)), [state.people]);
  const room = state.chats.find((chat) => chat.id === kRoomId);
  const chats = state.chats.filter((chat) => chat.id !== kRoomId);
  return (
    <aside class="side" aria-label="Chats and people">
      <header class="side-head"><Logo size={28} /><h1>Live chat</h1></header>
      <div class="me">
        <Avatar name={state.name} size={36} online={state.connection === "connected"} />
        <span class="row-text"><bdi class="row-name" data-testid="own-name">{state.name}</bdi><span class="row-line">That's you</span></span>
        <button type="button" class="icon-button" aria-pressed={state.sound} aria-label="Sounds" title={state.sound ? "Sounds are on" : "Sounds are off"}
                data-testid="sound" onClick={() => desk.setSound(!state.sound)}>{state.sound ? <BellIcon size={20} /> : <BellOffIcon size={20} />}</button>
        <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" data-testid="sign-out" onClick={() => desk.signOut()}><DoorIcon size={20} /></button>
      </div>
      <div class="side-scroll">
        {(room !== undefined || chats.length > 0) && (
          <nav class="side-part" aria-labelledby="chats-title">
            <h2 id="chats-title">Chats</h2>
            <ul>
              {room !== undefined && <ChatRow chat={room} active={state.active === room.id} online onSelect={select} />}
              {chats.map((chat) => <ChatRow key={chat.id} chat={chat} active={state.active === chat.id} online={here.has(chat.number)} onSelect={select} />)}
            </ul>
          </nav>
        )}
        <People desk={desk} people={state.people} />
      </div>
    </aside>
  );
}
