// The chat window of the widget.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { AlertIcon, CloseIcon, LeaveIcon, MicIcon, MicOffIcon } from "../../shared/views/icons.tsx";
import { useStore } from "../../shared/views/hooks.ts";
import { Avatar } from "../../livechat/src/views/avatar.tsx";
import { Compose } from "../../livechat/src/views/compose.tsx";
import { PauseIcon, PhoneIcon } from "../../livechat/src/views/icons.tsx";
import { Messages } from "../../livechat/src/views/messages.tsx";
import { Strip } from "../../livechat/src/views/strip.tsx";
import type { ChatView } from "../../livechat/src/types.ts";
import type { Visitor, VisitorState } from "./visitor.ts";

interface Props { visitor: Visitor; state: VisitorState }

function status({ visitor: { text }, state }: Props): string {
  const { chat, agent, waiting, position, phase } = state;
  if (phase !== "chat" || chat === null) return "";
  if (chat.interrupted || chat.stage === "asking") return text.reconnecting;
  if (waiting) return position === null ? text.waitingAnywhere : text.waiting(position);
  return chat.writing.length > 0 ? text.writing(agent ?? text.agent) : text.online;
}

function Form({ visitor, state }: Props): VNode {
  const { text } = visitor;
  const field = useRef<HTMLTextAreaElement>(null);
  const busy = state.phase === "connecting";
  useLayoutEffect(() => {
    if (state.open && window.matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, [state.open]);
  const send = (): void => void (busy || visitor.start());
  return (
    <form class="begin" noValidate data-testid="widget-form" onSubmit={(event) => {
      event.preventDefault();
      send();
    }}>
      <p class="intro">{text.intro}</p>
      {state.problem !== null && <div class="callout" role="alert" data-testid="widget-problem"><AlertIcon size={20} /><p>{state.problem}</p></div>}
      <label class="field">
        <span class="field-label">{text.name}</span>
        <input value={state.name} maxLength={160} autocomplete="name" dir="auto" spellcheck={false} placeholder={text.namePlaceholder} data-testid="widget-name"
               onInput={(event) => visitor.type({ name: event.currentTarget.value })} />
      </label>
      <label class="field">
        <span class="field-label">{text.message}</span>
        <textarea ref={field} rows={3} value={state.message} maxLength={4000} dir="auto" placeholder={text.messagePlaceholder} data-testid="widget-message"
                  onInput={(event) => visitor.type({ message: event.currentTarget.value })}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
                    event.preventDefault();
                    send();
                  }} />
      </label>
      <button type="submit" class="primary" data-testid="widget-start" aria-disabled={busy} disabled={state.message.trim() === ""}>
        {busy && <span class="spinner" aria-hidden="true" />}{busy ? text.connecting : text.start}
      </button>
    </form>
  );
}

function VoiceButton({ visitor, chat }: { visitor: Visitor; chat: ChatView }): VNode | null {
  const { text } = visitor;
  if (navigator.mediaDevices === undefined) return null;
  const { microphone } = chat;
  const on = microphone === "on" || microphone === "muted";
  const label = microphone === "on" ? text.mute : microphone === "muted" ? text.unmute : text.talk;
  return (
    <>
      <button type="button" class={`head-button ${microphone === "on" ? "lit" : ""}`} aria-label={label} title={label} aria-pressed={microphone === "on"} data-testid="widget-microphone"
              data-microphone={microphone} onClick={() => visitor.chat?.toggleMicrophone()}>
        {microphone === "opening" ? <span class="spinner" /> : microphone === "muted" ? <MicOffIcon size={20} /> : on ? <MicIcon size={20} /> : <PhoneIcon size={20} />}
      </button>
      {on && (
        <button type="button" class="head-button" aria-label={text.textAlone} title={text.textAlone} data-testid="widget-stop-voice" onClick={() => visitor.chat?.stopVoice()}><PauseIcon size={20} /></button>
      )}
    </>
  );
}

function Notes({ visitor, chat, state }: { visitor: Visitor; chat: ChatView; state: VisitorState }): VNode {
  const { text } = visitor;
  return (
    <>
      {state.connection === "reconnecting" && <Strip tone="warning" icon={<AlertIcon size={18} />} text={text.lost} testId="widget-offline" />}
      {chat.problem !== null && (
        <Strip tone="warning" icon={<AlertIcon size={18} />} text={`${chat.problem} ${text.goOn}`} testId="widget-device-problem" close={text.close} onClose={() => visitor.chat?.dismissProblem()} />
      )}
      {chat.microphone === "opening" && <Strip tone="info" icon={<MicIcon size={18} />} text={text.asking} testId="widget-asking" />}
      {(chat.heldHere || chat.heldThere) && <Strip tone="info" icon={<PauseIcon size={18} />} text={text.held} testId="widget-held" />}
      {chat.otherMicrophone && chat.microphone === "off" && !chat.heldThere && (
        <Strip tone="info" icon={<MicIcon size={18} />} text={text.hears(state.agent ?? text.agent)} testId="widget-hears" action={[text.talkToo, () => visitor.chat?.toggleMicrophone()]} />
      )}
    </>
  );
}

function Chat({ visitor, state, chat }: Props & { chat: ChatView }): VNode {
  const { text } = visitor;
  const live = state.phase === "chat";
  return (
    <>
      {live && <Notes visitor={visitor} chat={chat} state={state} />}
      {live && state.waiting && (
        <div class="place" role="status" data-testid="widget-place" data-position={state.position ?? ""}>
          <span class="spinner" aria-hidden="true" />
          <div><p class="place-number">{state.position === null ? text.waitingAnywhere : text.waiting(state.position)}</p><p>{text.waitingHint}</p></div>
        </div>
      )}
      <Messages log={chat.log} room={false} name={state.agent ?? text.agent} stage={chat.stage} canRetry={live} words={text.messages} onRetry={(key) => visitor.chat?.retry(key)} />
      {live
        ? <Compose chat={chat} early words={text.compose} onDraft={(draft) => visitor.chat?.setDraft(draft)} onSend={(message) => visitor.chat?.send(message)} />
        : <div class="closed" data-testid="widget-over"><button type="button" class="primary small" data-testid="widget-again" onClick={() => visitor.again()}>{text.again}</button></div>}
    </>
  );
}

export function Panel({ visitor, title, onClose }: { visitor: Visitor; title: string; onClose(): void }): VNode {
  const state = useStore(visitor);
  const panel = useRef<HTMLElement>(null);
  const { text } = visitor;
  const { chat, agent, open, phase } = state;
  const ask = phase === "form" || phase === "connecting" || chat === null;
  const line = status({ visitor, state });
  useLayoutEffect(() => {
    if (!open || ask) return;
    const target = phase === "chat" ? panel.current?.querySelector<HTMLElement>(".compose [data-focus]") ?? panel.current : panel.current;
    target?.focus({ preventScroll: true });
  }, [open, ask, phase, chat?.stage === "open"]);
  return (
    <section class="panel" role="dialog" aria-label={title || text.title} hidden={!open} ref={panel} tabIndex={-1} data-testid="widget-panel" data-phase={phase}
             onKeyDown={(event) => event.key === "Escape" && onClose()}>
      <header class="head">
        {agent !== null && !ask && <Avatar name={agent} size={38} />}
        <div class="head-text">
          <h2><bdi data-testid="widget-title">{agent !== null && !ask ? agent : title || text.title}</bdi></h2>
          {line !== "" && <p data-testid="widget-status" role="status">{line}</p>}
        </div>
        {!ask && phase === "chat" && !state.waiting && chat.stage === "open" && <VoiceButton visitor={visitor} chat={chat} />}
        {!ask && phase === "chat" && (
          <button type="button" class="head-button" aria-label={text.end} title={text.end} data-testid="widget-end" onClick={() => visitor.end()}><LeaveIcon size={21} /></button>
        )}
        <button type="button" class="head-button" aria-label={phase === "chat" ? text.minimize : text.close} title={phase === "chat" ? text.minimize : text.close} data-testid="widget-close" onClick={onClose}><CloseIcon size={21} /></button>
      </header>
      {ask ? <Form visitor={visitor} state={state} /> : <Chat visitor={visitor} state={state} chat={chat} />}
    </section>
  );
}
