"""A phone's media: sends a tone as PCMU, keeps what it hears."""
import array
import random
import socket
import struct
import threading
import time

from . import audio


class Media:
    """A socket for RTP and one for RTCP beside it. send_to() starts a thread that speaks every 20 ms."""

    def __init__(self, frequency=440, address="127.0.0.1"):
        for _ in range(200):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind((address, 0))
            self.port = self.socket.getsockname()[1]
            self.rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                if self.port % 2 == 0:
                    self.rtcp.bind((address, self.port + 1))
                    break
            except OSError:
                pass
            self.socket.close()
            self.rtcp.close()
        self.socket.settimeout(0.1)
        self.address = address
        coded = audio.encode(audio.tone(frequency, 1))          # a whole second: it has no seam
        self.frames = [coded[i:i + 160] for i in range(0, len(coded), 160)]
        self.packets = []       # (when, samples)
        self.target = None
        self.running = True
        self.threads = [threading.Thread(target=self._receive, daemon=True)]
        self.threads[0].start()

    def sdp(self, direction="sendrecv", version=1):
        return (f"v=0\r\no=- 1 {version} IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
                f"m=audio {self.port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={direction}\r\n")

    def send_to(self, address):
        """Or from now on there: two streams at once would be two speakers to whoever takes one."""
        sends, self.target = self.target is not None, address
        if not sends:
            self.threads.append(threading.Thread(target=self._send, daemon=True))
            self.threads[-1].start()

    def _send(self):
        sequence, stamp, ssrc = random.randrange(1 << 15), random.randrange(1 << 31), random.randrange(1 << 32)
        due = time.monotonic()
        i = 0
        while self.running and self.target:
            header = struct.pack("!BBHII", 0x80, 0x80 if i == 0 else 0, (sequence + i) & 0xffff, (stamp + 160 * i) & 0xffffffff, ssrc)
            try:
                self.socket.sendto(header + self.frames[i % len(self.frames)], self.target)
            except OSError:
                return
            i += 1
            due += 0.02
            time.sleep(max(0, due - time.monotonic()))

    def _receive(self):
        while self.running:
            try:
                data, _ = self.socket.recvfrom(2048)
            except socket.timeout:
                continue
            except OSError:
                return
            if len(data) > 12 and data[1] & 0x7f == 0:
                self.packets.append((time.monotonic(), data[12:]))

    def heard(self, seconds=None):
        """Samples of the last `seconds`, or all."""
        since = time.monotonic() - seconds if seconds else 0
        samples = array.array("h")
        for when, data in list(self.packets):
            if when >= since:
                samples.extend(audio.decode(data))
        return samples

    def longest_gap(self, since):
        """Seconds without a packet, at the most, from `since` till now."""
        times = [since] + [w for w, _ in list(self.packets) if w >= since] + [time.monotonic()]
        return max(b - a for a, b in zip(times, times[1:]))

    def close(self):
        self.running = False
        for thread in self.threads:
            thread.join(1)
        self.socket.close()
        self.rtcp.close()
