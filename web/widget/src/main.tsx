// The large script of the widget: the chat itself. The small one loads it, and has left what it needs at its element.

import { render } from "preact";
import style from "widget:style";
import type { Hook } from "./hook.ts";
import { Panel } from "./view.tsx";
import { Visitor } from "./visitor.ts";

function start(hook: Hook): void {
  const { shadow, options } = hook;
  hook.addStyle(style);
  const root = document.createElement("div");
  shadow.prepend(root);
  const visitor = new Visitor(options);
  let told = { open: false, unread: -1 };
  const tell = (): void => {
    const { open, chat } = visitor.state;
    const unread = chat?.unread ?? 0;
    if (open !== told.open) hook.setOpen(open);
    if (unread !== told.unread) hook.setUnread(unread);
    told = { open, unread };
  };
  visitor.subscribe(tell);
  tell();
  render(<Panel visitor={visitor} title={options.title} onClose={() => visitor.close()} />, root);
  hook.ready({ open: () => visitor.open(), close: () => visitor.close() });
  // The first click or key lets it sound, after a reload too.
  root.addEventListener("pointerdown", () => visitor.sounds.prepare(), { once: true });
}

const { parley } = (document.currentScript ?? {}) as { parley?: Hook };
if (parley !== undefined) start(parley);
