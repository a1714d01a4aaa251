// What a webphone has to do with the calls of others: follows them, takes those that wait, listens.

import type { Call } from "./call.ts";
import { kSessionsEvent, kSessionsType } from "./names.ts";
import { type LiveSession, LiveSessions } from "./sessions.ts";
import type { Subscription } from "./subscription.ts";
import { type CallOptions, WebphoneError } from "./types.ts";

const kListenPatience = 20_000;

export interface SupervisionHost {
  readonly online: boolean;
  subscribe(event: string, type: string, take: (body: string) => void): Subscription | null;
  request(method: "GET" | "POST", path: string, body?: object): Promise<unknown>;
  newCall(to: { number: string; displayName: string; dial?: string }, video: boolean): Call;
}

export class Supervision {
  private sessions_: LiveSessions | null = null;
  private readonly listening_ = new Map<string, (call: Call) => void>();

  constructor(private readonly host_: SupervisionHost) {}

  follow(): LiveSessions {
    if (this.sessions_ !== null) return this.sessions_;
    const sessions = this.sessions_ = new LiveSessions({
      subscribe: (take) => this.host_.subscribe(kSessionsEvent, kSessionsType, take),
      act: async (id, action, body) => void (await this.host_.request("POST", `sessions/${encodeURIComponent(id)}/${action}`, body)),
      listen: (id) => this.listen(id),
      closed: (closed) => {
        if (this.sessions_ === closed) this.sessions_ = null;
      },
    });
    if (this.host_.online) sessions.restart();
    return sessions;
  }

  restart(): void {
    this.sessions_?.restart();
  }

  close(): void {
    this.sessions_?.close();
  }

  take(session: Pick<LiveSession, "take" | "caller" | "callerName">, options: CallOptions): Call {
    if (session.take === null) throw new WebphoneError("not-allowed", "This call does not wait in a queue of this agent.");
    const video = options.video !== undefined && options.video !== false;
    const call = this.host_.newCall({ number: session.caller, displayName: session.callerName, dial: session.take }, video);
    call.start(options);
    return call;
  }

  // True for the call by which the server lets this client hear another, if it was asked for.
  takes(call: Call): boolean {
    const listen = this.listening_.get(call.listensTo ?? "");
    if (listen === undefined) return false;
    setTimeout(() => listen(call), 0);
    return true;
  }

  private async listen(sessionId: string): Promise<Call> {
    const called = new Promise<Call>((resolve, reject) => {
      const timer = setTimeout(() => reject(new WebphoneError("timeout", "The server did not call.")), kListenPatience);
      this.listening_.set(sessionId, (call) => {
        clearTimeout(timer);
        call.accept({ audio: false });
        resolve(call);
      });
    });
    called.catch(() => undefined);
    try {
      await this.host_.request("POST", `sessions/${encodeURIComponent(sessionId)}/startListen`, {});
      return await called;
    } finally {
      this.listening_.delete(sessionId);
    }
  }
}
