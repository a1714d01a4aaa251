// Between the two scripts of the widget: the small one that a page embeds, and the large one that it fetches when it is needed.

export interface WidgetOptions {
  server: string;                // origin of the Parley server
  line: string;
  title: string;                 // "" : by the language
  language: "en" | "de";
}

export interface ChatWindow { open(): void; close(): void }

// The large script finds it at its own <script> element.
export interface Hook {
  options: WidgetOptions;
  shadow: ShadowRoot;
  addStyle(css: string): void;
  setOpen(open: boolean): void;        // the window came or went
  setUnread(count: number): void;
  ready(window: ChatWindow): void;
}

export const kStorageKey = "parley.widget";
