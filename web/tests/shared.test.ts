import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraAspects, grid, stage, type Size } from "../shared/layout.ts";
import { linkify } from "../shared/linkify.ts";
import { quality } from "../shared/quality.ts";
import { markSlides, parseSections, SourceMap } from "../shared/sdp_map.ts";
import { byteLength, cleanName, cleanRoom, escapeUserPart, initials, inviteLink, roomFromUrl } from "../shared/text.ts";

const lay = (area: Size, count: number): ReturnType<typeof grid> =>
  grid(area, count, { gap: 10, minWidth: 160, aspects: cameraAspects(area) });

test("tiles stay inside the room, apart from each other, for any count and shape", () => {
  for (const area of [{ width: 1280, height: 660 }, { width: 360, height: 600 }, { width: 3840, height: 2000 }]) {
    for (let count = 1; count <= 40; count++) {
      const { boxes, height } = lay(area, count);
      assert.equal(boxes.length, count);
      boxes.forEach((box, at) => {
        assert.ok(box.width > 0 && box.height > 0 && box.x >= 0 && box.y >= 0, `${count} in ${area.width}: ${JSON.stringify(box)}`);
        assert.ok(box.x + box.width <= area.width + 0.5 && box.y + box.height <= height + 0.5);
        for (const other of boxes.slice(at + 1)) {
          const apart = other.x >= box.x + box.width || other.y >= box.y + box.height || other.x + other.width <= box.x;
          assert.ok(apart, `${count} tiles overlap`);
        }
      });
    }
  }
});

test("four tiles make two by two, nine three by three; a crowd on a phone scrolls", () => {
  assert.deepEqual([lay({ width: 1280, height: 720 }, 4).columns, lay({ width: 1280, height: 720 }, 4).rows], [2, 2]);
  assert.deepEqual([lay({ width: 1280, height: 720 }, 9).columns, lay({ width: 1280, height: 720 }, 9).rows], [3, 3]);
  assert.equal(lay({ width: 1280, height: 720 }, 9).scrolls, false);
  assert.equal(lay({ width: 360, height: 600 }, 40).scrolls, true);
  assert.deepEqual(lay({ width: 0, height: 0 }, 3).boxes, []);
});

test("a shared screen gets the larger part, people beside it or below it", () => {
  const wide = stage({ width: 1280, height: 660 }, 10);
  assert.equal(wide.stripDirection, "column");
  assert.ok(wide.main.width > 3 * wide.strip.width);
  const tall = stage({ width: 360, height: 600 }, 6);
  assert.equal(tall.stripDirection, "row");
  assert.equal(tall.main.height + 6 + tall.strip.height, 600);
});

const links = (text: string): string[] => linkify(text).flatMap((run) => (run.kind === "link" ? [run.href] : []));

test("links are found, without the sentence's punctuation", () => {
  assert.deepEqual(links("see https://example.org/a?b=1&c=2, and (http://example.net/x_(y))."),
                   ["https://example.org/a?b=1&c=2", "http://example.net/x_(y)"]);
  assert.equal(linkify("a https://x.org/ b").map((run) => run.text).join(""), "a https://x.org/ b");
});

test("nothing but http and https is a link, nor what pretends to be another host", () => {
  for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x", "https://", "ftp://x.org",
                      "https://good.example@evil.example/", "xhttps://x.org", `https://x.org/${"a".repeat(5000)}`]) {
    assert.deepEqual(links(text), [], text.slice(0, 60));
    assert.equal(linkify(text).map((run) => run.text).join(""), text);
  }
  assert.deepEqual(links("<a href=\"https://x.org/\">"), ["https://x.org/"]);
});

const offer = (lines: string[]): string => ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", ...lines, ""].join("\r\n");
const audio = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendrecv", "a=msid:mix t"];
const video = (mid: string, label: string, msid: string, more: string[] = []): string[] =>
  ["m=video 9 UDP/TLS/RTP/SAVPF 96", `a=mid:${mid}`, "a=sendonly", `a=msid:${msid} t`, `a=label:${label}`, ...more];

test("labels say whose m-line it is, content what it shows (RFC 4574, RFC 4796)", () => {
  const map = new SourceMap();
  map.update(offer([...audio, ...video("2", "alice", "m1"), ...video("3", "alice", "m2", ["a=content:slides"])]));
  assert.deepEqual(map.get("2"), { participant: "alice", kind: "camera", msid: "m1" });
  assert.deepEqual(map.get("3"), { participant: "alice", kind: "screen", msid: "m2" });
  assert.equal(map.get("0"), undefined);
});

test("a slot that goes away or is used again no longer shows the one before", () => {
  const map = new SourceMap();
  map.update(offer([...audio, ...video("2", "alice", "m1"), ...video("3", "bob", "m2")]));
  map.update(offer([...audio, "m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:2", ...video("3", "carol", "m3")]));
  assert.equal(map.get("2"), undefined);
  assert.equal(map.get("3")?.participant, "carol");
  map.update(offer([...audio, "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:3", "a=sendonly", "a=msid:m3 t"]));
  assert.equal(map.get("3")?.participant, "carol", "an answer need not repeat the label");
  map.update(offer([...audio, "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:3", "a=sendonly", "a=msid:m4 t"]));
  assert.equal(map.get("3"), undefined, "another stream without a label is nobody's");
});

test("hostile descriptions are read without harm", () => {
  assert.deepEqual(parseSections(""), []);
  assert.equal(parseSections("m=video\r\na=mid\r\na=:\r\na").length, 1);
  assert.equal(parseSections("m=audio 1 x\n".repeat(100_000)).length, 2000);
});

test("the shared screen's own line is marked once", () => {
  const sdp = offer([...audio, "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:4", "a=sendonly"]);
  const marked = markSlides(sdp, ["4"]);
  assert.equal(parseSections(marked)[1]?.content, "slides");
  assert.equal(parseSections(marked)[0]?.content, null);
  assert.equal(markSlides(marked, ["4"]), marked);
  assert.equal(markSlides(sdp, []), sdp);
});

test("names and rooms lose control characters and bidirectional overrides, and keep the rest", () => {
  assert.equal(cleanName("  Al\u202eice\u0000 \t  B  "), "Alice B");
  assert.equal(cleanName("👩‍🚀 Jörg"), "👩‍🚀 Jörg");
  assert.equal(cleanRoom("\ud800x"), "\ufffdx");
  assert.equal([...cleanRoom("😀".repeat(100))].length, 80);
});

test("room names become SIP user parts that hold any character", () => {
  assert.equal(escapeUserPart("100% a:b?c/d@e+f"), "100%25%20a%3Ab%3Fc%2Fd%40e%2Bf");
  assert.equal(decodeURIComponent(escapeUserPart("Käse 房间")), "Käse 房间");
});

test("initials, byte counts and links to rooms", () => {
  assert.equal(initials("Alice B. Moreau"), "AM");
  assert.equal(initials("李小龙"), "李");
  assert.equal(initials('<b>bobby</b> & "Tables"'), "BT");
  assert.equal(initials("👩🏽‍🚀🦊 Zoë"), "Z");
  assert.equal(initials("محمد بن سلمان 🎉"), "مس");
  assert.equal(initials("🦊 🎉"), "🦊🎉");
  assert.equal(initials("e\u0301mile"), "E\u0301");
  assert.equal(initials("  "), "?");
  assert.equal(byteLength("é😀"), 6);
  assert.equal(roomFromUrl("?room=a%20b", ""), "a b");
  assert.equal(roomFromUrl("", "#room=x"), "x");
  assert.equal(inviteLink("https://h", "/", "a&b"), "https://h/?room=a%26b");
});

test("quality falls with loss either way and with delay", () => {
  const zero = { packetsReceived: 0, packetsLost: 0, sentLoss: null, rttMs: null };
  assert.equal(quality(zero, { packetsReceived: 1000, packetsLost: 1, sentLoss: null, rttMs: 20 }).grade, "good");
  assert.equal(quality(zero, { packetsReceived: 1000, packetsLost: 50, sentLoss: null, rttMs: 20 }).grade, "fair");
  assert.equal(quality(zero, { packetsReceived: 1000, packetsLost: 0, sentLoss: 0.2, rttMs: 20 }).grade, "poor");
  assert.equal(quality(zero, { packetsReceived: 1000, packetsLost: 0, sentLoss: 0, rttMs: 700 }).grade, "poor");
  assert.equal(quality({ ...zero, packetsLost: 90 }, { ...zero, packetsReceived: 10 }).lossPercent, 0);
});
