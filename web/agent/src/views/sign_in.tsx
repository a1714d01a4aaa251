// Before the desk: account and password.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { AlertIcon, Logo } from "../../../shared/views/icons.tsx";
import type { AgentState } from "../types.ts";

interface Props { state: AgentState; onSignIn(account: string, password: string, stay: boolean): void }

export function SignIn({ state, onSignIn }: Props): VNode {
  const [account, setAccount] = useState("");
  const [password, setPassword] = useState("");
  const [stay, setStay] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const busy = state.phase === "connecting";
  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    if (state.problem?.password === true) secret.current?.select();
  }, [state.problem]);
  return (
    <main class="sign-in" data-testid="sign-in">
      <header class="brand"><Logo size={40} /><h1>Agent desk</h1></header>
      <form class="sign-in-card" noValidate onSubmit={(event) => {
        event.preventDefault();
        if (!busy && account.trim() !== "" && password !== "") onSignIn(account.trim(), password, stay);
      }}>
        <p class="lead">Take the visitors who wait in your queues, and chat with them.</p>
        {state.problem !== null && (
          <div class="callout" role="alert" data-testid="problem">
            <AlertIcon size={20} />
            <div><p><strong>{state.problem.title}</strong></p><p>{state.problem.text}</p></div>
          </div>
        )}
        <label class="field">
          <span class="field-label">Account</span>
          <input ref={field} value={account} autocomplete="username" autocapitalize="none" spellcheck={false} data-testid="account-input" onInput={(event) => setAccount(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span class="field-label">Password</span>
          <input ref={secret} type="password" value={password} autocomplete="current-password" data-testid="password-input" onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <label class="check">
          <input type="checkbox" checked={stay} data-testid="stay" onChange={(event) => setStay(event.currentTarget.checked)} />
          <span>Stay signed in when this page is reloaded<br /><span class="hint">The password then waits in this tab until the page is back. Not on a shared computer.</span></span>
        </label>
        <button type="submit" class="primary" data-testid="enter" aria-disabled={busy}>
          {busy && <span class="spinner" aria-hidden="true" />}{busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
