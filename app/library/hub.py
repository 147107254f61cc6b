"""The server the published models are on, spoken to with its own client, `huggingface_hub`.

The client gives the addresses, the headers, what is known of a file (commit, size, sha256) and the
HTTP session, and with these HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE and the proxies of the
system hold. Its `hf_hub_download` is not used: since version 2 it downloads to a file with a name
of chance and deletes that when it is broken off or stopped, so that of a gigabyte nothing remains
to go on from. `library/download.py` does that part. `hf_xet`, which the client brings along to
fetch by another protocol than plain HTTP, is never imported: the client gives no way to stop one of
its downloads and keep the half.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from app import VERSION
from app.library.errors import (
    HubBusy,
    HubMakesNoSense,
    HubOffline,
    HubRefuses,
    HubUnreachable,
    NotOnHub,
)

NEWEST = "main"

_BUSY = (408, 425, 429, 500, 502, 503, 504)
_SHA256_LETTERS, _SHA1_LETTERS = 64, 40


@dataclass(frozen=True)
class HubFile:
    """What the server says of a file: of large ones the `sha256`, of others git's own `git_sha1`.

    `commit` is the version asked for, by its full name.
    """

    repository: str
    path: str
    commit: str
    octets: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True)
class Body:
    """Bytes that come: those of the file from `start` on, in pieces as the network has them."""

    start: int
    pieces: Iterator[bytes]


class Hub:
    """A server that speaks as the Hugging Face Hub does; `endpoint` instead of HF_ENDPOINT's."""

    def __init__(self, endpoint: str | None = None) -> None:
        from huggingface_hub import constants  # Reads the environment when first imported.

        self._endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        self._timeout = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)

    @property
    def server(self) -> str:
        """Its address, for sentences."""
        return self._endpoint

    def describe(self, repository: str, path: str, revision: str) -> HubFile:
        """What the server says of a file at a revision. Raises a HubError."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        url = hf_hub_url(repository, path, revision=revision, endpoint=self._endpoint)
        with self._in_words(repository, path, revision):
            told = get_hf_file_metadata(
                url,
                token=_token(),
                timeout=self._timeout,
                headers=_WHO,
                endpoint=self._endpoint,
            )
        if not told.commit_hash or told.size is None:
            raise HubMakesNoSense(self.server, "it names no version or no size")
        etag = told.etag or ""
        return HubFile(
            repository,
            path,
            told.commit_hash,
            told.size,
            sha256=etag if _is_hex(etag, _SHA256_LETTERS) else "",
            git_sha1=etag if _is_hex(etag, _SHA1_LETTERS) else "",
        )

    @contextmanager
    def open(self, file: HubFile, start: int) -> Iterator[Body]:
        """The bytes of a file from `start` on, or from 0 where the server cannot begin later.

        Raises a HubError, here or while the pieces are read.
        """
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

        # The signed address behind it runs out; this one can be asked again after any pause.
        url = hf_hub_url(file.repository, file.path, revision=file.commit, endpoint=self._endpoint)
        headers = build_hf_headers(token=_token(), headers=_WHO)
        headers["Accept-Encoding"] = "identity"  # Places in the file must be places on the wire.
        if start:
            headers["Range"] = f"bytes={start}-"
        with (
            self._in_words(file.repository, file.path, file.commit),
            get_session().stream(
                "GET", url, headers=headers, follow_redirects=True, timeout=self._timeout
            ) as response,
        ):
            if response.status_code == 416:  # It has fewer bytes than we do.
                raise HubMakesNoSense(self.server, "the file is shorter than it said")
            hf_raise_for_status(response)
            begins = self._start_of(response) if response.status_code == 206 else 0
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise HubMakesNoSense(self.server, "the file was packed on its way")
            yield Body(begins, response.iter_raw())

    def cached(self, file: HubFile) -> str | None:
        """Where the client's own cache has this file, as other programs leave it there."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(file.repository, file.path, revision=file.commit)
        return found if isinstance(found, str) else None

    def _start_of(self, response: httpx2.Response) -> int:
        told = response.headers.get("Content-Range", "")
        first = told.removeprefix("bytes ").partition("-")[0]
        if not first.isdecimal():
            raise HubMakesNoSense(self.server, f"a part of the file without its place, {told!r}")
        return int(first)

    @contextmanager
    def _in_words(self, repository: str, path: str, revision: str) -> Iterator[None]:
        from huggingface_hub import errors
        from huggingface_hub.utils import parse_ratelimit_headers

        try:
            yield
        except errors.OfflineModeIsEnabled:
            raise HubOffline from None
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if status in _BUSY:
                limit = parse_ratelimit_headers(error.response.headers)
                after = error.response.headers.get("Retry-After", "")
                wait = float(after) if after.isdecimal() else None
                if wait is None and limit is not None:
                    wait = float(limit.reset_in_seconds)
                raise HubBusy(self.server, status, wait) from error
            if status == 404:
                raise NotOnHub(self.server, repository, path, revision) from error
            raise HubRefuses(self.server, status) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise HubUnreachable(self.server, str(error) or type(error).__name__) from error


_WHO = {"user-agent": f"undertone/{VERSION}"}
"""The client would also tell the versions of Python and torch; nobody needs them."""


def _token() -> str | bool:
    """The models are public: a token is sent only where the person set one for this."""
    return os.environ.get("HF_TOKEN") or False


def _is_hex(text: str, letters: int) -> bool:
    return len(text) == letters and all(sign in "0123456789abcdef" for sign in text)
