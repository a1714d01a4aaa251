"""A WebSocket by hand (RFC 6455), so that a test can also do it wrong."""
import base64
import os
import socket
import struct
import time

from .check import Failure


class WebSocket:
    def __init__(self, port, path="/ws", protocol="sip", origin=None, host=None, upgrade=True):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.buffer = b""
        self.status = 0
        if not upgrade:
            return
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        if origin:
            lines.append(f"Origin: {origin}")
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.socket.settimeout(5)
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(4096)
            if not data:
                break
            self.buffer += data
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ")[1]) if b" " in self.head else 0

    def frame(self, opcode, data, final=True, masked=True):
        head = bytes([(0x80 if final else 0) | opcode])
        bit = 0x80 if masked else 0
        if len(data) < 126:
            head += bytes([bit | len(data)])
        elif len(data) < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", len(data))
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", len(data))
        if not masked:
            return head + data
        mask = os.urandom(4)
        pad = (mask * (len(data) // 4 + 1))[:len(data)]
        return head + mask + (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(data), "big")

    def send_text(self, data):
        self.socket.sendall(self.frame(1, data))

    def send_binary(self, data):
        self.socket.sendall(self.frame(2, data))

    def raw(self, data):
        self.socket.sendall(data)

    def _fill(self, n, end):
        while len(self.buffer) < n:
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return False
            except ConnectionResetError:
                data = b""
            if not data:
                raise Failure("the server closed the WebSocket")
            self.buffer += data
        return True

    def receive_frame(self, seconds=5):
        """(opcode, data) or None."""
        end = time.monotonic() + seconds
        if not self._fill(2, end):
            return None
        size, head = self.buffer[1] & 0x7f, 2
        if size == 126:
            head = 4
            if not self._fill(4, end):
                return None
            size = struct.unpack("!H", self.buffer[2:4])[0]
        elif size == 127:
            head = 10
            if not self._fill(10, end):
                return None
            size = struct.unpack("!Q", self.buffer[2:10])[0]
        if not self._fill(head + size, end):
            return None
        opcode, data = self.buffer[0] & 0x0f, self.buffer[head:head + size]
        self.buffer = self.buffer[head + size:]
        return opcode, data

    def receive(self, seconds=5):
        """The next text or binary message; pings are answered."""
        end = time.monotonic() + seconds
        while True:
            frame = self.receive_frame(max(end - time.monotonic(), 0.001))
            if frame is None:
                return None
            self.opcode = frame[0]
            if frame[0] == 9:
                self.socket.sendall(self.frame(10, frame[1]))
            elif frame[0] == 8:
                raise Failure(f"the server closed the WebSocket with {int.from_bytes(frame[1][:2], 'big')}")
            elif frame[0] in (1, 2):
                return frame[1]

    def closed(self, seconds=5):
        """Does the server close it in that time? Returns the close code, 0 for none, False for no."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                frame = self.receive_frame(max(end - time.monotonic(), 0.001))
                if frame and frame[0] == 8:
                    return int.from_bytes(frame[1][:2], "big")
        except (Failure, OSError):
            return 0
        return False

    def close(self):
        self.socket.close()
