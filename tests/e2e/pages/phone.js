// A JsSIP phone without a face: what an application written for Enhanced Messaging does, and no more. `phone` is the test's.

import * as JsSIP from "jssip";

const kEventType = "application/x-asterisk-confbridge-event+json";

class Phone {
  constructor() {
    this.status = "idle";
    this.messages = [];
    this.events = [];
    this.offers = [];      // bodies of the server's re-INVITEs
    this.answers = [];     // remote descriptions of all kinds
    this.failures = [];
    this.labels = new Map();   // mid -> label
    this.videos = new Map();   // mid -> element
    this.joinedAt = 0;
    this.firstFrame = new Map();
  }

  join({ server, room, name, audio = true, video = true, events = true, account = null, password = null, receive = false, videos = 0 }) {
    const host = new URL(server.replace(/^ws/, "http")).hostname;
    this.ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(server)], display_name: name, register: account !== null,
      uri: `sip:${account ?? `guest-${Math.random().toString(36).slice(2)}`}@${host}`, ...(password === null ? {} : { password }),
    });
    this.ua.on("registered", () => (this.status = "registered"));
    this.ua.on("registrationFailed", ({ cause }) => (this.status = `registration failed: ${cause}`));
    this.ua.on("newMessage", (data) => this.received(data));
    const call = () => {
      this.joinedAt = performance.now();
      this.session = this.ua.call(`sip:${encodeURIComponent(room)}@${host}`, {
        ...(videos > 0 ? { mediaStream: this.many(videos) } : { mediaConstraints: { audio, video } }), pcConfig: { iceServers: [] },
        ...(receive ? { rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: true } } : {}),
        extraHeaders: events ? [`Accept: application/sdp, ${kEventType}`] : [],
        eventHandlers: {
          peerconnection: ({ peerconnection }) => this.open(peerconnection),
          sdp: ({ originator, type, sdp }) => originator === "remote" && this.remote(type, sdp),
          accepted: ({ response }) => (this.participant = response.getHeader("Parley-Participant")),
          confirmed: () => (this.status = "in"),
          failed: ({ cause, message }) => (this.status = `failed: ${cause} ${message?.status_code ?? ""} ${message?.getHeader?.("Warning") ?? ""}`),
          ended: ({ cause }) => (this.status = `ended: ${cause}`),
        },
      });
    };
    this.ua.on(account === null ? "connected" : "registered", call);
    this.ua.start();
  }

  // A microphone and that many cameras, small and slow.
  many(count) {
    const { picture, tone, wanted } = globalThis.__e2e;
    const cameras = Array.from({ length: count }, () => picture(wanted.colour, { width: 64, height: 48, rate: 2 }));
    return new MediaStream([tone(wanted.tone), ...cameras]);
  }

  open(connection) {
    this.connection = connection;
    connection.addEventListener("track", ({ track, streams }) => {
      if (streams[0] === undefined) this.failures.push("a track without a stream");
      if (track.kind === "audio") {
        this.audio = streams[0];
        this.player = Object.assign(new Audio(), { autoplay: true, srcObject: streams[0] });
      }
    });
    connection.addEventListener("signalingstatechange", () => this.layOut());
  }

  remote(type, sdp) {
    this.answers.push(sdp);
    if (type === "offer") this.offers.push(sdp);
    this.labels.clear();
    for (const section of sdp.split(/^m=/m).slice(1)) {
      const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
      const label = /^a=label:(\S+)/m.exec(section)?.[1];
      if (!section.startsWith("video 0 ") && label !== undefined) this.labels.set(mid, label);
      if (!/ 0 /.test(section.slice(0, 12)) && !/^a=msid:\S+/m.test(section) && /^a=send(only|recv)/m.test(section)) this.failures.push(`no msid on m-line ${mid}`);
    }
  }

  layOut() {
    if (this.connection.signalingState !== "stable") return;
    const wanted = new Set();
    for (const line of this.connection.getTransceivers()) {
      if (line.receiver.track.kind !== "video" || !["recvonly", "sendrecv"].includes(line.currentDirection) || !this.labels.has(line.mid)) continue;
      const key = `${line.mid} ${this.labels.get(line.mid)}`;
      wanted.add(key);
      if (this.videos.has(key)) continue;
      const element = Object.assign(document.createElement("video"), { autoplay: true, muted: true, width: 160, srcObject: new MediaStream([line.receiver.track]) });
      element.requestVideoFrameCallback?.(() => this.firstFrame.set(key, performance.now() - this.joinedAt));
      document.body.append(element);
      this.videos.set(key, element);
    }
    for (const [key, element] of this.videos) {
      if (wanted.has(key)) continue;
      element.remove();
      this.videos.delete(key);
    }
  }

  // label -> colours of its videos
  colours() {
    return [...this.videos].map(([key, element]) => [key.split(" ")[1], globalThis.__probe.colour(element)]);
  }

  received({ originator, request }) {
    if (originator === "local") return;
    const type = request.headers["Content-Type"][0].raw;
    if (type === kEventType) return void this.events.push(JSON.parse(request.body));
    this.messages.push({
      type, body: request.body, name: request.from.display_name, participant: request.getHeader("Parley-Participant") ?? null,
      sequence: Number(request.getHeader("Parley-Sequence") ?? "NaN"), id: request.getHeader("Parley-Message-ID") ?? null,
      date: request.getHeader("Date") ?? null, cseq: request.cseq,
    });
  }

  // Resolves with the status code.
  send(type, body, extraHeaders = []) {
    return new Promise((done) => {
      this.session.sendRequest(JsSIP.C.MESSAGE, {
        extraHeaders: [`Content-Type: ${type}`, ...extraHeaders], body,
        eventHandlers: {
          onSuccessResponse: (response) => done(response.status_code), onErrorResponse: (response) => done(response.status_code),
          onTransportError: () => done("transport"), onRequestTimeout: () => done("timeout"), onDialogError: () => done("dialog error"),
        },
      });
    });
  }

  leave() {
    this.session.terminate();
  }
}

globalThis.phone = new Phone();
globalThis.JsSIP = JsSIP;
