// A line under the head of a chat: what is going on, and what one can do about it.

import type { VNode } from "preact";
import { CloseIcon } from "../../../shared/views/icons.tsx";

export function Strip(props: { tone: "info" | "warning"; icon: VNode; text: string; testId: string; close?: string; action?: [string, () => void]; onClose?: () => void }): VNode {
  const { action, onClose } = props;
  return (
    <div class={`strip ${props.tone}`} role="status" data-testid={props.testId}>
      {props.icon}
      <span class="strip-text">{props.text}</span>
      {action !== undefined && <button type="button" class="link-button" data-testid={`${props.testId}-action`} onClick={action[1]}>{action[0]}</button>}
      {onClose !== undefined && <button type="button" class="icon-button tiny" aria-label={props.close ?? "Close"} onClick={onClose}><CloseIcon size={16} /></button>}
    </div>
  );
}
