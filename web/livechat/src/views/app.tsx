// The sign-in, or the chat.

import type { VNode } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useSounds } from "../../../shared/views/desk_frame.tsx";
import { useStore } from "../../../shared/views/hooks.ts";
import type { Desk } from "../desk.ts";
import { titleOf } from "../words.ts";
import { Screen } from "./screen.tsx";
import { SignIn } from "./sign_in.tsx";

export function App({ desk }: { desk: Desk }): VNode {
  const state = useStore(desk);
  const unread = state.chats.reduce((sum, chat) => sum + chat.unread, 0);
  const asking = state.requests[0]?.name ?? null;
  // At once, in the background too: that is where a title is looked at.
  useLayoutEffect(() => {
    document.title = state.phase === "in" ? titleOf(unread, asking) : "Live chat · Parley";
  }, [state.phase, unread, asking]);
  useSounds(desk.sounds);
  if (state.phase !== "in") return <SignIn state={state} onSignIn={(name, password) => void desk.signIn(name, password)} />;
  return <Screen desk={desk} state={state} />;
}
