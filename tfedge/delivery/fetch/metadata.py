"""What a repository has signed, by python-tuf's client workflow over our own network.

signed = metadata.refreshed(folder, "https://host/models/", root, way)
content = signed.small("ds_cnn/stable.json")
"""

import contextlib
import datetime
import hashlib
import pathlib
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from tuf import ngclient
from tuf.api import exceptions as tuf
from tuf.api.metadata import TargetFile
from tuf.api.serialization import DeserializationError

from tfedge.delivery.fetch import reasons
from tfedge.delivery.fetch.part import Wanted
from tfedge.delivery.fetch.retrying import Interrupted, Unavailable
from tfedge.delivery.fetch.web import Web

_MOST_SMALL_BYTES = 1 << 20
_NOT_THERE = (403, 404)
_SHA256 = re.compile("[0-9a-f]{64}")
# By class, the more special ones first.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (tuf.ExpiredMetadataError, reasons.EXPIRED),
    (tuf.UnsignedMetadataError, reasons.UNSIGNED),
    (DeserializationError, reasons.DAMAGED),
    (tuf.RepositoryError, reasons.MIXED),
    (tuf.DownloadLengthMismatchError, reasons.ENDLESS),
    (tuf.DownloadError, reasons.OFFLINE),
)


class Signed:
    """The targets that the newest metadata name; see `refreshed`."""

    def __init__(self, updater: ngclient.Updater, address: str, way: Web):
        self._updater, self._address, self._way = updater, address, way

    def custom(self, name: str) -> tuple[Mapping[str, Any], int]:
        """The custom fields of a target, and its length.

        Raises:
            Refused: there is none of that name.
        """
        target = self._target(name)
        return target.custom or {}, target.length

    def whole(self, name: str) -> Wanted:
        """How to download a target without chunks.

        Raises:
            Refused: there is none of that name.
        """
        length = self._target(name).length
        digest = self._sha256(name)
        return self.wanted(name, max(1, length), (digest,))

    def wanted(self, name: str, chunk_bytes: int, chunks: tuple[str, ...]) -> Wanted:
        """How to download a target with these chunks."""
        folder, slash, last = name.rpartition("/")
        digest = self._sha256(name)
        url = f"{self._address}targets/{folder}{slash}{digest}.{last}"
        return Wanted(name, url, self._target(name).length, digest, chunk_bytes, chunks)

    def small(self, name: str) -> bytes:
        """The content of a target that is read in one go.

        Raises:
            Refused: there is none, or it is not what was signed, however often it is asked for.
        """
        wanted = self.whole(name)
        if wanted.length > _MOST_SMALL_BYTES:
            cause = f"{name} has {wanted.length:,} bytes, {_MOST_SMALL_BYTES:,} are allowed"
            raise reasons.Refused(reasons.ENDLESS, cause)

        def asked() -> bytes:
            read = self._way.whole(wanted.url, wanted.length)
            if hashlib.sha256(read).hexdigest() != wanted.sha256:
                raise Interrupted(f"{name} is not what was signed", reasons.ARBITRARY)
            return read

        return self._way.retries.until_done(asked)

    def _sha256(self, name: str) -> str:
        """It becomes a part of paths here, so that it may be nothing else."""
        found = self._target(name).hashes.get("sha256")
        if not isinstance(found, str) or not _SHA256.fullmatch(found):
            raise reasons.Refused(reasons.UNREADABLE, f"{name} is signed without a SHA-256")
        return found

    def _target(self, name: str) -> TargetFile:
        with _explained("targets"):
            found = self._updater.get_targetinfo(name)
        if found is None:
            raise reasons.Refused(reasons.NONE, f"the repository has no {name}")
        return found


def refreshed(folder: pathlib.Path, address: str, root: bytes, way: Web) -> Signed:
    """The newest metadata, verified from `root` on against what was seen before.

    Args:
        folder: where they are kept; one process at a time.
        address: of the repository, with a slash at its end.
        root: bytes of the first root that is believed.
        way: to it.

    Raises:
        Refused: they cannot be had, or are not to be believed.
        OSError: the disk refused.
    """
    fetcher = _Fetcher(way)
    with _explained("root"):
        updater = ngclient.Updater(
            str(folder), f"{address}metadata/", fetcher=fetcher, bootstrap=root
        )
    try:
        updater.refresh()
    except tuf.BadVersionNumberError as error:
        # A timestamp is older than one seen before; the others are other than it tells.
        is_older = fetcher.role in ("timestamp", "root")
        reason = reasons.ROLLBACK if is_older else reasons.MIXED
        raise reasons.Refused(reason, f"{fetcher.role}: {error}") from error
    except (tuf.RepositoryError, tuf.DownloadError) as error:
        raise _refusal(error, fetcher.role) from error
    return Signed(updater, address, way)


class _Fetcher(ngclient.FetcherInterface):
    """Metadata over our network; `role` is what was asked for last."""

    def __init__(self, way: Web):
        self._way, self.role = way, "root"

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """In one go, and again where that fails."""
        name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
        self.role = name.removesuffix(".json").rpartition(".")[2]
        try:
            return self._way.retries.until_done(lambda: self._way.whole(url, max_length))
        except Unavailable as error:
            if error.status:
                raise tuf.DownloadHTTPError(error.cause, error.status) from error
            if error.reason == reasons.ENDLESS:
                raise tuf.DownloadLengthMismatchError(error.cause) from error
            raise tuf.DownloadError(error.cause) from error

    def _fetch(self, url: str) -> Iterator[bytes]:
        """Targets have another way; python-tuf asks by `download_bytes` for all else."""
        raise tuf.DownloadError(f"{url} is not asked for in pieces")


@contextlib.contextmanager
def _explained(role: str) -> Iterator[None]:
    try:
        yield
    except (tuf.RepositoryError, tuf.DownloadError) as error:
        raise _refusal(error, role) from error


def _refusal(error: Exception, role: str) -> reasons.Refused:
    reason = next(reason for kind, reason in _REASONS if isinstance(error, kind))
    cause = str(error) if reason == reasons.OFFLINE else f"{role}: {error}"
    if reason == reasons.EXPIRED:
        now = datetime.datetime.now(datetime.UTC)
        cause += f"; it is {now:%Y-%m-%d} by the clock here"
    return reasons.Refused(reason, cause)
