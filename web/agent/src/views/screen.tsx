// The desk: who waits and the chats at the side, one chat in the middle, what is put through above everything.

import type { VNode } from "preact";
import { PoppedUp, useFocusInChat } from "../../../shared/views/desk_frame.tsx";
import { ChatIcon } from "../../../shared/views/icons.tsx";
import { RequestCards } from "../../../livechat/src/views/request_cards.tsx";
import { ConnectionBanner } from "../../../livechat/src/views/screen.tsx";
import type { AgentDesk } from "../desk.ts";
import type { AgentState } from "../types.ts";
import { ChatPane } from "./chat_pane.tsx";
import { Sidebar } from "./sidebar.tsx";

export function Screen({ desk, state }: { desk: AgentDesk; state: AgentState }): VNode {
  const active = state.chats.find((chat) => chat.id === state.active) ?? null;
  const main = useFocusInChat(active, [state.requests.length, state.waiting.length]);
  return (
    <div class={`screen ${active !== null ? "with-chat" : ""}`} data-testid="screen" data-number={state.number}>
      <ConnectionBanner state={state} />
      <Sidebar desk={desk} state={state} />
      <main class="pane" ref={main}>
        {active !== null ? <ChatPane key={active.id} desk={desk} state={state} chat={active} /> : (
          <div class="nothing">
            <span class="nothing-icon"><ChatIcon size={34} /></span>
            <h2>{state.waiting.length > 0 ? "Somebody is waiting" : "Nothing to do"}</h2>
            <p class="hint">{state.waiting.length > 0 ? "Take a visitor from the list to begin." : "You hear a sound when a visitor begins to wait."}</p>
          </div>
        )}
      </main>
      <RequestCards requests={state.requests} video={false} what="is put through to you" onAccept={(id, kind) => desk.accept(id, kind)} onRefuse={(id) => desk.refuse(id)} />
      <PoppedUp toasts={state.toasts} spoken={state.spoken} />
    </div>
  );
}
