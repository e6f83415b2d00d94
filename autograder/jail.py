"""What stands between a student's process and the machine: namespaces, limits, another user.

Three strengths, of which sandbox.py takes the first that works:

- `namespaces`: its own mounts (the interpreter, the libraries and the submission's copy; nothing
  else exists), processes, network (none) and IPC. As root, or by a user namespace.
- `user`: only an unprivileged user of its own; what it cannot read is decided by file modes.
- `plain`: limits alone (a desk without root and without user namespaces).

All calls raise OSError where the platform refuses.
"""

import ctypes
import os
import resource
import site
import sys
import sysconfig
from pathlib import Path

HOME = "/submission"  # where the submission's copy stands in the view
NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NET = (
    0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # linux/sched.h
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18  # mount.h
LOCKED = {os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_NODIRATIME: 2048, os.ST_RELATIME: 1 << 21}
NO_NEW_PRIVILEGES, SUBREAPER = 38, 36  # prctl.h
CAPABILITY_VERSION = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def call(function: str, *args) -> None:
    """A function of the C library that returns 0, or an OSError."""
    if getattr(libc, function)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str, flags: int, data: str = "") -> None:
    words = (source, str(target), kind)
    source, target, kind = (word.encode() for word in words)
    call("mount", source, target, kind, ctypes.c_ulong(flags), data.encode() or None)


def leave_host() -> None:
    """New namespaces for this process and (process ids) for its children."""
    flags = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NET
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        call("unshare", flags)
        return
    call("unshare", flags | NEW_USER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def shown_folders() -> list[str]:
    """Where the interpreter and its libraries are; nothing else of the disk is shown."""
    paths = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache"}
    paths |= {sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages()}
    paths |= {*sysconfig.get_paths().values(), *(p for p in sys.path if "-packages" in p)}
    paths = {path for path in paths if os.path.exists(path)}
    inside = {p for p in paths for q in paths if p != q and p.startswith(q.rstrip("/") + "/")}
    return sorted(paths - inside)


def show(source: str, root: Path, writable: bool = False, target: str | None = None) -> None:
    """Let `source` appear under `root`, read-only unless `writable`; links stay links."""
    place = root / (target or source).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(source) and not target:
        place.symlink_to(os.readlink(source))
        return
    if os.path.isdir(source):
        place.mkdir(exist_ok=True)
    else:
        place.touch()
    mount(source, place, "", BIND | REC)
    if not writable:
        kept = os.statvfs(place).f_flag
        flags = sum(flag for st, flag in LOCKED.items() if kept & st)
        mount("", place, "", BIND | REMOUNT | RDONLY | NOSUID | (kept & NODEV) | flags)


def hide_disk(folder: str) -> None:
    """Make a root of nothing but libraries, a few devices and `folder` (as HOME); go there."""
    mount("", Path("/"), "", REC | PRIVATE)
    root = Path(folder).parent / "root"
    root.mkdir(exist_ok=True)
    mount("tmpfs", root, "tmpfs", NOSUID | NODEV, "size=64m,mode=755")
    for path in shown_folders():
        show(path, root)
    for name in ("null", "zero", "full", "random", "urandom"):
        show(f"/dev/{name}", root, writable=True)
    for name in ("tmp", "dev/shm"):
        (root / name).mkdir(exist_ok=True)  # there already where Python lies below it
        (root / name).chmod(0o1777)
    show(folder, root, writable=True, target=HOME)
    (root / "proc").mkdir()
    try:
        mount("proc", root / "proc", "proc", NOSUID | NODEV)
    except OSError:
        pass  # containers that mask their own /proc refuse a new one; an empty folder will do
    os.chroot(root)
    os.chdir(HOME)


def set_limits(limits: dict, threads: int) -> None:
    """Limits of the process: `cpu_s`, `memory_mb` beyond what it already has, `file_mb`,
    `processes` beyond the `threads` that its user already runs."""
    pages, data = (int(open("/proc/self/statm").read().split()[i]) for i in (0, 5))
    extra, page = limits["memory_mb"] * 2**20, resource.getpagesize()
    pairs = {
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_AS: pages * page + 2 * extra,  # libraries and shared memory count too
        resource.RLIMIT_DATA: data * page + extra,
        resource.RLIMIT_FSIZE: limits["file_mb"] * 2**20,
        resource.RLIMIT_NPROC: threads + limits["processes"],
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_MSGQUEUE: 0,  # POSIX queues would outlive the process
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in pairs.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    Path("/proc/self/oom_score_adj").write_text("1000")  # it dies before the grader does


def threads_of(uid: int) -> int:
    """How many threads the user `uid` runs now."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if fields["Uid"].split()[0] == str(uid):
            count += int(fields["Threads"])
    return count


def drop_privileges(uid: int | None) -> None:
    """Become `uid` (None: stay who you are), without capabilities, now and for ever."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Processes that outlive their parent become children of this one, which can end them."""
    call("prctl", SUBREAPER, 1, 0, 0, 0)
