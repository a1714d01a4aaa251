// Runs in the page before anything else: a camera of one solid colour, a microphone of one pure tone, a screen of another
// colour, and a list of the page's peer connections. `__devices` is set by the test before this runs.
(() => {
  const wanted = globalThis.__devices ?? {};
  const connections = [];
  const state = { connections, contexts: [], given: [], frames: { sent: [], came: [] }, wanted };
  globalThis.__e2e = state;

  // Encoded sound, frame by frame, as a number for each: `frames.sent` behind the encoder, `frames.came` before the decoder.
  const readFrames = (end, list) => {
    const { readable, writable } = end.createEncodedStreams();
    void readable.pipeThrough(new TransformStream({
      transform: (frame, controller) => {
        let hash = frame.data.byteLength;
        for (const octet of new Uint8Array(frame.data)) hash = (Math.imul(hash ^ octet, 16777619) + 1) | 0;
        list.push(hash);
        controller.enqueue(frame);
      },
    })).pipeTo(writable).catch(() => undefined);
  };
  const known = new WeakSet();
  const readLine = ({ sender, receiver }) => {
    if (known.has(sender) || receiver.track.kind !== "audio") return;
    known.add(sender);
    readFrames(sender, state.frames.sent);
    readFrames(receiver, state.frames.came);
  };

  const Native = globalThis.RTCPeerConnection;
  if (Native !== undefined) {
    globalThis.RTCPeerConnection = class extends Native {
      constructor(config, ...more) {
        super(wanted.frames === true ? { ...config, encodedInsertableStreams: true } : config, ...more);
        connections.push(this);
        if (wanted.frames === true) this.addEventListener("track", ({ transceiver }) => readLine(transceiver));
      }
      addTransceiver(...args) {
        const line = super.addTransceiver(...args);
        if (wanted.frames === true) readLine(line);
        return line;
      }
    };
  }

  // One picture at a time: a track of a canvas sends a frame only when something was drawn.
  const picture = (colour, { width = 160, height = 120, rate = 8 } = {}) => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    let n = 0;
    const draw = () => {
      context.fillStyle = `rgb(${colour.join(",")})`;
      context.fillRect(0, 0, width, height);
      context.fillStyle = n % 2 === 0 ? "#000" : "#fff";
      context.fillRect((n * 4) % width, height - 4, 4, 4);
      ++n;
    };
    draw();
    const track = canvas.captureStream(rate).getVideoTracks()[0];
    const timer = setInterval(() => (track.readyState === "ended" ? clearInterval(timer) : draw()), 1000 / rate);
    return track;
  };
  // Somebody in a room, for pictures that people look at: drawn, with the given hue.
  const portrait = (hue) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const context = canvas.getContext("2d");
    const shape = (fill, draw) => {
      context.fillStyle = fill;
      context.beginPath();
      draw();
      context.fill();
    };
    const draw = () => {
      const wall = context.createLinearGradient(0, 0, 640, 360);
      wall.addColorStop(0, `hsl(${hue} 32% 82%)`);
      wall.addColorStop(1, `hsl(${hue + 30} 30% 58%)`);
      context.fillStyle = wall;
      context.fillRect(0, 0, 640, 360);
      shape(`hsl(${hue + 180} 25% 90%)`, () => context.roundRect(60, 40, 130, 150, 8));
      shape(`hsl(${hue + 160} 30% 70%)`, () => context.roundRect(74, 54, 102, 122, 4));
      shape(`hsl(${hue + 60} 24% 40%)`, () => context.roundRect(500, 210, 90, 150, 10));
      shape(`hsl(${hue + 200} 45% 38%)`, () => context.ellipse(330, 400, 170, 150, 0, 0, 7));
      shape("hsl(26 45% 62%)", () => context.roundRect(300, 215, 60, 70, 20));
      shape(`hsl(${(hue * 7) % 40} 40% 22%)`, () => context.ellipse(330, 148, 84, 96, 0, 0, 7));
      shape("hsl(26 50% 70%)", () => context.ellipse(330, 168, 66, 80, 0, 0, 7));
      shape("hsl(20 30% 22%)", () => { context.ellipse(306, 160, 6, 8, 0, 0, 7); context.ellipse(354, 160, 6, 8, 0, 0, 7); });
      context.strokeStyle = "hsl(10 45% 40%)";
      context.lineWidth = 5;
      context.beginPath();
      context.arc(330, 190, 24, 0.3, Math.PI - 0.3);
      context.stroke();
    };
    draw();
    const track = canvas.captureStream(5).getVideoTracks()[0];
    const timer = setInterval(() => (track.readyState === "ended" ? clearInterval(timer) : draw()), 200);
    return track;
  };
  const tone = (frequency) => {
    const context = new AudioContext();
    state.contexts.push(context);
    const oscillator = new OscillatorNode(context, { frequency });
    const gain = new GainNode(context, { gain: 0.25 });
    const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    oscillator.connect(gain).connect(destination);
    oscillator.start();
    return destination.stream.getAudioTracks()[0];
  };
  state.picture = picture;
  state.tone = tone;
  const media = navigator.mediaDevices;
  if (media === undefined || wanted.native === true) return;
  const native = media.getUserMedia.bind(media);
  const allowed = new Promise((done) => (state.allow = done));
  media.getUserMedia = async (constraints) => {
    if (wanted.asks === true) await allowed;                            // the person answers when the test says so
    if (wanted.silent === true) return new Promise(() => undefined);   // nobody answers the browser's question
    if (wanted.none === true) throw new DOMException("Requested device not found", "NotFoundError");
    const refuse = (kind) => constraints[kind] && (wanted.refuse ?? []).includes(kind);
    if (refuse("audio") || refuse("video")) throw new DOMException("Permission denied", "NotAllowedError");
    const tracks = [];
    if (constraints.audio) tracks.push(wanted.deviceless === true ? (await native({ audio: true })).getAudioTracks()[0] : tone(wanted.tone ?? 440));
    if (constraints.video) tracks.push(wanted.portrait === undefined ? picture(wanted.colour ?? [128, 128, 128], wanted.video) : portrait(wanted.portrait));
    state.given.push(...tracks);
    return new MediaStream(tracks);
  };
  media.getDisplayMedia = async () => new MediaStream([picture(wanted.screen ?? [0, 255, 255], { width: 320, height: 180, rate: 4 })]);
})();
