"""The grader's side of the sandbox: asks a probe, gets data or a sentence that says why not."""

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import wire
from forkserver import receive, send

HERE = Path(__file__).resolve().parent
MODES = ("namespaces", "user", "plain")  # from strong to weak, see jail.py
FIRST_UID, UIDS = 60600, 400  # a range that distributions leave free; one user per grader
START_SECONDS = 300
KILLED = "the process was killed by SIGKILL"
NOT_DISKS = {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "securityfs", "debugfs", "tracefs",
             "bpf", "pstore", "configfs"}  # file systems in which nobody can leave a file
SYSTEM_V = {"shm": ("shmctl", 3), "sem": ("semctl", 4), "msg": ("msgctl", 3)}  # with arguments
IPC_RMID = 0  # linux/ipc.h
LIMITS = {"cpu_s": 25, "wall_s": 60.0, "most_s": 300.0, "memory_mb": 400, "file_mb": 64,
          "processes": 16}  # fmt: skip


class SandboxError(RuntimeError):
    """The sandbox itself does not work here; no submission is to blame."""


@dataclass
class Outcome:
    """What came back from a probe. `failure` is empty, or a sentence about the student's code."""

    data: dict = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    output: str = ""
    failure: str = ""
    hung: bool = False
    peak_mb: float = 0.0
    waited_s: float = 0.0
    taken: bytes = b""


class Sandbox:
    """A fork server and the folders that its probes see. Use it in a `with`."""

    def __init__(self, limits: dict | None = None, modes: tuple[str, ...] = MODES):
        self.limits = LIMITS | (limits or {})
        self.base = Path(tempfile.mkdtemp(prefix="grading-"))
        self.base.chmod(0o711)
        self.uid = FIRST_UID + os.getpid() % UIDS if os.getuid() == 0 else None
        self.server: subprocess.Popen | None = None
        self.mode = ""
        self.runs = 0
        self.open_folders: list[str] = []
        self.choose_mode(modes)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        remove(self.base)

    # -- the server ----------------------------------------------------------------------------

    def start(self) -> None:
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if
                       name in os.environ}  # fmt: skip
        environment |= {
            "HOME": "/tmp", "USER": "student", "LANG": "C.UTF-8", "MPLBACKEND": "Agg",
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        }  # fmt: skip
        self.server = subprocess.Popen(
            [sys.executable, "-s", str(HERE / "forkserver.py"), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.sock = ours
        ours.settimeout(START_SECONDS)
        try:
            receive(ours)
        except (OSError, EOFError):
            self.stop()
            raise SandboxError("the fork server does not start; can this Python import torch, "
                               "numpy and tqdm?") from None  # fmt: skip
        ours.settimeout(None)

    def stop(self) -> None:
        if self.server is not None:
            self.sock.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(1)
            self.server.kill()
            self.server.wait()
            self.server = None

    def choose_mode(self, modes: tuple[str, ...]) -> None:
        """Take the strongest mode in which a process can start and import what it may need."""
        reasons = []
        for mode in modes:
            if mode == "user" and self.uid is None:
                continue
            if mode == "plain" and self.uid is not None:
                continue  # never student code as root
            self.mode = mode
            self.open_folders = open_folders() if mode == "user" else []
            outcome = self.ask("imports", {"mode.py": b"import wave"}, {"name": "mode"})
            if not outcome.failure:
                return
            reasons.append(f"{mode}: {outcome.failure}")
        self.stop()
        raise SandboxError("student code cannot be run safely here (" + "; ".join(reasons) + ")")

    # -- probes --------------------------------------------------------------------------------

    def ask(self, probe: str, files: dict[str, Path | bytes], args: dict, seed: int = 1,
            arrays: dict[str, np.ndarray] | None = None, take: str = "",
            **limits) -> Outcome:  # fmt: skip
        """Run `probe` in a fresh folder that holds `files` (name -> a path to copy, or bytes) and
        `arrays` (as inputs.npz). `take` names a file that the probe writes and that is wanted."""
        folder = self.make_folder(files, arrays)
        request = {
            "probe": probe, "args": args, "seed": seed, "nonce": secrets.token_hex(16),
            "folder": str(folder), "mode": self.mode, "limits": self.limits | limits,
            "uid": self.uid if self.mode != "plain" else None,
        }  # fmt: skip
        if self.mode == "namespaces" and os.getuid() != 0:
            request["uid"] = None
        try:
            outcome = self.exchange(request)
            if take and not outcome.failure:
                outcome.taken = ordinary_content(folder / take)
            return outcome
        finally:
            remove(folder.parent)
            if self.mode == "user":
                remove_files_of(self.uid, self.open_folders)
                remove_memory_of(self.uid)

    def exchange(self, request: dict) -> Outcome:
        if self.server is None or self.server.poll() is not None:
            self.stop()
            self.start()
        try:
            send(self.sock, json.dumps(request).encode())
            header = json.loads(receive(self.sock))
            payload = receive(self.sock)
        except (OSError, EOFError, ValueError):  # only code that runs as the grader's own user can
            self.server.kill()
            self.stop()
            return Outcome(failure="the code attacked the process that ran it")
        return self.read(header, payload, request)

    def read(self, header: dict, payload: bytes, request: dict) -> Outcome:
        """The keeper's report as an Outcome."""
        if "refused" in header:
            return Outcome(failure=f"the sandbox could not start ({header['refused']})")
        outcome = Outcome(output=header["output"], peak_mb=header["peak_mb"],
                          waited_s=header["waited_s"])  # fmt: skip
        try:
            outcome.data, outcome.arrays = wire.unpack(payload, request["nonce"])
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            outcome.failure = reason(header, request["limits"])
            outcome.hung = header["verdict"] in ("timeout", "computing") or header["cpu_s"] > 5
            return outcome
        if "error" in outcome.data:
            outcome.failure = str(outcome.data["error"])
            if outcome.failure.startswith("the code ended the program") and outcome.output.strip():
                outcome.failure += f"\n  it printed {outcome.output.strip()[-300:]!r}"
        return outcome

    def make_folder(self, files: dict, arrays: dict | None) -> Path:
        """A new folder with the files, owned by the user that will work in it."""
        self.runs += 1
        parent = self.base / f"run{self.runs}"
        folder = parent / "submission"
        folder.mkdir(parents=True)
        for name, source in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                target.write_bytes(source)
            else:
                shutil.copyfile(source, target)
        if arrays is not None:
            np.savez(folder / "inputs.npz", **arrays)
        if self.uid is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.uid, follow_symlinks=False)
        parent.chmod(0o711)
        folder.chmod(0o700)
        return folder


def ordinary_content(path: Path) -> bytes:
    """What a probe wrote to `path`; nothing where it left a link, a pipe or no file."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with open(number, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(number).st_mode) else b""


def remove(folder: Path) -> None:
    """Delete a folder in which student code may have worked: however deep it is (shutil.rmtree
    recurses), and whatever cannot be deleted."""
    subprocess.run(["rm", "-rf", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)


def open_folders() -> list[str]:
    """The folders of all disks in which every user may leave a file: in a container /tmp, /var/tmp,
    /dev/shm, /dev/mqueue, /run/lock and whatever else an image has."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    points = sorted({m[1].encode().decode("unicode_escape") for m in mounts
                     if m[2] not in NOT_DISKS and "ro" not in m[3].split(",")})  # fmt: skip
    points = [p for p in points if os.path.isdir(p) and not p.startswith(("/proc", "/sys"))]
    command = ["find", *points, "-xdev", "-type", "d", "-perm", "-0002", "-print0"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return sorted({os.fsdecode(name) for name in done.stdout.split(b"\0") if name})


def remove_files_of(uid: int, folders: list[str]) -> None:
    """Delete what the user has left in the open folders: the next probe finds nothing there."""
    command = ["find", *folders, "-xdev", "-depth", "-uid", str(uid), "-delete"]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def remove_memory_of(uid: int) -> None:
    """Delete the user's System V shared memory, semaphores and message queues."""
    libc = ctypes.CDLL(None)
    for kind, (function, count) in SYSTEM_V.items():
        try:
            head, *rows = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
        except OSError:  # a kernel without them
            continue
        names = head.split()
        for row in rows:
            fields = dict(zip(names, map(int, row.split()), strict=True))
            if uid in (fields["uid"], fields["cuid"]):
                number = next(fields[n] for n in ("shmid", "semid", "msqid") if n in fields)
                middle = (0,) if count == 4 else ()
                getattr(libc, function)(number, *middle, IPC_RMID, None)


def reason(header: dict, limits: dict) -> str:
    """Why there is no answer, in a sentence for the student."""
    status, output = header["status"], header["output"].strip()
    shown = f"; it printed {output[-300:]!r}" if output else ""
    if header["verdict"] == "timeout":
        return f"no answer after {limits['wall_s']:.0f} seconds of waiting: the code hangs{shown}"
    if header["verdict"] == "flood":
        return "stopped: the code printed more than 1 MB"
    if header["verdict"] == "computing" or header["cpu_s"] >= limits["cpu_s"] - 1:
        return f"stopped after {limits['cpu_s']} seconds of computing{shown}"
    if status is not None and os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return f"the process was killed by {name} (too much memory, or a crash){shown}"
    return f"the code ended the process before it answered (os._exit?){shown}"
