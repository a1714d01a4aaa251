// The chat: what was said, and a field to say something.

import type { VNode } from "preact";
import { memo } from "../../../shared/views/memo.ts";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { byteLength, formatBytes, hueOf } from "../../../shared/text.ts";
import type { ChatEntry, ChatLog } from "../chat_log.ts";
import { kLargestMessage } from "../protocol.ts";
import { CloseIcon, SendIcon } from "../../../shared/views/icons.tsx";
import { LinkedText } from "../../../shared/views/linked_text.tsx";

interface Props {
  log: ChatLog;
  canSend: boolean;
  draft: string;
  onDraft(text: string): void;
  onSend(text: string): void;
  onRetry(key: string): void;
  onClose(): void;
}

const kTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const kGroupWithin = 3 * 60_000;
const kLongMessage = 1500;  // what is longer, or has more lines, is shown folded
const kManyLines = 25;

function Delivery({ entry, onRetry }: { entry: ChatEntry; onRetry(key: string): void }): VNode | null {
  if (!entry.mine) return null;
  if (entry.delivery === "sending") return <span class="delivery">Sending…</span>;
  if (entry.delivery === "sent") return <span class="delivery">Sent</span>;
  return (
    <span class="delivery failed" role="alert">
      {entry.error ?? "Not delivered."}{" "}
      <button type="button" class="link-button" data-testid="chat-retry" onClick={() => onRetry(entry.key)}>Try again</button>
    </span>
  );
}

const Message = memo(function Message(props: { entry: ChatEntry; follows: boolean; last: boolean; onRetry(key: string): void }): VNode {
  const { entry, follows, last } = props;
  const [folded, setFolded] = useState(entry.text.length > kLongMessage || entry.text.split("\n", kManyLines + 1).length > kManyLines);
  const showDelivery = entry.delivery !== "sent" || last;
  return (
    <li class={`message ${entry.mine ? "mine" : ""} ${follows ? "follows" : ""}`} data-testid="chat-message"
        data-mine={entry.mine} data-delivery={entry.delivery} data-sequence={entry.sequence ?? ""}>
      {!follows && (
        <div class="message-head">
          <bdi class="message-name" style={{ "--hue": hueOf(entry.name) }} data-testid="chat-name">{entry.mine ? "You" : entry.name}</bdi>
          <time dateTime={new Date(entry.at).toISOString()}>{kTime.format(entry.at)}</time>
        </div>
      )}
      <div class={`message-text ${folded ? "folded" : ""}`} dir="auto" data-testid="chat-text"><LinkedText text={entry.text} /></div>
      {folded && <button type="button" class="link-button unfold" onClick={() => setFolded(false)}>Show all</button>}
      {showDelivery && <Delivery entry={entry} onRetry={props.onRetry} />}
    </li>
  );
});

function follows(log: ChatLog, at: number): boolean {
  const entry = log[at];
  const before = log[at - 1];
  return entry !== undefined && before !== undefined && before.mine === entry.mine && before.name === entry.name &&
    before.participant === entry.participant && Math.abs(entry.at - before.at) < kGroupWithin;
}

function Compose({ canSend, draft, onDraft, onSend }: Pick<Props, "canSend" | "draft" | "onDraft" | "onSend">): VNode {
  const field = useRef<HTMLTextAreaElement>(null);
  const bytes = draft.length > kLargestMessage / 8 ? byteLength(draft) : 0;
  const tooLong = bytes > kLargestMessage;
  useEffect(() => {
    if (window.matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(160, element.scrollHeight + 2)}px`;
  }, [draft]);
  const send = (): void => {
    if (draft.trim() === "" || tooLong || byteLength(draft) > kLargestMessage) return;
    onSend(draft);
    onDraft("");
    field.current?.focus();
  };
  return (
    <form class="compose" onSubmit={(event) => {
      event.preventDefault();
      send();
    }}>
      {tooLong && (
        <p class="field-error" role="alert">
          This is {formatBytes(bytes)}; a message may hold {formatBytes(kLargestMessage)}.
        </p>
      )}
      <div class="compose-row">
        <textarea ref={field} rows={1} value={draft} placeholder={canSend ? "Write to everyone" : "Sent when you are back"}
                  aria-label="Message to everyone" data-testid="chat-input" dir="auto" enterkeyhint="send"
                  onInput={(event) => onDraft(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
                    event.preventDefault();
                    send();
                  }} />
        <button type="submit" class="round send" aria-label="Send" title="Send (Enter; Shift+Enter makes a new line)"
                data-testid="chat-send" disabled={draft.trim() === "" || tooLong}>
          <SendIcon size={20} />
        </button>
      </div>
    </form>
  );
}

export function Chat(props: Props): VNode {
  const { log } = props;
  const list = useRef<HTMLOListElement>(null);
  const pinned = useRef(true);
  const [behind, setBehind] = useState(false);
  const lastKey = log[log.length - 1]?.key;
  const lastMine = log[log.length - 1]?.mine === true;

  const toEnd = (): void => {
    const element = list.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => {
    if (pinned.current || lastMine) toEnd();
    else setBehind(true);
  }, [lastKey, log.length]);
  const onScroll = (): void => {
    const element = list.current;
    if (element === null) return;
    pinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < 48;
    if (pinned.current) setBehind(false);
  };
  let lastOwn = -1;
  log.forEach((entry, at) => {
    if (entry.mine && entry.delivery === "sent") lastOwn = at;
  });
  return (
    <aside class="panel chat" aria-label="Chat" data-testid="chat">
      <header class="panel-head">
        <h2>Chat</h2>
        <button type="button" class="icon-button" aria-label="Close chat" title="Close (Esc)" onClick={props.onClose}><CloseIcon size={20} /></button>
      </header>
      <ol class="messages" ref={list} onScroll={onScroll} role="log" aria-live="polite" aria-relevant="additions" aria-label="Messages" tabIndex={0}>
        {log.length === 0 && <li class="empty">No messages yet. What you write here goes to everyone in the room.</li>}
        {log.map((entry, at) => (
          <Message key={entry.key} entry={entry} follows={follows(log, at)} last={at === lastOwn} onRetry={props.onRetry} />
        ))}
      </ol>
      {behind && <button type="button" class="new-messages" onClick={toEnd}>New messages</button>}
      <Compose canSend={props.canSend} draft={props.draft} onDraft={props.onDraft} onSend={props.onSend} />
    </aside>
  );
}
