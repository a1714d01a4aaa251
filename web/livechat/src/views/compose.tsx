// The field to write in. Enter sends, Shift+Enter makes a new line.

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { byteLength, formatBytes } from "../../../shared/text.ts";
import { SendIcon } from "../../../shared/views/icons.tsx";
import { type ChatView, kLargestMessage } from "../types.ts";

export interface ComposeWords { placeholder(to: string): string; offline: string; label(to: string): string; send: string; tooLong(bytes: number): string }
const kWords: ComposeWords = {
  placeholder: (to) => `Write to ${to}`, offline: "It is sent when the connection is back", label: (to) => `Message to ${to}`,
  send: "Send (Enter; Shift+Enter makes a new line)",
  tooLong: (bytes) => `This is ${formatBytes(bytes)}; a message may hold ${formatBytes(kLargestMessage)}.`,
};

interface Props { chat: ChatView; words?: ComposeWords; early?: boolean; onDraft(text: string): void; onSend(text: string): void }

const kHighest = 160;   // pixels

export function Compose({ chat, words = kWords, early = false, onDraft, onSend }: Props): VNode {
  const { draft } = chat;
  const field = useRef<HTMLTextAreaElement>(null);
  const bytes = draft.length > kLargestMessage / 8 ? byteLength(draft) : 0;
  const tooLong = bytes > kLargestMessage;
  const ready = chat.stage === "open" || (early && chat.stage === "asking");   // then it waits for the call
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(kHighest, element.scrollHeight + 2)}px`;
  }, [draft]);
  const send = (): void => {
    if (draft.trim() === "" || tooLong || !ready) return;
    onSend(draft);
    field.current?.focus();
  };
  const to = chat.kind === "room" ? "everybody" : chat.name;
  return (
    <form class="compose" onSubmit={(event) => {
      event.preventDefault();
      send();
    }}>
      {tooLong && <p class="field-error" role="alert">{words.tooLong(bytes)}</p>}
      <div class="compose-row">
        <textarea ref={field} rows={1} value={draft} placeholder={chat.interrupted ? words.offline : words.placeholder(to)}
                  aria-label={words.label(to)} data-testid="input" dir="auto" enterkeyhint="send"
                  data-focus={window.matchMedia("(pointer: fine)").matches ? "" : undefined}
                  onInput={(event) => onDraft(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
                    event.preventDefault();
                    send();
                  }} />
        <button type="submit" class="round send" aria-label={words.send} title={words.send} data-testid="send"
                disabled={draft.trim() === "" || tooLong || !ready}>
          <SendIcon size={20} />
        </button>
      </div>
    </form>
  );
}
