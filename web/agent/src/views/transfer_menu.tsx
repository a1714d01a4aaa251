// To whom a chat can be handed over: agents who are there, queues, or a number or room that one types.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar } from "../../../livechat/src/views/avatar.tsx";
import type { Target } from "../types.ts";
import { QueueIcon, TransferIcon } from "./icons.tsx";

interface Props { targets: Target[]; disabled: boolean; onOpen(): void; onTransfer(target: Pick<Target, "number" | "name">): void }

function Menu({ targets, onTransfer, onClose }: Props & { onClose(): void }): VNode {
  const [number, setNumber] = useState("");
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    (menu.current?.querySelector<HTMLElement>("button:enabled, input") ?? menu.current)?.focus();
    const outside = (event: Event): void => {
      if (event.target instanceof Node && menu.current?.parentElement?.contains(event.target) !== true) onClose();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, []);
  const choose = (target: Pick<Target, "number" | "name">): void => {
    onClose();
    onTransfer(target);
  };
  return (
    <div class="menu transfer" role="group" aria-label="Hand over to" tabIndex={-1} ref={menu} data-testid="transfer-menu">
      <ul>
        {targets.map((target) => (
          <li key={`${target.kind} ${target.number}`}>
            <button type="button" class="row" disabled={!target.online} data-testid="target" data-kind={target.kind} onClick={() => choose(target)}>
              {target.kind === "agent" ? <Avatar name={target.name} size={30} online={target.online} /> : <span class="queue-face"><QueueIcon size={18} /></span>}
              <span class="row-text"><bdi class="row-name">{target.name}</bdi></span>
              <span class="row-line">{target.kind === "queue" ? "queue" : target.online ? "here" : "away"}</span>
            </button>
          </li>
        ))}
      </ul>
      <form class="transfer-number" onSubmit={(event) => {
        event.preventDefault();
        const typed = number.trim();
        if (typed !== "") choose({ number: typed, name: typed });
      }}>
        <label class="field">
          <span class="field-label">A number or room</span>
          <input value={number} maxLength={100} autocapitalize="none" spellcheck={false} data-testid="transfer-number" onInput={(event) => setNumber(event.currentTarget.value)} />
        </label>
        <button type="submit" class="primary small" data-testid="transfer-to" disabled={number.trim() === ""}>Hand over</button>
      </form>
    </div>
  );
}

export function TransferMenu(props: Props): VNode {
  const [open, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  return (
    <div class="menu-holder" onKeyDown={(event) => {
      if (event.key !== "Escape" || !open) return;
      setOpen(false);
      opener.current?.focus();
    }}>
      <button type="button" class="round-small" ref={opener} aria-expanded={open} aria-label="Hand over" title="Hand this chat over" data-testid="transfer" disabled={props.disabled}
              onClick={() => {
                if (!open) props.onOpen();
                setOpen(!open);
              }}><TransferIcon size={20} /></button>
      {open && <Menu {...props} onClose={() => setOpen(false)} />}
    </div>
  );
}
