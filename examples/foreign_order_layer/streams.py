"""The streams that are read, without sockets: what is new of each message, and the digests that END tells of them."""

import struct
import zlib


class Lost(Exception):
    """Something did not arrive: another attempt may do better."""


class Lanes:
    """The digest of a column of 64-bit numbers, as NEW_DATA has it."""

    def __init__(self):
        self.lanes = [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5]
        self.turn = 0

    def mix(self, lane, word):
        mixed = (lane ^ word) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        return mixed ^ (mixed >> 32)

    def add(self, column):
        for (word,) in struct.iter_unpack("<Q", column):
            self.lanes[self.turn] = self.mix(self.lanes[self.turn], word)
            self.turn = (self.turn + 1) % 4

    def value(self):
        folded, *others = self.lanes[self.turn :] + self.lanes[: self.turn]
        for lane in others:
            folded = self.mix(folded, lane)
        return f"{folded:016x}"


class Crc:
    """The digest of packed records, as ORDER and FILL have it."""

    def __init__(self):
        self.crc = 0

    def add(self, column):
        self.crc = zlib.crc32(column, self.crc)

    def value(self):
        return f"{self.crc:08x}"


class Reading:
    """A stream that is read: overlaps are trimmed, a gap ends the attempt."""

    def __init__(self, kind, digest):
        self.kind, self.digest = kind, digest
        self.next = self.through = 0
        self.digests = {}

    def take(self, message):
        """What a message says that is new: its columns by name, none where it says only how far its stream is."""
        first, end, through = (message.get(name, 0) for name in ("from", "to", "through"))
        if first > self.next:
            raise Lost(f"expected record {self.next} of {self.kind}, not {first}")
        if end < self.next or (end == self.next and through <= self.through):
            return {}
        columns = message.get("columns", {"records": message.get("records", b"")}) if end > self.next else {}
        fresh = {}
        for name, column in columns.items():
            if not name.startswith("every:"):
                fresh[name] = column[(self.next - first) * (len(column) // (end - first)) :]
                self.digests.setdefault(name, self.digest()).add(fresh[name])
        self.next, self.through = end, max(self.through, through)
        return fresh

    def end(self):
        """As END says it of a stream that was read."""
        digest = "".join(each.value() for each in self.digests.values())
        return {"kind": self.kind, "written": False, "records": self.next, "digest": digest}
