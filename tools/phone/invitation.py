"""What the terminal shows for a phone to find the page."""

import io

from tfedge import extras


def words(address: str, minutes: float) -> str:
    """The address and its QR code, where the package segno is installed."""
    return (
        f"\nOpen this on a phone in the same network, within {minutes:g} minutes:\n\n"
        f"    {address}\n\n{_code(address)}"
    )


def _code(address: str) -> str:
    try:
        import segno
    except ImportError:
        return f"({extras.command('phone')}: its QR code would be here)\n"
    drawn = io.StringIO()
    segno.make(address, micro=False, error="l").terminal(drawn, compact=True)
    return drawn.getvalue()
