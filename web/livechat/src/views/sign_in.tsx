// Before the chat: who one is.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { cleanName } from "../../../shared/text.ts";
import { AlertIcon, Logo } from "../../../shared/views/icons.tsx";
import { kLongestName } from "../chat_desk.ts";
import type { DeskState } from "../types.ts";
import { Avatar } from "./avatar.tsx";

interface Props { state: DeskState; onSignIn(name: string, password: string): void }

export const kTextOnly = typeof navigator === "undefined" || navigator.mediaDevices === undefined;

export function SignIn({ state, onSignIn }: Props): VNode {
  const [name, setName] = useState(state.name);
  const [password, setPassword] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const busy = state.phase === "connecting";
  const wantsPassword = state.problem?.password === true || password !== "";
  useEffect(() => {
    (wantsPassword ? secret : field).current?.focus();
  }, [wantsPassword]);

  return (
    <main class="sign-in" data-testid="sign-in">
      <header class="brand"><Logo size={40} /><h1>Live chat</h1></header>
      <form class="sign-in-card" noValidate onSubmit={(event) => {
        event.preventDefault();
        if (!busy) onSignIn(name, password);
      }}>
        <Avatar name={cleanName(name, kLongestName) || "?"} size={72} />
        <p class="lead">See who is online and chat with them, by text, voice or video.</p>
        {state.problem !== null && (
          <div class="callout" role="alert" data-testid="problem">
            <AlertIcon size={20} />
            <div><p><strong>{state.problem.title}</strong></p><p>{state.problem.text}</p></div>
          </div>
        )}
        <label class="field">
          <span class="field-label">Your name</span>
          <input ref={field} value={name} maxLength={kLongestName * 2} autocomplete="nickname" enterkeyhint="go" dir="auto" spellcheck={false}
                 data-testid="name-input" placeholder="Leave empty to be a guest" onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        {wantsPassword && (
          <label class="field">
            <span class="field-label">Password</span>
            <input ref={secret} type="password" value={password} autocomplete="current-password" data-testid="password-input"
                   onInput={(event) => setPassword(event.currentTarget.value)} />
          </label>
        )}
        <button type="submit" class="primary" data-testid="enter" aria-disabled={busy}>
          {busy && <span class="spinner" aria-hidden="true" />}{busy ? "Connecting…" : "Start chatting"}
        </button>
        {kTextOnly && (
          <p class="hint" data-testid="text-only">
            Text only here: browsers allow microphone and camera only on pages served over https:// or from localhost.
          </p>
        )}
      </form>
      <p class="hint">Looking for a video conference? <a href="../">Meet in a room</a></p>
    </main>
  );
}
