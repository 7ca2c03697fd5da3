"""Writes the blocks of docs/ that are made from the code, after a change of what they tell.

    python tools/docs/write.py

Blocks stand between `<!-- generated: NAME -->` and `<!-- end -->`; NAME is a function in
tools/topics.py, or "python". Pictures of docs/results.md are drawn from its tables. TensorFlow is
not loaded. tests/docs_test.py fails while a page is stale.
"""

import argparse
import sys

from tfedge_tools.docs import pages


def run() -> None:
    """The program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    for path, text in pages.stale().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(pages.FOLDER.parent)}\n")


if __name__ == "__main__":
    run()
