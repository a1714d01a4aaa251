// Decides what to do when the connection, the media or the call breaks. Pure: (state, event, now) gives the next
// state and what is to be done. Times are milliseconds of any steady clock.
//
//   socket lost --> waiting --socket back--> resuming (re-INVITE with ICE restart) --> up
//   media lost  --> probing --answered-----> resuming;  --silent--> reopen the socket --> waiting
//   call gone   --> calling (a new INVITE that carries the resume token) --refused by an error--> backoff --> calling
//   BYE of a server that stops --> waiting --socket back--> calling

export type LinkKind = "idle" | "joining" | "up" | "waiting" | "probing" | "resuming" | "calling" | "backoff" | "ended";
export type EndReason = "left" | "closed" | "refused" | "unreachable" | "lost";

export interface LinkState {
  kind: LinkKind;
  socketUp: boolean;
  callAlive: boolean;
  lostSince: number | null;
  deadline: number | null;   // when this state has lasted long enough
  attempt: number;
  stopped: boolean;          // the server said that it stops: this is its restart, most likely
  end: { reason: EndReason; code: number | null } | null;
}

export type LinkEvent =
  | { kind: "join" } | { kind: "leave" } | { kind: "tick" }
  | { kind: "socket_up" } | { kind: "socket_down" }
  | { kind: "accepted" } | { kind: "resumed" } | { kind: "resume_failed" }
  | { kind: "media_lost" } | { kind: "probe_answered" } | { kind: "probe_silent" }
  | { kind: "call_ended"; by: "peer" | "error"; code: number | null; stopping?: boolean };

export type LinkCommand = "connect" | "call" | "resume" | "probe" | "reopen" | "abandon" | "hang_up";

export const kJoinTimeout = 20_000;
export const kResumeTimeout = 8_000;
export const kCallTimeout = 15_000;
export const kGiveUpAfter = 90_000;
export const kStopTimeout = 8_000;   // a server that stops has closed its sockets by then

export const kIdle: LinkState = {
  kind: "idle", socketUp: false, callAlive: false, lostSince: null, deadline: null, attempt: 0, stopped: false, end: null,
};

type Step = [LinkState, LinkCommand[]];

function ended(state: LinkState, reason: EndReason, code: number | null, commands: LinkCommand[] = []): Step {
  return [{ ...state, kind: "ended", callAlive: false, deadline: null, lostSince: null, end: { reason, code } }, commands];
}

function calling(state: LinkState, now: number): Step {
  return [{ ...state, kind: "calling", callAlive: false, lostSince: state.lostSince ?? now, deadline: now + kCallTimeout },
          ["call"]];
}

function resuming(state: LinkState, now: number): Step {
  return [{ ...state, kind: "resuming", deadline: now + kResumeTimeout }, ["resume"]];
}

// Errors that a second try will not change; 481, 408 and all 5xx may pass.
function isFinal(code: number | null): boolean {
  return code !== null && ((code >= 400 && code < 500 && ![408, 480, 481, 482, 486, 487, 491].includes(code)) || code >= 600);
}

function backoff(state: LinkState, now: number, code: number | null): Step {
  const since = state.lostSince ?? now;
  if (isFinal(code)) return ended(state, "refused", code);
  if (now - since > kGiveUpAfter) return ended(state, "lost", code);
  const wait = Math.min(8000, 500 * 2 ** state.attempt);
  return [{ ...state, kind: "backoff", callAlive: false, lostSince: since, attempt: state.attempt + 1, deadline: now + wait }, []];
}

function onSocketUp(state: LinkState, now: number): Step {
  const up = { ...state, socketUp: true };
  if (state.kind === "joining" && !state.callAlive) return [{ ...up, callAlive: true, deadline: now + kJoinTimeout }, ["call"]];
  if (state.kind === "waiting") return state.callAlive ? resuming(up, now) : calling(up, now);
  return [up, []];
}

function onSocketDown(state: LinkState, now: number): Step {
  const down = { ...state, socketUp: false };
  switch (state.kind) {
    case "up": case "probing": case "resuming": case "waiting": case "backoff":
      return [{ ...down, kind: "waiting", lostSince: state.lostSince ?? now, deadline: null }, []];
    case "calling":
      return [{ ...down, kind: "waiting", callAlive: false, deadline: null }, ["abandon"]];
    default:
      return [down, []];
  }
}

// Calling at once would reach the server that stops: its socket goes first.
function stopped(state: LinkState, now: number): Step {
  return [{ ...state, kind: "waiting", callAlive: false, stopped: true, lostSince: state.lostSince ?? now, deadline: now + kStopTimeout }, []];
}

function onCallEnded(state: LinkState, now: number, event: Extract<LinkEvent, { kind: "call_ended" }>): Step {
  const { by, code } = event;
  const gone = { ...state, callAlive: false };
  if (event.stopping === true && ["up", "probing", "resuming"].includes(state.kind)) return stopped(state, now);
  switch (state.kind) {
    case "joining":
      if (!state.socketUp) return [gone, []];
      return ended(gone, isFinal(code) || code !== null ? "refused" : "unreachable", code);
    case "up":
      if (by === "peer") return ended(gone, "closed", code);
      return state.socketUp ? calling(gone, now) : [{ ...gone, kind: "waiting", lostSince: now, deadline: null }, []];
    case "probing": case "resuming":
      return state.socketUp ? calling(gone, now) : [{ ...gone, kind: "waiting", deadline: null }, []];
    case "calling":
      return backoff(gone, now, code);
    default:
      return [gone, []];
  }
}

function onTick(state: LinkState, now: number): Step {
  if (state.kind === "waiting" && state.lostSince !== null && now - state.lostSince > kGiveUpAfter) {
    return ended(state, "lost", null, state.callAlive ? ["abandon"] : []);
  }
  if (state.deadline === null || now < state.deadline) return [state, []];
  switch (state.kind) {
    case "joining": return ended(state, "unreachable", null, ["abandon"]);
    case "probing": return [{ ...state, deadline: null }, ["reopen"]];
    case "waiting": return state.socketUp ? calling(state, now) : [{ ...state, deadline: null }, []];
    case "resuming": {
      const [next, commands] = calling(state, now);
      return [next, ["abandon", ...commands]];
    }
    case "calling": {
      const [next, commands] = backoff(state, now, null);
      return [next, ["abandon", ...commands]];
    }
    case "backoff":
      return state.socketUp ? calling(state, now) : [{ ...state, kind: "waiting", deadline: null }, []];
    default: return [state, []];
  }
}

export function step(state: LinkState, event: LinkEvent, now: number): Step {
  if (event.kind === "join") {
    const fresh: LinkState = { ...kIdle, kind: "joining", socketUp: state.socketUp, deadline: now + kJoinTimeout };
    return state.socketUp ? [{ ...fresh, callAlive: true }, ["call"]] : [fresh, ["connect"]];
  }
  if (event.kind === "leave") return ended(state, "left", null, ["hang_up"]);
  if (state.kind === "ended" || state.kind === "idle") {
    if (event.kind === "socket_up") return [{ ...state, socketUp: true }, []];
    if (event.kind === "socket_down") return [{ ...state, socketUp: false }, []];
    return [state, []];
  }
  switch (event.kind) {
    case "socket_up": return onSocketUp(state, now);
    case "socket_down": return onSocketDown(state, now);
    case "accepted": case "resumed":
      return [{ ...state, kind: "up", callAlive: true, lostSince: null, deadline: null, attempt: 0, stopped: false }, []];
    case "resume_failed":
      return state.kind === "resuming" ? onTick({ ...state, deadline: now }, now) : [state, []];
    case "media_lost":
      return state.kind === "up"
        ? [{ ...state, kind: "probing", lostSince: state.lostSince ?? now, deadline: now + kResumeTimeout }, ["probe"]]
        : [state, []];
    case "probe_answered": return state.kind === "probing" ? resuming(state, now) : [state, []];
    case "probe_silent": return state.kind === "probing" ? [{ ...state, deadline: null }, ["reopen"]] : [state, []];
    case "call_ended": return onCallEnded(state, now, event);
    case "tick": return onTick(state, now);
  }
}
