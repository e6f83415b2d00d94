"""Starts student code quickly: imports torch once, then forks a fresh process for every probe.

Requests come over a socket (sandbox.py), one at a time. Each gets a keeper, which holds the
limits on wall time and output and ends whatever the probe left behind, and below it the process
that runs the student's code. This process never sees an answer, a result or the student's code.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

import jail
import wire

PREPARED = (  # what submissions usually import, loaded once
    "argparse", "collections", "logging", "math", "random", "re", "runpy", "copy", "typing",
    "numpy", "numpy.random", "tqdm", "torch", "torch.nn", "torch.nn.functional", "torch.optim",
    "torch.utils.data", "torch.utils.data.dataloader", "inspect", "traceback", "pickle",
    "torch._dynamo",  # the reference imports it: two seconds a probe
)  # fmt: skip
CHANNEL = 3  # the file descriptor over which a probe answers
FREE_SECONDS = 1.0  # of waiting, which every start of a process may take
LOOK_EVERY = 1.0  # seconds between looks at all that a probe has started
OUTPUT_KEPT, OUTPUT_LONGEST = 4000, 2**20  # bytes of a student's prints


def send(sock: socket.socket, content: bytes) -> None:
    sock.sendall(struct.pack("!I", len(content)) + content)


def receive(sock: socket.socket) -> bytes:
    """One message; EOFError when the other side has gone."""
    (length,) = struct.unpack("!I", receive_exactly(sock, 4))
    return receive_exactly(sock, length)


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    chunks = []
    while count:
        chunk = sock.recv(min(count, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


@dataclass
class Watch:
    """What a keeper knows about the process that it keeps."""

    pid: int
    wall_s: float  # of doing nothing
    most_s: float  # of everything
    computing_s: float  # of the process and all that it starts, together
    began: float = field(default_factory=time.monotonic)
    answer: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)
    printed: int = 0
    looked: float = 0.0
    verdict: str = ""
    status: int | None = None
    cpu_s: float = 0.0
    busy_s: float = 0.0
    peak_mb: float = 0.0

    def take(self, chunk: bytes, is_answer: bool) -> None:
        if is_answer:
            self.answer += chunk
        else:
            self.printed += len(chunk)
            self.output = (self.output + chunk)[-OUTPUT_KEPT:]

    def judge(self) -> str:
        """Why the process must be ended now, if it must."""
        elapsed = time.monotonic() - self.began
        if elapsed > self.most_s:
            return "timeout"
        if elapsed > self.looked + LOOK_EVERY:
            self.looked = elapsed
            self.busy_s = max(self.busy_s, busy(self.pid))
            if elapsed - self.busy_s > self.wall_s:
                return "timeout"
            if computing(os.getpid()) > self.computing_s:
                return "computing"
        if self.printed > OUTPUT_LONGEST or len(self.answer) > wire.LONGEST:
            return "flood"
        return ""

    def waited(self) -> float:
        """Seconds in which the process neither computed nor could have; the first one is free."""
        elapsed = time.monotonic() - self.began
        return max(0.0, elapsed - max(self.busy_s, self.cpu_s) - FREE_SECONDS)

    def reap(self) -> bool:
        """Whether the process has ended."""
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                self.cpu_s = usage.ru_utime + usage.ru_stime
                self.peak_mb = usage.ru_maxrss / 1024
        return self.status is not None


def busy(pid: int) -> float:
    """Seconds that the process computed, or could have while others had the processor: on a busy
    machine a program that computes is not one that hangs; its own time is limited by the kernel.
    (The first two numbers of schedstat, in nanoseconds.)"""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return sum(map(int, file.read().split()[:2])) / 1e9
    except (OSError, ValueError):
        return 0.0


def computing(pid: int) -> float:
    """Seconds of computing of all processes below `pid`, their ended children included."""
    parents, seconds = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(entry)] = int(fields[1])
        seconds[int(entry)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    below = new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - below
        below = below | new
    return sum(seconds[child] for child in below - {pid})


def keep(watch: Watch, answers: int, prints: int) -> None:
    """Read what the process says until it ends or has to be ended."""
    poll = select.poll()
    for pipe in (answers, prints):
        os.set_blocking(pipe, False)
        poll.register(pipe, select.POLLIN)
    ended = False
    while not ended:
        ended = watch.reap()
        for pipe, _ in poll.poll(0 if ended else 20):
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(pipe, 1 << 16):
                    watch.take(chunk, pipe == answers)
                    if watch.judge():
                        break
                else:
                    poll.unregister(pipe)
        watch.verdict = watch.judge()
        ended = ended or bool(watch.verdict)


def end_all(watch: Watch, mode: str, uid: int | None) -> None:
    """Kill the process and all that it started (in a namespace they die with the first one)."""
    if watch.status is None:
        os.kill(watch.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(watch.pid, signal.SIGKILL)
    if mode == "user":
        killer = os.fork()
        if killer == 0:
            os.setresuid(uid, uid, uid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
    give_up = time.monotonic() + 2
    while time.monotonic() < give_up:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                end_children()
                time.sleep(0.005)
        except ChildProcessError:
            return


def end_children() -> None:
    with contextlib.suppress(OSError):
        children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)


def start(request: dict, answers: int, prints: int) -> None:
    """In the new process: into the jail, then run the probe. Does not return."""
    mode, limits = request["mode"], request["limits"]
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    # those at hand were made for whatever the grader writes to
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", closefd=False)
    os.dup2(answers, CHANNEL)
    os.closerange(CHANNEL + 1, 4096)
    uid = request["uid"]
    jail.set_limits(limits, jail.threads_of(os.getuid() if uid is None else uid))
    if mode == "namespaces":
        jail.hide_disk(request["folder"])
    else:
        os.chdir(request["folder"])
    jail.drop_privileges(uid)
    os.environ["TMPDIR"] = "/tmp" if mode == "namespaces" else request["folder"]
    import probes

    probes.run(request, CHANNEL)
    os._exit(0)


def serve_one(request: dict, sock: socket.socket) -> None:
    """The keeper: one probe from start to end, then its answer to the socket."""
    jail.adopt_orphans()
    if request["mode"] == "namespaces":
        jail.leave_host()
    answers, answers_in = os.pipe()
    prints, prints_in = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            sock.close()
            start(request, answers_in, prints_in)
        except BaseException as error:  # the jail failed: nothing of the student's has run
            os.write(2, f"the sandbox could not start: {error}".encode())
        os._exit(70)
    os.close(answers_in)
    os.close(prints_in)
    limits = request["limits"]
    watch = Watch(pid, limits["wall_s"], limits["most_s"], limits["cpu_s"])
    keep(watch, answers, prints)
    waited = watch.waited()
    end_all(watch, request["mode"], request["uid"])
    header = {
        "verdict": watch.verdict,
        "status": watch.status,
        "output": watch.output.decode("utf-8", "replace"),
        "cpu_s": watch.cpu_s,
        "peak_mb": watch.peak_mb,
        "waited_s": waited,
    }
    send(sock, json.dumps(header).encode())
    send(sock, bytes(watch.answer[: wire.LONGEST]))


def main() -> None:
    """Serve requests from the socket whose number is the only argument, until it closes."""
    sock = socket.socket(fileno=int(sys.argv[1]))
    for name in PREPARED:
        __import__(name)
    import probes  # loaded here, run in the children
    import runner  # noqa: F401

    probes.stand_in_for_tensorboard()

    sys.modules["torch"].set_num_threads(1)
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    send(sock, b"ready")
    while True:
        try:
            request = json.loads(receive(sock))
        except EOFError:
            return
        keeper = os.fork()
        if keeper == 0:
            try:
                serve_one(request, sock)
            except BaseException as error:
                send(sock, json.dumps({"refused": f"{type(error).__name__}: {error}"}).encode())
                send(sock, b"")
            os._exit(0)
        os.waitpid(keeper, 0)


if __name__ == "__main__":
    main()
