// Where the server is, and the one HTTP request that a connection begins with.

import { patientTimer } from "../../shared/patience.ts";
import { type Privilege, WebphoneError } from "./types.ts";

const kDefaultPort = "7777";
const kPatience = 15_000;

// The address of this script, read while it runs for the first time: later nobody knows it.
const kScript: string | null = typeof document !== "undefined" && document.currentScript !== null &&
  "src" in document.currentScript ? String(document.currentScript.src) : null;

export interface Place { http: string; ws: (path: string) => string; host: string }

function parse(address: string | null): URL | null {
  if (address === null || address === "") return null;
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

// "" is where the script came from; a bare host gets the script's port; host:port is taken as it is.
export function placeOf(host: string, script: string | null = kScript,
                        page: string | null = typeof location === "undefined" ? null : location.href): Place {
  const from = parse(script) ?? (script === null ? parse(page) : null);
  const asked = parse(/^https?:\/\//i.test(host) ? host : null);
  let protocol = asked?.protocol ?? from?.protocol ?? parse(page)?.protocol ?? "http:";
  let authority: string;
  if (asked !== null) {
    authority = asked.host;
  } else if (host === "") {
    if (from === null) throw new WebphoneError("connection-failed", "No host was given, and the script's own is not known.");
    authority = from.host;
  } else {
    const given = parse(`http://${host}/`);
    if (given === null) throw new WebphoneError("connection-failed", `"${host}" is no host.`);
    const named = /:\d+$/.test(host);
    const same = from !== null && from.hostname === given.hostname;
    const port = named ? host.slice(host.lastIndexOf(":") + 1) : from === null ? kDefaultPort : from.port;
    if (!same && parse(page)?.protocol === "https:") protocol = "https:";
    authority = port === "" ? given.hostname : `${given.hostname}:${port}`;
  }
  const http = `${protocol}//${authority}`;
  return { http, host: authority, ws: (path) => new URL(path, http).href.replace(/^http/, "ws") };
}

export interface Access {
  number: string;
  line: string;
  displayName: string;
  uri: string;
  secret: string;
  bearer: string;
  realm: string;
  ws: string;
  resume: string;
  graceSeconds: number;
  ice: RTCIceServer[];
  may: Privilege[];
  user: Record<string, unknown> | null;
}

export interface AccessRequest {
  line: string;
  who: Record<string, unknown>;
  password?: string;
  token?: string;
  resume?: string;
}

export async function problemText(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { title?: unknown; detail?: unknown };
    const said = [problem.title, problem.detail].filter((each) => typeof each === "string" && each !== "").join(": ");
    if (said !== "") return said;
  } catch {
    // No problem document.
  }
  return `The server answered ${response.status}.`;
}

export async function requestAccess(place: Place, request: AccessRequest): Promise<Access> {
  const giveUp = new AbortController();
  const stop = patientTimer(kPatience, () => giveUp.abort());
  let response: Response;
  let data: Partial<Access> & Record<string, unknown>;
  try {
    response = await fetch(`${place.http}/api/webphone/connect`, {
      method: "POST", mode: "cors", credentials: "omit", cache: "no-store", signal: giveUp.signal,
      headers: { "Content-Type": "application/json" }, body: JSON.stringify(request),
    });
    if (!response.ok) {
      const denied = response.status >= 400 && response.status < 500 && response.status !== 408 && response.status !== 429;
      throw new WebphoneError(denied ? "access-denied" : "connection-failed", await problemText(response), response.status);
    }
    data = (await response.json()) as typeof data;
  } catch (error) {
    if (error instanceof WebphoneError) throw error;
    throw new WebphoneError("connection-failed", `${place.http} could not be reached.`);
  } finally {
    stop();
  }
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  if (text(data.number) === "" || text(data.secret) === "") {
    throw new WebphoneError("connection-failed", "The server's answer was not understood.");
  }
  const number = text(data.number);
  return {
    number, line: text(data.line) || request.line, displayName: text(data.displayName), uri: text(data.uri) || `sip:${number}@${place.host}`,
    secret: text(data.secret), bearer: text(data.bearer) || text(data.secret), realm: text(data.realm), ws: text(data.ws) || "/ws", resume: text(data.resume),
    graceSeconds: typeof data.graceSeconds === "number" ? data.graceSeconds : 10,
    ice: Array.isArray(data.ice) ? data.ice : [], may: Array.isArray(data.may) ? data.may : [],
    user: typeof data.user === "object" ? data.user : null,
  };
}

// When a JWT expires, in milliseconds since 1970; null for what is none or does not say.
export function expiryOf(token: string): number | null {
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const claims = JSON.parse(atob(part)) as { exp?: unknown };
    return typeof claims.exp === "number" ? claims.exp * 1000 : null;
  } catch {
    return null;
  }
}
