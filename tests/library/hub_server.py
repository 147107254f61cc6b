"""A server that speaks as the Hugging Face Hub does to its client, and fails as it does too.

What it answers follows what the client reads (`huggingface_hub`, `get_hf_file_metadata`): a HEAD of
`/REPOSITORY/resolve/REVISION/FILE` tells X-Repo-Commit, of large files X-Linked-Size and
X-Linked-Etag (their sha256) and sends on to another host, of small ones git's SHA-1 as the ETag.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Trouble:
    """What goes wrong with the next request for a large file's bytes."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    wait_after: int | None = None
    """So many bytes come, and no more until `HubServer.go_on` is set."""


class HubServer:
    """Repositories by name, each a dict of files; `troubles` are used up one after another."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.commit = COMMIT
        self.troubles: list[Trouble] = []
        self.asking_troubles: list[Trouble] = []
        self.told: dict[str, str] = {}
        """Headers that a large file's answer has instead of its own."""
        self.knows_ranges = True
        self.go_on = threading.Event()
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and Range of each request."""
        self.headers_seen: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def ranges(self) -> list[str | None]:
        """The Range of each request for a large file's bytes."""
        return [r for method, path, r in self.requests if method == "GET" and "/bytes/" in path]


def _handler_of(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(head=True)

        def do_GET(self) -> None:
            self._answer(head=False)

        def _answer(self, head: bool) -> None:
            path = unquote(urlsplit(self.path).path)  # A proxy is asked with the whole address.
            hub.requests.append((self.command, path, self.headers.get("Range")))
            hub.headers_seen.append({name.lower(): value for name, value in self.headers.items()})
            if path.startswith("/bytes/"):
                sha256 = path.removeprefix("/bytes/")
                self._bytes(next(data for data in _all(hub) if _sha256(data) == sha256))
                return
            if hub.asking_troubles and head:
                trouble = hub.asking_troubles.pop(0)
                self._end(trouble.status, trouble.headers)
                return
            repository, _, rest = path.lstrip("/").partition("/resolve/")
            revision, _, file = rest.partition("/")
            files = hub.repositories.get(repository)
            if files is None:
                self._end(404, {"X-Error-Code": "RepoNotFound"})
            elif revision not in ("main", hub.commit):
                self._end(404, {"X-Error-Code": "RevisionNotFound"})
            elif file not in files:
                self._end(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.commit})
            else:
                self._file(files[file], large=file.endswith(".safetensors"), head=head)

        def _file(self, data: bytes, large: bool, head: bool) -> None:
            own = {"X-Repo-Commit": hub.commit}
            if large:
                own["X-Linked-Size"] = str(len(data))
                own["X-Linked-Etag"] = f'"{_sha256(data)}"'
                # Another host than the hub's own name, as the real one's storage is.
                own["Location"] = f"http://localhost:{hub.port}/bytes/{_sha256(data)}"
                own.update(hub.told)
                self._end(302, own)
                return
            git = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            self._end(200, {**own, "ETag": f'"{git}"'}, b"" if head else data, len(data))

        def _bytes(self, data: bytes) -> None:
            trouble = hub.troubles.pop(0) if hub.troubles else Trouble()
            if trouble.status:
                self._end(trouble.status, trouble.headers)
                return
            start = 0
            told = self.headers.get("Range")
            if told and hub.knows_ranges:
                start = int(told.removeprefix("bytes=").rstrip("-"))
                place = f"bytes {start}-{len(data) - 1}/{len(data)}"
                self.send_response(206)
                self.send_header("Content-Range", place)
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            rest = data[start:]
            if trouble.wait_after is not None:
                self.wfile.write(rest[: trouble.wait_after])
                self.wfile.flush()
                hub.go_on.wait(30)
                rest = rest[trouble.wait_after :]
            if trouble.cut_after is not None:
                self.wfile.write(rest[: trouble.cut_after])
                self.wfile.flush()
                self.close_connection = True
                return
            self.wfile.write(rest)

        def _end(
            self, status: int, headers: dict[str, str], body: bytes = b"", length: int = 0
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _all(hub: HubServer) -> Iterator[bytes]:
    for files in hub.repositories.values():
        yield from files.values()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
