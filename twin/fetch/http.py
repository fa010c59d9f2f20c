"""Asking a web service politely: at a measured pace, again when it says so or breaks off, and never twice."""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from twin import __version__
from twin.errors import TwinError
from twin.files import replacing
from twin.messages import text

T = TypeVar("T")

# What passes: too early or too often, and a server or a way to it that is out of order.
PASSING = (408, 425, 429, 500, 502, 503, 504)
CHUNK = 1 << 20  # bytes of a large file that are held at once
STALE = 24 * 3600.0  # s: answers older than that are of another edition and are asked for again


class FetchError(TwinError):
    """A service did not give what was asked, after all attempts."""


class Apart(FetchError):
    """Answers that are whole, each, but do not go together: the service was updated between them."""


class Damaged(Exception):
    """An answer that is not whole or not what was asked: worth asking again."""


@dataclass(frozen=True)
class Answer:
    """Body and headers (lower-case names) of an answer, and the address asked."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def kind(self) -> str:
        """Content type."""
        return self.headers.get("content-type", "")


def with_query(url: str, **query: object) -> str:
    """An address with its query; what a service needs as it is (``:/,;`` and the like) is not escaped."""
    pairs = [f"{k}={urllib.parse.quote(str(v), safe=':/,;')}" for k, v in query.items()]
    return url + ("&" if "?" in url else "?") + "&".join(pairs)


@dataclass
class Client:
    """Asks and remembers.

    Attributes
    ----------
    folder : where whole answers are kept, so that a fetch that was cut goes on where it stopped.
    timeout : s without a byte. attempts : for one address. pause : s before the second attempt, doubled
        each time, at most `most_pause`; what the service says (Retry-After) wins.
    per_second : requests, at most.
    sleep, clock : of the operating system; tests have others.
    requests, waited : asked so far, over the wire; seconds waited because a service said so.
    """

    folder: Path
    timeout: float = 60.0
    attempts: int = 6
    pause: float = 1.0
    most_pause: float = 60.0
    per_second: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    requests: int = 0
    waited: float = 0.0
    _last: float = field(default=-1e9)
    _read: list[str] = field(default_factory=list)

    def get(self, url: str, check: Callable[[Answer], T]) -> T:
        """The checked answer to an address: the kept one, else asked for.

        Parameters
        ----------
        check : makes what the caller wants of an answer; raises `Damaged` when it is not whole.

        Raises
        ------
        FetchError
            The address is refused, or gave nothing whole after all attempts.
        """
        _check_address(url)
        self._read.append(url)
        kept = self._kept(url)
        if kept is not None:
            try:
                return check(kept)
            except Damaged:
                pass  # kept by another version; asked for again
        return self._until_whole(url, lambda: self._checked(url, check))

    def together(self, pages: Callable[[], T]) -> T:
        """What several answers give together; once more, with none of them kept, where they are `Apart`."""
        self._read.clear()
        try:
            return pages()
        except Apart:
            for url in self._read:
                for file in self._files(url):
                    file.unlink(missing_ok=True)
            return pages()

    def download(self, url: str, folder: Path) -> Path:
        """A large file, whole, under its own name; after a cut it goes on at the byte where it stopped.

        A file that `folder` has already is not asked for again: its address names its edition.

        Raises
        ------
        FetchError
            The address is refused, or gave no whole file after all attempts.
        """
        _check_address(url)
        name = Path(urllib.parse.unquote(urllib.parse.urlsplit(url).path)).name or "file"
        place = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        target = place / name
        if not target.is_file():
            place.mkdir(parents=True, exist_ok=True)
            self._until_whole(url, lambda: self._download(url, target))
        return target

    def _download(self, url: str, target: Path) -> None:
        part, stamp = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.stamp")
        done = part.stat().st_size if part.is_file() and stamp.is_file() else 0
        # The rest of the same file only: If-Range, RFC 9110, 13.1.5.
        headers = {"Range": f"bytes={done}-", "If-Range": stamp.read_text()} if done else {}
        with self._open(url, headers) as response:
            more = response.status == 206 and (response.headers.get("Content-Range") or "").startswith(
                f"bytes {done}-"
            )
            said = response.headers.get("ETag") or response.headers.get("Last-Modified")
            if not more:
                stamp.unlink(missing_ok=True)
                # A weak ETag does not tell two editions apart byte by byte.
                if said and not said.startswith("W/"):
                    stamp.write_text(said)
            length = response.headers.get("Content-Length")
            with part.open("ab" if more else "wb") as file:
                begin = file.tell()
                while chunk := response.read(CHUNK):
                    file.write(chunk)
                got = file.tell() - begin
        if length is not None and length.isdigit() and int(length) != got:
            raise Damaged(text("fetch.bytes", got=got, wanted=length))
        part.replace(target)
        stamp.unlink(missing_ok=True)

    def _until_whole(self, url: str, once: Callable[[], T]) -> T:
        reason = ""
        for attempt in range(self.attempts):
            if attempt:
                self.sleep(min(self.most_pause, self.pause * 2 ** (attempt - 1)))
            try:
                return once()
            except _Later as later:
                reason = str(later)
                # Beyond the usual pause, which is slept before the next attempt.
                more = later.seconds - min(self.most_pause, self.pause * 2**attempt)
                if more > 0 and attempt + 1 < self.attempts:
                    self.sleep(more)
                self.waited += later.seconds
            except (Damaged, http.client.HTTPException, OSError) as error:
                reason = f"{type(error).__name__}: {error}"
        raise FetchError(text("fetch.gave_up", url=url, attempts=self.attempts, reason=reason))

    def _checked(self, url: str, check: Callable[[Answer], T]) -> T:
        with self._open(url, {}) as response:
            body = response.read()
            headers = {name.lower(): value for name, value in response.headers.items()}
        stated = headers.get("content-length")
        if stated is not None and stated.isdigit() and int(stated) != len(body):
            raise Damaged(text("fetch.bytes", got=len(body), wanted=stated))
        answer = Answer(url, body, headers)
        result = check(answer)
        self._keep(answer)
        return result

    def _open(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        wait = self._last + 1.0 / self.per_second - self.clock()
        if wait > 0:
            self.sleep(wait)
        self._last = self.clock()
        self.requests += 1
        agent = {"User-Agent": f"territorial-twin/{__version__}"}
        request = urllib.request.Request(url, headers={**agent, **headers})
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace").strip()
            if error.code in PASSING:
                raise _Later(
                    f"HTTP {error.code}", retry_after(error.headers.get("Retry-After"), time.time())
                ) from error
            raise FetchError(text("fetch.refused", url=url, status=error.code, said=said[:300])) from error
        return response

    # -- what was answered before --

    def _files(self, url: str) -> tuple[Path, Path]:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        return self.folder / f"{name}.answer", self.folder / f"{name}.sha256"

    def _keep(self, answer: Answer) -> None:
        body, digest = self._files(answer.url)
        with replacing(body) as temporary:
            temporary.write_bytes(answer.body)
        with replacing(digest) as temporary:
            temporary.write_text(f"{hashlib.sha256(answer.body).hexdigest()}\n{answer.kind}\n{answer.url}\n")

    def _kept(self, url: str) -> Answer | None:
        body, digest = self._files(url)
        if not (body.is_file() and digest.is_file()) or time.time() - body.stat().st_mtime > STALE:
            return None
        lines = digest.read_text().splitlines()
        content = body.read_bytes()
        if len(lines) < 3 or lines[2] != url or lines[0] != hashlib.sha256(content).hexdigest():
            return None
        return Answer(url, content, {"content-type": lines[1]})


def _check_address(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(text("fetch.bad_address", url=url))


class _Later(Exception):
    """The service says: not now."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


def retry_after(value: str | None, now: float) -> float:
    """Seconds that a ``Retry-After`` header asks for: a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return 0.0
