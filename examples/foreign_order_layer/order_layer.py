"""An order layer that is not backbus': a stack's execution service with pyzmq and msgpack alone, by docs/protocol.md.

It says who it is, takes jobs, and tells how its market (``market.py``) fills the orders that come. ``--fee`` has it
charge otherwise than the job says, ``--careful`` has it say so beforehand.
"""

import argparse
import contextlib
import os
import pathlib
import platform
import sys
import threading
import time
import uuid

import msgpack
import zmq
import zmq.auth
from market import FILL, PHASES, Market, Refused, require_able
from streams import Crc, Lanes, Lost, Reading

HIGH_WATER = {"control": 10_000, "bus": 1_582_864}
BEAT_S, REPEAT_S, HIGH_MARK_S, PROBE_S = 0.5, 0.5, 0.2, 30.0


class Attempt:
    """An attempt at a job, from ASSIGN to RELEASE."""

    def __init__(self, order):
        self.name, self.job = (order["run"], order["attempt"]), order["job"]
        self.topics = []
        self.market = self.progress_rows = None
        self.bars, self.orders = Reading("NEW_DATA", Lanes), Reading("ORDER", Crc)
        self.written, self.digest = 0, Crc()
        self.told = {"FILL": 0, "PROGRESS": 0}
        """How far each stream was said to be: FILL in ticks, PROGRESS in rows."""
        self.said_at = {"FILL": time.monotonic(), "PROGRESS": time.monotonic()}
        self.over = False
        """Whether it has ended, well or not."""


class OrderLayer:
    """A member of a stack."""

    def __init__(self, fee, careful):
        self.fee, self.careful = fee, careful
        self.instance = f"execution-{uuid.uuid4().hex[:12]}"
        self.context = zmq.Context()
        self.control = self.connected(zmq.DEALER, "BACKBUS_ORCHESTRATOR", "tcp://127.0.0.1:5570", self.instance)
        self.publisher = self.connected(zmq.PUB, "BACKBUS_BUS_IN", "tcp://127.0.0.1:5571")
        self.subscriber = self.connected(zmq.SUB, "BACKBUS_BUS_OUT", "tcp://127.0.0.1:5572")
        self.epoch, self.stranger, self.greeted = None, True, 0.0
        self.obeyed = (0, 0)
        self.unheard = {}
        self.attempt = None

    def connected(self, kind, setting, default, identity=None):
        socket = self.context.socket(kind)
        socket.set_hwm(HIGH_WATER["control" if kind == zmq.DEALER else "bus"])
        for option, value in ((zmq.LINGER, 0), (zmq.HEARTBEAT_IVL, 1000), (zmq.HEARTBEAT_TIMEOUT, 5000)):
            socket.setsockopt(option, value)
        if identity is not None:
            socket.setsockopt_string(zmq.IDENTITY, identity)
        keys = os.environ.get("BACKBUS_KEYS")
        if keys:
            folder, name = pathlib.Path(keys), os.environ.get("BACKBUS_KEY_NAME", "service")
            public, secret = zmq.auth.load_certificate(folder / f"{name}.key_secret")
            server, _ = zmq.auth.load_certificate(folder / "server.key")
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, server
        socket.connect(os.environ.get(setting, default))
        return socket

    def serve(self):
        threading.Thread(target=self.beat, daemon=True).start()
        while True:
            attempt = self.attempt
            working = attempt is not None and attempt.market is not None
            waiting = zmq.Poller()
            for socket in (self.control, self.subscriber) if working else (self.control,):
                waiting.register(socket, zmq.POLLIN)
            ready = dict(waiting.poll(50))
            if self.control in ready:
                self.hear(msgpack.unpackb(self.control.recv()))
            if self.subscriber in ready and attempt is self.attempt and attempt.market is not None:
                self.guarded(self.work, self.subscriber.recv_multipart())
            self.repeat()

    def beat(self):
        """Say that this process lives, whatever its main thread is doing."""
        socket = self.connected(zmq.DEALER, "BACKBUS_ORCHESTRATOR", "tcp://127.0.0.1:5570")
        while True:
            attempt = self.attempt
            run, number = (None, 0) if attempt is None else attempt.name
            rows = 0 if attempt is None else attempt.told["PROGRESS"]
            beat = {"instance": self.instance, "run": run, "attempt": number, "rows": rows}
            self.send(socket, "BEAT", uuid.uuid4().hex, beat)
            time.sleep(BEAT_S)
            while socket.poll(0):
                reply = msgpack.unpackb(socket.recv()).get("value") or {}
                self.stranger = not reply.get("known") or reply.get("epoch") != self.epoch

    def send(self, socket, kind, name, fields):
        packed = msgpack.packb({"v": 1, "kind": kind, "id": name, **fields})
        with contextlib.suppress(zmq.Again):  # nobody is there to be told: it is said again
            socket.send(packed, zmq.NOBLOCK)

    def say(self, kind, **fields):
        """Tell the orchestrator of the attempt, until it answers."""
        run, number = self.attempt.name
        name = uuid.uuid4().hex
        told = {"instance": self.instance, "run": run, "attempt": number, **fields}
        self.unheard[name] = [kind, told, time.monotonic()]
        self.send(self.control, kind, name, told)

    def hear(self, message):
        kind, name = message["kind"], message["id"]
        if kind == "ERROR":
            print(f"{name}: {message['message']}", file=sys.stderr, flush=True)
            self.unheard.pop(name, None)
        elif name == "status":  # whoever computes with the same rules says the same version
            process = {"host": platform.node(), "pid": os.getpid(), "version": message["value"]["version"]}
            self.send(self.control, "HELLO", "hello", {"role": "execution", "instance": self.instance, **process})
        elif name == "hello":
            self.epoch, self.stranger = message["value"]["epoch"], False
        elif kind == "OK":
            self.unheard.pop(name, None)
        elif message.get("epoch") == self.epoch:  # another's order is not answered, so it comes again
            self.send(self.control, "OK", name, {"value": None})
            place = self.epoch, int(name.rpartition(".")[2])
            if place > self.obeyed:
                self.obeyed = place
                self.obey(message, (message["run"], message["attempt"]))

    def obey(self, order, name):
        same = self.attempt is not None and self.attempt.name == name
        if order["kind"] == "ASSIGN" and not same:
            self.forget()
            self.attempt = Attempt(order)
            self.guarded(self.prepare)
        elif order["kind"] == "START" and same and self.attempt.market is None and not self.attempt.over:
            self.guarded(self.begin, order["facts"])
        elif order["kind"] == "RELEASE" and same:
            self.forget()

    def guarded(self, act, *of):
        """Do it, or say why this attempt cannot go on."""
        try:
            act(*of)
        except Exception as error:
            expected = isinstance(error, Refused | Lost)
            cause = str(error) if expected else f"the order layer failed: {type(error).__name__}: {error}"
            print(cause, file=sys.stderr, flush=True)
            self.attempt.over, self.attempt.market = True, None
            self.say("FAULT", fatal=isinstance(error, Refused), message=cause, traceback=None)

    def prepare(self):
        """Subscribe, and hear our own probe: from then on nothing is missed. Then say READY."""
        require_able(self.attempt.job)
        run, number = self.attempt.name
        probe = f"{run}/{number}/PROBE/execution/".encode()
        self.attempt.topics = [*(f"{run}/{number}/{kind}/".encode() for kind in ("NEW_DATA", "ORDER")), probe]
        for topic in self.attempt.topics:
            self.subscriber.setsockopt(zmq.SUBSCRIBE, topic)
        until = time.monotonic() + PROBE_S
        while not self.subscriber.poll(50) or self.subscriber.recv_multipart()[0] != probe:
            if time.monotonic() > until:
                raise Lost(f"the broker did not bring back this order layer's own probe in {PROBE_S:g} s")
            self.publish("PROBE", topic=probe)
        self.say("READY", facts={}, careful=self.careful)

    def begin(self, facts):
        self.attempt.progress_rows = max(1, facts["window"] // 4)
        self.attempt.market = Market(self.attempt.job, facts, self.fee)

    def work(self, frames):
        """Take a message of the bus, and say what fills and how far the fills are complete."""
        attempt, market, message = self.attempt, self.attempt.market, msgpack.unpackb(frames[1])
        if (message.get("run"), message.get("attempt")) != attempt.name:
            return
        if message["kind"] == "NEW_DATA" and message["stream"] == "data":
            market.hear_bars(attempt.bars.take(message).get("open", b""))
        elif message["kind"] == "ORDER" and message["stream"] == "portfolio":
            market.hear_orders(attempt.orders.take(message).get("records", b""))
        fills = market.match(attempt.orders.through)
        if market.tick > attempt.told["FILL"]:
            attempt.told["FILL"] = market.tick
            self.say_fills(fills)
        rows, end = market.tick // PHASES, PHASES * market.rows
        if rows - attempt.told["PROGRESS"] >= attempt.progress_rows or rows == market.rows > attempt.told["PROGRESS"]:
            attempt.told["PROGRESS"] = rows
            self.say_progress()
        if not attempt.over and min(market.tick, attempt.bars.through, attempt.orders.through) >= end:
            attempt.over = True
            fill = {"kind": "FILL", "written": True, "records": attempt.written}
            fill["digest"] = attempt.digest.value() if attempt.written else ""
            self.say("END", streams=[fill, attempt.bars.end(), attempt.orders.end()])

    def say_fills(self, fills=b""):
        attempt, count = self.attempt, len(fills) // FILL.size
        spoken = {"from": attempt.written, "to": attempt.written + count, "through": attempt.told["FILL"]}
        self.publish("FILL", **spoken, **({"records": fills} if count else {}))
        attempt.written += count
        attempt.digest.add(fills)

    def say_progress(self):
        rows = self.attempt.told["PROGRESS"]
        self.publish("PROGRESS", **{"from": rows, "to": rows, "through": PHASES * rows})

    def publish(self, kind, topic=None, **fields):
        run, number = self.attempt.name
        message = {"v": 2, "kind": kind, "run": run, "attempt": number, "stream": "execution", **fields}
        self.publisher.send_multipart([topic or f"{run}/{number}/{kind}/".encode(), msgpack.packb(message)])
        self.attempt.said_at[kind] = time.monotonic()

    def repeat(self):
        """What is said again: who we are, what nobody has acknowledged, how far our streams are."""
        now = time.monotonic()
        if self.stranger and now - self.greeted > REPEAT_S:
            self.greeted = now
            self.send(self.control, "STATUS", "status", {})
        for name, (kind, told, said) in list(self.unheard.items()):
            if now - said > REPEAT_S:
                self.unheard[name][2] = now
                self.send(self.control, kind, name, told)
        if self.attempt is not None and self.attempt.market is not None:
            for kind, again in (("FILL", self.say_fills), ("PROGRESS", self.say_progress)):
                if now - self.attempt.said_at[kind] >= HIGH_MARK_S:
                    again()

    def forget(self):
        for topic in self.attempt.topics if self.attempt is not None else ():
            self.subscriber.setsockopt(zmq.UNSUBSCRIBE, topic)
        self.attempt = None
        self.unheard.clear()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Fill plain market orders for a backbus stack.")
    options.add_argument("--fee", type=float, help="charge so much for each fill, whatever the job says")
    options.add_argument("--careful", action="store_true", help="say that others have to wait for what this one says")
    OrderLayer(**vars(options.parse_args())).serve()
