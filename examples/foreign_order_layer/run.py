"""Have a stack work with the order layer beside this file in place of its own, and say what comes of it.

    python examples/foreign_order_layer/run.py

Four facts are printed, and the exit status is 0 if they are as they should be: the answer with this order layer is that
of ``backbus run``; where it charges another fee without a word, the first attempt ends by the record that differs and a
careful one gives its own answer; where it says so beforehand, the same answer comes at once. The stack is one of its
own, on free ports of this machine and in a temporary folder, and is gone afterwards.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import msgpack
import zmq

HERE = pathlib.Path(__file__).resolve().parent
JOB = HERE / "job.toml"
SERVICES = ("orchestrator", "broker", "data", "strategy", "portfolio", "performance")
ROLES = {"broker", "data", "strategy", "portfolio", "performance", "execution"}
BACKBUS = (sys.executable, "-P", "-m", "backbus.cli")
FEE = 1.0
PATIENCE_S = 240.0


def free_addresses(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]


class Stack:
    """Services as processes of this one, without an execution service."""

    def __init__(self, folder):
        self.folder, self.processes, self.layer = folder, {}, None
        names = ("BACKBUS_ORCHESTRATOR", "BACKBUS_BUS_IN", "BACKBUS_BUS_OUT")
        self.addresses = dict(zip(names, free_addresses(3), strict=True))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKBUS_")}
        if "BACKBUS_CACHE" in os.environ:
            kept["BACKBUS_CACHE"] = os.environ["BACKBUS_CACHE"]  # compiled code
        state = {"BACKBUS_STATE": f"{folder}/state", "BACKBUS_DATASETS": f"{folder}/datasets"}
        self.environment = {**kept, **self.addresses, **state}

    def __enter__(self):
        for name in SERVICES:
            self.start(name, "-P", "-m", f"backbus.services.{name}")
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            self.end(process)

    def start(self, name, *command):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def end(self, process):
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def with_layer(self, *options):
        """Replace the order layer, and wait until the orchestrator knows this one and no other."""
        if "order_layer" in self.processes:
            self.end(self.processes["order_layer"])
        self.start("order_layer", str(HERE / "order_layer.py"), *options)
        until = time.monotonic() + PATIENCE_S
        while True:
            status = self.ask("STATUS")
            members = status["members"] if status else []
            layers = [member["pid"] for member in members if member["role"] == "execution"]
            ready = layers == [self.processes["order_layer"].pid]
            if ready and {member["role"] for member in members} == ROLES:
                return
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > until:
                who = " and ".join(ended) or "who is missing"
                log = self.folder / f"{ended[0] if ended else 'orchestrator'}.log"
                raise SystemExit(f"{who} did not come up:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)

    def ask(self, kind, **fields):
        """The orchestrator's answer; None where there is none yet."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as control:
            control.setsockopt(zmq.LINGER, 0)
            control.connect(self.addresses["BACKBUS_ORCHESTRATOR"])
            control.send(msgpack.packb({"v": 1, "id": "run.py", "kind": kind, **fields}))
            return msgpack.unpackb(control.recv())["value"] if control.poll(5000) else None

    def backbus(self, *words):
        """What a command says, as JSON."""
        command = [*BACKBUS, *map(str, words), "--json"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"backbus {' '.join(map(str, words))}:\n{done.stderr or done.stdout}")
        return json.loads(done.stdout)

    def submitted(self):
        """A new answer to the job: its fingerprint, how many attempts it took, and why those before it ended."""
        # Not one from the store, which answers by backbus' rules.
        job = self.backbus("submit", JOB, "--wait", "--fresh")["job"]
        shown = self.ask("SHOW", job=job)
        reasons = [attempt["reason"] for attempt in shown["attempts"] if attempt["reason"]]
        return shown["report"]["fingerprint"], len(shown["attempts"]), reasons


def main():
    # What is compiled beforehand, the services need not compile beside each other.
    subprocess.run([*BACKBUS, "compile"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="foreign-order-layer-") as folder, Stack(pathlib.Path(folder)) as stack:
        here = stack.backbus("run", JOB)["fingerprint"]
        print(f"backbus run                    {here}", flush=True)
        facts = []
        for title, options in (
            ("with this order layer", ()),
            (f"with --fee {FEE:g}", ("--fee", str(FEE))),
            (f"with --fee {FEE:g} --careful", ("--fee", str(FEE), "--careful")),
        ):
            stack.with_layer(*options)
            fingerprint, attempts, reasons = stack.submitted()
            print(f"{title:30} {fingerprint}, attempts: {attempts}", flush=True)
            for reason in reasons:
                print(f"    {reason}", flush=True)
            facts.append((fingerprint, attempts, reasons))
    same, silent, said = facts
    mispredicted = silent[2][0] if silent[2] else ""
    as_it_should_be = (
        same == (here, 1, [])
        and silent[1] == 2
        and "of FILL differs" in mispredicted
        and f"execution said fee {FEE}, " in mispredicted
        and "had worked out fee " in mispredicted
        and said == (silent[0], 1, [])
        and silent[0] != here
    )
    print("as it should be" if as_it_should_be else "NOT as it should be")
    return 0 if as_it_should_be else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
