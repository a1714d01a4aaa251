// What a site embeds: draws the button, and fetches the chat itself when somebody opens it or when one goes on from the page before.
//   <script src="https://HOST/widget.js" data-line="support" data-title="Ask us" data-color="#0a7d54" async></script>
// Nothing of the page is read but this element's attributes; nothing is written into it but one element with a shadow root.

import { colourRules } from "./colour.ts";
import { type ChatWindow, type Hook, kStorageKey, type WidgetOptions } from "./hook.ts";

const kSheet = `
:host{all:initial!important;position:fixed!important;inset:auto!important;z-index:2147483000!important;bottom:0!important;right:0!important;display:block!important;
--accent:#3a5bd9;--on-accent:#fff;color-scheme:light dark}
:host([data-side=left]){right:auto!important;left:0!important}
.launch{position:fixed;bottom:calc(20px + env(safe-area-inset-bottom));right:20px;display:grid;place-items:center;width:60px;height:60px;padding:0;border:0;border-radius:50%;cursor:pointer;
background:var(--accent);color:var(--on-accent);box-shadow:0 2px 6px rgb(10 15 30/25%),0 8px 28px rgb(10 15 30/28%);transition:transform .15s}
:host([data-side=left]) .launch,:host([data-side=left]) .say{right:auto;left:20px}
.launch:hover{transform:scale(1.05)}
.launch:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.launch svg{width:28px;height:28px;fill:none;stroke:currentColor;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
.launch.busy svg{animation:pulse 1s ease-in-out infinite alternate}
@keyframes pulse{to{opacity:.25}}
.count{position:absolute;top:-3px;right:-3px;min-width:22px;height:22px;padding:0 5px;border-radius:11px;background:#cf2f3a;color:#fff;font:650 13px/22px system-ui,sans-serif;text-align:center}
.say{position:fixed;bottom:92px;right:20px;max-width:min(280px,calc(100vw - 40px));padding:12px 16px;border-radius:14px;background:#fff;color:#171a24;font:15px/1.4 system-ui,sans-serif;box-shadow:0 8px 28px rgb(10 15 30/25%)}
[hidden]{display:none!important}
@media (max-width:480px),(max-height:480px){.launch[aria-expanded=true]{display:none}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
`;

const kWords = {
  en: { open: "Open the chat", close: "Close the chat window", unread: "new messages", gone: "The chat can't be reached right now. Please try again in a moment." },
  de: { open: "Chat öffnen", close: "Chatfenster schließen", unread: "neue Nachrichten", gone: "Der Chat ist gerade nicht erreichbar. Bitte versuchen Sie es gleich noch einmal." },
};

declare global {
  interface Window {
    /** Opens and closes the chat window of the widget. */
    ParleyWidget?: { open(): void; close(): void };
  }
}

type Styled = { adoptedStyleSheets?: CSSStyleSheet[] };

// By the object model: a page's policy on styles does not matter then. Old browsers get an element.
function addStyle(shadow: ShadowRoot, css: string): void {
  const root = shadow as ShadowRoot & Styled;
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [...(root.adoptedStyleSheets ?? []), sheet];
  } catch {
    const element = document.createElement("style");
    element.textContent = css;
    shadow.append(element);
  }
}

function bubble(): SVGElement {
  const make = (name: string, attributes: Record<string, string>): SVGElement => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const svg = make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" });
  svg.append(make("path", { d: "M12 4c4.7 0 8.5 3.1 8.5 7s-3.8 7-8.5 7c-1 0-2-.1-2.9-.4L4.6 20l1-3.6C4.3 15 3.5 13.1 3.5 11c0-3.9 3.8-7 8.5-7z" }), make("path", { d: "M8.5 11h.01M12 11h.01M15.5 11h.01" }));
  return svg;
}

// Where a policy of the page demands it, an address of a script is trusted only through a policy of that name.
function trusted(url: string): string {
  const types = (window as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } } }).trustedTypes;
  return types === undefined ? url : types.createPolicy("parley-widget", { createScriptURL: (each: string) => each }).createScriptURL(url);
}

class Launcher {
  private readonly host_ = document.createElement("div");
  private readonly shadow_ = this.host_.attachShadow({ mode: "open" });
  private readonly button_ = document.createElement("button");
  private readonly count_ = document.createElement("span");
  private readonly say_ = document.createElement("p");
  private readonly words_: (typeof kWords)["en"];
  private readonly style_: (css: string) => void;
  private window_: ChatWindow | null = null;
  private loading_ = false;
  private wanted_ = false;
  private shown_ = false;
  private unread_ = 0;
  private timer_ = 0;

  constructor(private readonly options_: WidgetOptions, private readonly version_: string, private readonly nonce_: string, colour: string, side: string) {
    this.words_ = kWords[options_.language];
    this.host_.dataset["parley"] = "widget";
    if (side === "left") this.host_.dataset["side"] = "left";
    const colours = colourRules(colour);
    this.style_ = (css) => addStyle(this.shadow_, css + colours);
    this.style_(kSheet);
    this.button_.type = "button";
    this.button_.className = "launch";
    this.button_.dataset["testid"] = "widget-button";
    this.count_.className = "count";
    this.count_.hidden = this.say_.hidden = true;
    this.say_.className = "say";
    this.say_.setAttribute("role", "alert");
    this.button_.append(bubble(), this.count_);
    this.button_.addEventListener("click", () => (this.shown_ ? this.close() : this.open()));
    this.shadow_.append(this.button_, this.say_);
    // What is typed here is none of the page's keyboard commands.
    for (const name of ["keydown", "keypress", "keyup"]) this.shadow_.addEventListener(name, (event) => event.stopPropagation());
    this.label();
    document.body.append(this.host_);
    try {
      if (sessionStorage.getItem(kStorageKey) !== null) this.load();
    } catch {
      // Storage may be forbidden: a chat then ends with its page.
    }
  }

  open(): void {
    this.wanted_ = true;
    this.say_.hidden = true;
    if (this.window_ === null) this.load();
    else this.window_.open();
  }

  close(): void {
    this.wanted_ = false;
    this.window_?.close();
  }

  private label(): void {
    const { open, close, unread } = this.words_;
    const name = this.shown_ ? close : this.unread_ > 0 ? `${open}: ${this.unread_} ${unread}` : open;
    this.button_.setAttribute("aria-label", name);
    this.button_.title = this.shown_ ? close : open;
    this.button_.setAttribute("aria-expanded", String(this.shown_));
    this.count_.textContent = String(this.unread_);
    this.count_.hidden = this.unread_ === 0 || this.shown_;
  }

  private load(): void {
    if (this.loading_) return;
    this.loading_ = true;
    this.button_.classList.add("busy");
    const script = document.createElement("script") as HTMLScriptElement & { parley?: Hook };
    script.parley = {
      options: this.options_, shadow: this.shadow_, addStyle: this.style_,
      setOpen: (open) => {
        this.shown_ = open;
        this.label();
        if (!open) this.button_.focus();
      },
      setUnread: (count) => {
        this.unread_ = count;
        this.label();
      },
      ready: (chat) => {
        this.window_ = chat;
        this.button_.classList.remove("busy");
        if (this.wanted_) chat.open();
      },
    };
    script.onerror = () => {
      script.remove();
      this.loading_ = false;
      this.button_.classList.remove("busy");
      if (!this.wanted_) return;
      this.say_.textContent = this.words_.gone;
      this.say_.hidden = false;
      clearTimeout(this.timer_);
      this.timer_ = window.setTimeout(() => (this.say_.hidden = true), 8000);
    };
    script.onload = () => script.remove();
    if (this.nonce_ !== "") script.nonce = this.nonce_;
    script.src = trusted(`${this.options_.server}/widget-chat.js?v=${this.version_}`);
    document.head.append(script);
  }
}

declare const __CHAT_VERSION__: string;

function begin(own: HTMLScriptElement): void {
  const { line = "", title = "", color = "", language = "", position = "" } = own.dataset;
  const tongue = (language || document.documentElement.lang || navigator.language || "").toLowerCase();
  const options: WidgetOptions = {
    server: new URL(own.src).origin, line: line || "Webphone1", title, language: tongue.startsWith("de") ? "de" : "en",
  };
  const start = (): void => {
    const launcher = new Launcher(options, __CHAT_VERSION__, own.nonce ?? "", color, position);
    window.ParleyWidget = { open: () => launcher.open(), close: () => launcher.close() };
  };
  if (document.body !== null) start();
  else document.addEventListener("DOMContentLoaded", start);
}

const own = document.currentScript ?? document.querySelector('script[src*="/widget.js"]');
if (own instanceof HTMLScriptElement && window.ParleyWidget === undefined) begin(own);
