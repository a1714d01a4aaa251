// A SIP.js user agent without a face.

import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";

class Phone {
  constructor() {
    this.state = "idle";
    this.texts = [];
    this.audio = null;
  }

  async start({ server, account, password }) {
    this.state = "starting";
    await this.agent?.stop();
    this.host = new URL(server.replace(/^ws/, "http")).hostname;
    this.agent = new UserAgent({
      uri: UserAgent.makeURI(`sip:${account}@${this.host}`), displayName: account, authorizationUsername: account, authorizationPassword: password,
      transportOptions: { server }, logLevel: "error",
      sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 1000, peerConnectionConfiguration: { iceServers: [] } },
    });
    await this.agent.start();
    this.state = "started";
    const registerer = new Registerer(this.agent);
    registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) this.state = "registered";
    });
    await registerer.register({ requestDelegate: { onReject: () => (this.state = "rejected") } });
  }

  async call(room) {
    const target = UserAgent.makeURI(`sip:${room}@${this.host}`);
    this.session = new Inviter(this.agent, target, { sessionDescriptionHandlerOptions: { constraints: { audio: true, video: true } } });
    this.session.delegate = {
      onMessage: (message) => {
        this.texts.push(message.request.body);
        void message.accept();
      },
      onSessionDescriptionHandler: (handler) => {
        handler.peerConnection.addEventListener("track", ({ track, streams }) => {
          if (track.kind !== "audio") return;
          this.audio = streams[0] ?? new MediaStream([track]);
          this.player = Object.assign(new Audio(), { autoplay: true, srcObject: this.audio });
        });
      },
    };
    this.session.stateChange.addListener((state) => {
      this.state = { [SessionState.Established]: "established", [SessionState.Terminated]: "terminated" }[state] ?? "calling";
    });
    await this.session.invite();
  }

  // The first remote picture.
  video() {
    const connection = this.session.sessionDescriptionHandler.peerConnection;
    const line = connection.getTransceivers().find((each) => each.receiver.track.kind === "video" && each.currentDirection === "recvonly" && !each.receiver.track.muted);
    if (line === undefined) return null;
    if (this.element?.srcObject?.getVideoTracks()[0] !== line.receiver.track) {
      this.element = Object.assign(document.createElement("video"), { autoplay: true, muted: true, srcObject: new MediaStream([line.receiver.track]) });
      document.body.append(this.element);
    }
    return this.element;
  }

  say(text) {
    return this.session.message({ requestOptions: { body: { contentDisposition: "render", contentType: "text/plain", content: text } } });
  }

  hangUp() {
    return this.session.bye();
  }
}

globalThis.phone = new Phone();
