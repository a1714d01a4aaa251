// Runs in the page: what a person would see and hear, measured. All of it hangs on `__probe`.
(() => {
  const probe = {};
  globalThis.__probe = probe;
  const canvas = () => (probe.canvas ??= Object.assign(document.createElement("canvas"), { width: 16, height: 12 }));

  // Mean colour of the middle of a video element; null while there is no picture.
  probe.colour = (video) => {
    if (video === null || video.readyState < 2 || video.videoWidth === 0) return null;
    const context = canvas().getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, 16, 12);
    context.drawImage(video, video.videoWidth * 0.25, video.videoHeight * 0.25, video.videoWidth * 0.5, video.videoHeight * 0.5, 0, 0, 16, 12);
    const data = context.getImageData(0, 0, 16, 12).data;
    const sum = [0, 0, 0];
    for (let i = 0; i < data.length; ++i) if (i % 4 < 3) sum[i % 4] += data[i];
    return sum.map((each) => Math.round((each * 4) / data.length));
  };

  // The same by recording a second and a half, for browsers that run no AudioContext without a sound device.
  const recordedTones = async (track, frequencies) => {
    const recorder = new MediaRecorder(new MediaStream([track]));
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.start();
    await new Promise((done) => setTimeout(done, 1500));
    recorder.stop();
    await stopped;
    const rate = 48000;
    const sound = await new OfflineAudioContext(1, rate, rate).decodeAudioData(await new Blob(parts).arrayBuffer());
    const samples = sound.getChannelData(0).slice(-8192 - 4096, -4096);
    return frequencies.map((frequency) => {
      let [re, im] = [0, 0];
      for (let i = 0; i < samples.length; ++i) {
        const value = samples[i] * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length));
        re += value * Math.cos((2 * Math.PI * frequency * i) / rate);
        im += value * Math.sin((2 * Math.PI * frequency * i) / rate);
      }
      return Math.round(Math.max(-200, 20 * Math.log10(Math.hypot(re, im) / samples.length)));
    });
  };

  // Level of each frequency in a stream, in dB of full scale.
  probe.tones = async (stream, frequencies) => {
    if (globalThis.__devices?.deviceless === true && stream.getAudioTracks().length > 0) return recordedTones(stream.getAudioTracks()[0], frequencies);
    if (probe.context === undefined) {
      probe.context = new AudioContext();
      probe.analysers = new Map();
    }
    if (probe.context.state !== "running") await probe.context.resume();
    const track = stream.getAudioTracks()[0];
    if (track === undefined) return null;
    let analyser = probe.analysers.get(track.id);
    if (analyser === undefined) {
      analyser = new AnalyserNode(probe.context, { fftSize: 8192, smoothingTimeConstant: 0 });
      new MediaStreamAudioSourceNode(probe.context, { mediaStream: new MediaStream([track]) }).connect(analyser);
      probe.analysers.set(track.id, analyser);
    }
    await new Promise((done) => setTimeout(done, 400));
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const width = probe.context.sampleRate / 8192;
    return frequencies.map((frequency) => {
      const at = Math.round(frequency / width);
      return Math.round(Math.max(-200, ...bins.slice(at - 3, at + 4)));
    });
  };

  // The product page: every tile with its picture.
  probe.tiles = () => [...document.querySelectorAll("[data-testid=tile]")].map((tile) => ({
    participant: tile.dataset.participant, kind: tile.dataset.kind, self: tile.dataset.self === "true",
    muted: tile.dataset.muted === "true", talking: tile.dataset.talking === "true", label: tile.getAttribute("aria-label"),
    name: tile.querySelector(".tile-name bdi")?.textContent ?? null, hand: tile.querySelector(".tile-hand") !== null,
    colour: probe.colour(tile.querySelector("video")),
  }));
  probe.roomTones = async (frequencies) => {
    const stream = document.querySelector("[data-testid=room-audio]")?.srcObject ?? null;
    return stream === null ? null : probe.tones(stream, frequencies);
  };
  probe.transport = async () => {
    const connection = globalThis.__e2e.connections.at(-1);
    for (const report of (await connection.getStats()).values()) if (report.type === "transport") return { ...report };
    return null;
  };
  probe.inbound = async () => {
    const found = [];
    const connection = globalThis.__e2e.connections.at(-1);
    for (const r of (await connection.getStats()).values()) {
      if (r.type === "inbound-rtp") found.push({ kind: r.kind, mid: r.mid, frames: r.framesDecoded, keys: r.keyFramesDecoded, lost: r.packetsLost, packets: r.packetsReceived, pli: r.pliCount, nack: r.nackCount });
    }
    return found;
  };
})();
