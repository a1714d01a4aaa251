// The sign-in, or the desk.

import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
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
  // The first click or key lets the page sound, after a reload too.
  useEffect(() => {
    const prepare = (): void => desk.sounds.prepare();
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, prepare, { once: true });
    return () => {
      for (const name of ["pointerdown", "keydown"]) document.removeEventListener(name, prepare);
    };
  }, [desk]);
  if (state.phase !== "in") return <SignIn state={state} onSignIn={(account, password, stay) => void desk.signIn(account, password, stay)} />;
  return <Screen desk={desk} state={state} />;
}
