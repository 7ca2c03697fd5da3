"""Where what a run finishes is kept: in a cache that stays, or beside the output folder."""

import contextlib
import os
import pathlib

from tfedge import cache
from tfedge.errors import BadInput
from tfedge.making.order import Order
from tfedge.release.publishing import work_folder


def folder_of(order: Order) -> str | pathlib.Path | None:
    """The folder of a cache that the order names, or else the environment."""
    return order.cache_dir or os.environ.get("TFEDGE_CACHE_DIR")


def lasting(order: Order, output_dir: str | pathlib.Path) -> cache.Cache | None:
    """The cache that stays, where there is one.

    Raises:
        BadInput: it is in the output folder.
    """
    folder = folder_of(order)
    if not folder:
        return None
    if pathlib.Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(output_dir)):
        raise BadInput(
            f"--cache_dir={folder}",
            f"it is in the output folder {output_dir}, which is exchanged as a whole",
            "Name one beside it.",
        )
    return cache.open_at(folder, order.cache_gigabytes)


def of_run(
    lasting: cache.Cache | None, folder: pathlib.Path
) -> contextlib.AbstractContextManager[cache.Cache]:
    """Where finished stages are kept while a release is made."""
    return work_folder.open_for(folder) if lasting is None else contextlib.nullcontext(lasting)
