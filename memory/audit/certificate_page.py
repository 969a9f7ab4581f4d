"""The page of a certificate: the same statement for people who do not read JSON.

A function of the certificate alone, byte by byte, so a page can be checked against its certificate by rendering again.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from memory.audit.certificate import Certificate
from procmem.errors import UserError
from procmem.files import fingerprint

MONTHS = "January February March April May June July August September October November December"
"""In English on every machine, so that a page is the same everywhere."""


def render_page(certificate: Certificate) -> str:
    """One page of HTML that stands alone.

    Raises:
        UserError: if a time in the certificate is none.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("certificate.html.jinja").render(
        certificate=certificate,
        made=_in_words(certificate.time_utc),
        provenance=certificate.card["provenance"],
        receipts=[_row(receipt) for receipt in certificate.receipts],
        num_twins=sum(len(receipt["twins"]) for receipt in certificate.receipts),
        digest=fingerprint(certificate.signed_bytes()),
    )


def _row(receipt: dict[str, Any]) -> dict[str, Any]:
    return {
        "when": _in_words(receipt["time_utc"]),
        "erased": len(receipt["erased"]),
        "found_before": receipt["found_before"],
        "files": len(receipt["files_scanned"]),
        "versions": len(receipt["versions_dropped"]),
        "artefacts": len(receipt["artefacts_deleted"]),
    }


def _in_words(time_utc: str) -> str:
    """A time as people write it."""
    try:
        time = datetime.datetime.fromisoformat(time_utc)
    except ValueError as error:
        raise UserError(f"{time_utc!r} is no time") from error
    return f"{time.day} {MONTHS.split()[time.month - 1]} {time.year}, {time:%H:%M} UTC"
