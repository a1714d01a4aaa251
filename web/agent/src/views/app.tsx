// The sign-in, or the desk.

import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { useSounds } from "../../../shared/views/desk_frame.tsx";
import { useStore } from "../../../shared/views/hooks.ts";
import type { AgentDesk } from "../desk.ts";
import { titleOf } from "../words.ts";
import { Screen } from "./screen.tsx";
import { SignIn } from "./sign_in.tsx";

export function App({ desk }: { desk: AgentDesk }): VNode {
  const state = useStore(desk);
  const unread = state.chats.reduce((sum, chat) => sum + chat.unread, 0);
  const asking = state.requests[0]?.name ?? null;
  const waiting = state.waiting.length;
  useEffect(() => {
    document.title = state.phase === "in" ? titleOf(waiting, unread, asking) : "Agent desk · Parley";
  }, [state.phase, waiting, unread, asking]);
  useSounds(desk.sounds);
  if (state.phase !== "in") return <SignIn state={state} onSignIn={(account, password, stay) => void desk.signIn(account, password, stay)} />;
  return <Screen desk={desk} state={state} />;
}
