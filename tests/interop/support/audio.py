"""Tones: made, coded as PCMU, written and read as WAV, found again by Goertzel's filter."""
import array
import math
import wave


def tone(frequency, seconds, rate=8000, level=0.3):
    step = 2 * math.pi * frequency / rate
    return array.array("h", (int(32767 * level * math.sin(step * i)) for i in range(int(seconds * rate))))


def write_wav(path, samples, rate=8000):
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes(samples.tobytes())


def read_wav(path):
    """Samples of the first channel, and the rate. A file that is still being written has no right length in its header."""
    data = open(path, "rb").read()
    if len(data) < 44 or data[:4] != b"RIFF":
        return array.array("h"), 0
    at, channels, rate = 12, 1, 8000
    while at + 8 <= len(data):
        name, size = data[at:at + 4], int.from_bytes(data[at + 4:at + 8], "little")
        if name == b"fmt ":
            channels = int.from_bytes(data[at + 10:at + 12], "little")
            rate = int.from_bytes(data[at + 12:at + 16], "little")
        elif name == b"data":
            body = data[at + 8:] if size in (0, 0xffffffff) else data[at + 8:at + 8 + size]
            samples = array.array("h", body[:len(body) // 2 * 2])
            return samples[::channels], rate
        at += 8 + size + size % 2
    return array.array("h"), rate


def amplitude(samples, frequency, rate=8000):
    """Of that frequency's sine in the samples, 0 to 32767."""
    if not samples:
        return 0.0
    w = 2 * math.pi * frequency / rate
    c, s1, s2 = 2 * math.cos(w), 0.0, 0.0
    for x in samples:
        s1, s2 = x + c * s1 - s2, s1
    power = s1 * s1 + s2 * s2 - c * s1 * s2
    return 2 * math.sqrt(max(power, 0)) / len(samples)


def loudness(samples):
    return math.sqrt(sum(x * x for x in samples) / len(samples)) if samples else 0.0


def _encode_one(sample):
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = max(magnitude.bit_length() - 8, 0)
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0f) & 0xff


def _decode_one(byte):
    byte = ~byte & 0xff
    exponent = byte >> 4 & 7
    magnitude = (((byte & 0x0f) << 3) + 132 << exponent) - 132
    return -magnitude if byte & 0x80 else magnitude


_DECODED = [_decode_one(b) for b in range(256)]


def encode(samples):
    return bytes(_encode_one(s) for s in samples)


def decode(data):
    return array.array("h", (_DECODED[b] for b in data))
