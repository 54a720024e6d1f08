"""The supervisor's configuration: what to run, and that whatever dies is started again.

Paths are relative to the state folder, where the supervisor runs: a folder's name may hold what this format cannot say.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from backbus.stack.folder import Folder
from backbus.stack.services import WORKER, Service

STOP_S = 5
"""A service has this long between being asked to stop and being killed."""
LOG_BYTES = 10_000_000
LOG_BACKUPS = 3
GROUP = "backbus"


def _quoted(text: str) -> str:
    return text.replace("%", "%%")


def configuration(folder: Folder, services: Iterable[Service]) -> str:
    """The text of ``supervisor.conf``. ``startsecs=0``: no start counts as failed, so none is ever given up."""

    def relative(path: Path) -> str:
        return _quoted(str(path.relative_to(folder.state) if path.is_relative_to(folder.state) else path))

    parts = [
        "[supervisord]\n"
        "nodaemon=true\n"
        f"logfile={relative(folder.supervisor_log)}\n"
        f"logfile_maxbytes={LOG_BYTES}\n"
        f"logfile_backups={LOG_BACKUPS}\n"
        f"pidfile={relative(folder.pid_file)}\n"
        "silent=true\n"
        "umask=077\n"
        "\n"
        "[unix_http_server]\n"
        f"file={relative(folder.socket)}\n"
        "chmod=0600\n"
        "\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
    ]
    services = list(services)
    # One group: the supervisor stops the members of a group at once, but groups one after the other. A worker is a
    # group of its own, so that it comes and goes without the others.
    members = [service.name for service in services if service.role != WORKER.role]
    parts.append(f"[group:{GROUP}]\nprograms={','.join(members)}\n")
    for rank, service in enumerate(services, start=1):
        pid_file = folder.service_pid_file(service.name).relative_to(folder.state)
        command = [sys.executable, "-P", "-m", "backbus.stack.respawn", str(pid_file), *service.command]
        parts.append(
            f"[program:{service.name}]\n"
            f"command={_quoted(shlex.join(command))}\n"
            f"priority={rank}\n"
            "autostart=true\n"
            "autorestart=true\n"
            "startsecs=0\n"
            "startretries=1000000000\n"
            "stopsignal=TERM\n"
            f"stopwaitsecs={STOP_S}\n"
            "stopasgroup=true\n"
            "killasgroup=true\n"
            "redirect_stderr=true\n"
            f"stdout_logfile={relative(folder.log(service.name))}\n"
            f"stdout_logfile_maxbytes={LOG_BYTES}\n"
            f"stdout_logfile_backups={LOG_BACKUPS}\n"
        )
    return "\n".join(parts)
