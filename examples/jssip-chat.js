// Chat, audio and video in a conference by JsSIP and Enhanced Messaging. Fields may be set by ?server=...&room=...&name=...
const CHAT_TYPE = "application/x-myphone-confbridge-chat+json";
const $ = (id) => document.getElementById(id);

class Phone {
  join(server, room, name, video) {
    const host = new URL(server.replace(/^ws/, "http")).hostname;
    this.rtc = null;
    this._ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(server)], display_name: name, register: false,
      uri: `sip:guest-${Math.random().toString(36).slice(2)}@${host}`,
    });
    this._ua.on("newMessage", (data) => {
      if (data.originator === "local") return;  // our own
      if (data.request.headers["Content-Type"][0].raw !== CHAT_TYPE) return;
      this.onMessage(JSON.parse(data.request.body));
    });
    this._ua.on("disconnected", () => this.onStatus("Not connected"));
    this._ua.on("connected", () => {
      if (this.rtc) return;
      this.onStatus("Calling…");
      this.rtc = this._ua.call(`sip:${encodeURIComponent(room)}@${host}`, {
        mediaConstraints: { audio: true, video }, pcConfig: { iceServers: [] }, eventHandlers: {
          peerconnection: ({ peerconnection }) => peerconnection.addEventListener("track", (event) => this.onTrack(event)),
          confirmed: () => this.onStatus(`In room ${room}`),
          failed: ({ cause }) => this.onStatus(`Failed: ${cause}`),
          ended: ({ cause }) => this.onStatus(`Ended: ${cause}`),
        },
      });
    });
    this._ua.start();
  }

  sendMessage(text, { from, handlers }) {
    this._ua.set("display_name", from);  // the nickname that others see, as the From header's display name
    this.rtc.sendRequest(JsSIP.C.MESSAGE, {
      extraHeaders: [`Content-Type: ${CHAT_TYPE}`], body: JSON.stringify({ From: from, Body: text }), eventHandlers: handlers,
    });
  }

  leave() {
    this._ua?.stop();
  }
}

const phone = new Phone();
const show = (text) => ($("messages").appendChild(document.createElement("li")).textContent = text);  // never as HTML
phone.onMessage = ({ From, Body }) => show(`${From}: ${Body}`);
phone.onStatus = (text) => {
  $("status").textContent = text;
  $("send").disabled = !text.startsWith("In room");
};
phone.onTrack = ({ track, streams: [stream] }) => {
  if (track.kind === "audio") return void ($("audio").srcObject = stream);
  $(stream.id)?.remove();
  const video = Object.assign(document.createElement("video"), { id: stream.id, autoplay: true, muted: true, width: 320 });
  video.srcObject = stream;
  stream.addEventListener("removetrack", () => video.remove());
  $("videos").append(video);
};

const given = new URLSearchParams(location.search);
$("server").value = "ws://localhost:7777/ws";
for (const id of ["server", "room", "name"]) if (given.has(id)) $(id).value = given.get(id);
$("call").onsubmit = (event) => {
  event.preventDefault();
  phone.leave();
  phone.join($("server").value, $("room").value, $("name").value, $("camera").checked);
};
$("leave").onclick = () => phone.leave();
$("chat").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value;
  $("text").value = "";
  phone.sendMessage(text, { from: $("name").value, handlers: {
    onSuccessResponse: () => show(`Me: ${text}`), onErrorResponse: (response) => show(`Not sent (${response.status_code}): ${text}`),
    onTransportError: () => show(`Not sent: ${text}`), onRequestTimeout: () => show(`No answer: ${text}`),
    onDialogError: () => show(`The call is gone: ${text}`),
  } });
};
