// What was said, oldest first; it stays at the end unless one reads further up.

import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { hueOf } from "../../../shared/text.ts";
import { LinkedText } from "../../../shared/views/linked_text.tsx";
import { memo } from "../../../shared/views/memo.ts";
import { follows, type Log, type NoticeEntry, type TextEntry } from "../log.ts";
import type { ChatView } from "../types.ts";

export interface MessageWords {
  sending: string; sent: string; notDelivered: string; retry: string; showAll: string; fresh: string; you: string;
  log(name: string): string;
  empty(room: boolean): string;
}
const kWords: MessageWords = {
  sending: "Sending…", sent: "Sent", notDelivered: "Not delivered.", retry: "Try again", showAll: "Show all", fresh: "New messages", you: "You",
  log: (name) => `Messages with ${name}`,
  empty: (room) => (room ? "What you write here goes to everybody who is online." : "No messages yet."),
};

interface Props {
  log: Log; room: boolean; name: string; stage: ChatView["stage"]; canRetry: boolean; words?: MessageWords;
  onRetry(key: string): void;
}

const kTime = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const kLongMessage = 1500;   // characters; what is longer, or has more lines, is shown folded
const kManyLines = 25;
const kNearEnd = 48;         // pixels

const Notice = memo(function Notice({ entry }: { entry: NoticeEntry }): VNode {
  return <li class="notice" data-testid="notice"><span>{entry.text}</span> <time dateTime={new Date(entry.at).toISOString()}>{kTime.format(entry.at)}</time></li>;
});

function Delivery({ entry, canRetry, words, onRetry }: { entry: TextEntry; canRetry: boolean; words: MessageWords; onRetry(key: string): void }): VNode {
  if (entry.delivery === "sending") return <span class="delivery">{words.sending}</span>;
  if (entry.delivery === "sent") return <span class="delivery">{words.sent}</span>;
  return (
    <span class="delivery failed" role="alert">
      {entry.error ?? words.notDelivered}{" "}
      {canRetry && <button type="button" class="link-button" data-testid="retry" onClick={() => onRetry(entry.key)}>{words.retry}</button>}
    </span>
  );
}

type MessageProps = { entry: TextEntry; head: boolean; last: boolean; named: boolean; canRetry: boolean; words: MessageWords; onRetry(key: string): void };
const Message = memo(function Message({ entry, head, last, named, canRetry, words, onRetry }: MessageProps): VNode {
  const [folded, setFolded] = useState(entry.text.length > kLongMessage || entry.text.split("\n", kManyLines + 1).length > kManyLines);
  return (
    <li class={`message ${entry.mine ? "mine" : ""} ${head ? "" : "follows"}`} data-testid="message" data-mine={entry.mine} data-delivery={entry.delivery}>
      {head && (
        <div class="message-head">
          {entry.mine || !named
            ? <span class="unseen">{entry.mine ? words.you : entry.name}</span>
            : <bdi class="message-name" style={{ "--hue": hueOf(entry.name) }} data-testid="message-name">{entry.name}</bdi>}
          <time dateTime={new Date(entry.at).toISOString()}>{kTime.format(entry.at)}</time>
        </div>
      )}
      <div class={`message-text ${folded ? "folded" : ""}`} dir="auto" data-testid="message-text"><LinkedText text={entry.text} /></div>
      {folded && <button type="button" class="link-button unfold" onClick={() => setFolded(false)}>{words.showAll}</button>}
      {entry.mine && (entry.delivery !== "sent" || last) && <Delivery entry={entry} canRetry={canRetry} words={words} onRetry={onRetry} />}
    </li>
  );
});

export function Messages({ log, room, name, stage, canRetry, words = kWords, onRetry }: Props): VNode {
  const list = useRef<HTMLOListElement>(null);
  const pinned = useRef(true);
  const retry = useRef(onRetry);
  retry.current = onRetry;
  const [stableRetry] = useState(() => (key: string) => retry.current(key));
  const [behind, setBehind] = useState(false);
  const last = log[log.length - 1];

  const toEnd = (): void => {
    const element = list.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => {
    if (pinned.current || (last?.kind === "text" && last.mine)) toEnd();
    else setBehind(true);
  }, [last?.key, log.length]);
  // The list is made lower by a keyboard, a video or a longer text below it.
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => pinned.current && toEnd());
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const element = list.current;
    if (element === null) return;
    pinned.current = element.scrollHeight - element.scrollTop - element.clientHeight < kNearEnd;
    if (pinned.current) setBehind(false);
  };
  let lastOwn = -1;
  log.forEach((entry, at) => {
    if (entry.kind === "text" && entry.mine && entry.delivery === "sent") lastOwn = at;
  });
  return (
    <div class="log">
      <ol class="messages" ref={list} onScroll={onScroll} role="log" aria-live="polite" aria-relevant="additions" aria-label={words.log(name)}
          tabIndex={0} data-focus={stage === "open" ? undefined : ""}>
        {log.length === 0 && (
          <li class="empty">{words.empty(room)}</li>
        )}
        {log.map((entry, at) => entry.kind === "notice" ? <Notice key={entry.key} entry={entry} /> : (
          <Message key={entry.key} entry={entry} head={!follows(log, at)} last={at === lastOwn} named={room} canRetry={canRetry} words={words} onRetry={stableRetry} />
        ))}
      </ol>
      {behind && <button type="button" class="new-messages" onClick={toEnd}>{words.fresh}</button>}
    </div>
  );
}
