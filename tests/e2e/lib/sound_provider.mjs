// A provider with one number: says 183 with an announcement (a tone), and answers when it is told to. UDP and G.711 (mu-law) alone.

import { createSocket } from "node:dgram";

const kRate = 8000, kFrame = 160;

function muLaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(Math.round(sample)), 32635) + 132;
  const exponent = Math.max(0, Math.floor(Math.log2(magnitude)) - 7);
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 15)) & 0xff;
}

const bound = (socket) => new Promise((done) => socket.bind(0, "127.0.0.1", () => done(socket.address().port)));

export class SoundProvider {
  static async start(frequency) {
    const self = new SoundProvider();
    self.sip = createSocket("udp4");
    self.rtp = createSocket("udp4");
    self.port = await bound(self.sip);
    self.rtpPort = await bound(self.rtp);
    self.frequency = frequency;
    self.invite = null;
    self.acknowledged = self.ended = false;
    self.sip.on("message", (data, from) => self.take(data.toString(), from));
    return self;
  }

  stop() {
    clearInterval(this.timer);
    this.sip.close();
    this.rtp.close();
  }

  take(text, from) {
    const method = text.slice(0, text.indexOf(" "));
    if (method === "ACK") return void (this.acknowledged = true);
    if (method === "SIP/2.0") return;
    if (method !== "INVITE") {
      if (method === "BYE") this.ended = true;
      return this.reply(text, from, "200 OK");
    }
    if (this.invite !== null) return;
    this.invite = { text, from };
    this.reply(text, from, "100 Trying");
    this.play(Number(/^m=audio (\d+)/m.exec(text)[1]));
    this.reply(text, from, "183 Session Progress", this.description());
  }

  answer() {
    this.reply(this.invite.text, this.invite.from, "200 OK", this.description());
  }

  description() {
    return ["v=0", "o=- 7 7 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", `m=audio ${this.rtpPort} RTP/AVP 0`, "a=sendrecv", ""].join("\r\n");
  }

  reply(request, from, status, body = "") {
    const head = request.slice(0, request.indexOf("\r\n\r\n")).split("\r\n").slice(1);
    const kept = head.filter((line) => /^(via|from|call-id|cseq|record-route):/i.test(line));
    const to = head.find((line) => /^to:/i.test(line));
    const lines = [`SIP/2.0 ${status}`, ...kept, to.includes(";tag=") || status.startsWith("100") ? to : `${to};tag=provider`, `Contact: <sip:provider@127.0.0.1:${this.port}>`];
    if (body !== "") lines.push("Content-Type: application/sdp");
    this.sip.send([...lines, `Content-Length: ${body.length}`, "", body].join("\r\n"), from.port, from.address);
  }

  play(port) {
    const begin = performance.now();
    let frames = 0;
    this.timer = setInterval(() => {
      for (; frames < (performance.now() - begin) / 20; frames++) {
        const packet = Buffer.alloc(12 + kFrame);
        packet.writeUInt16BE(0x8000, 0);
        packet.writeUInt16BE(frames & 0xffff, 2);
        packet.writeUInt32BE(frames * kFrame, 4);
        packet.writeUInt32BE(0x1234, 8);
        for (let i = 0; i < kFrame; i++) packet[12 + i] = muLaw(9000 * Math.sin((2 * Math.PI * this.frequency * (frames * kFrame + i)) / kRate));
        this.rtp.send(packet, port, "127.0.0.1");
      }
    }, 10);
  }
}
