"""The page of a certificate: the same statement for people who do not read JSON.

A function of the certificate alone, byte by byte, so a page can be checked against its certificate by rendering again.
"""

from __future__ import annotations

from pathlib import Path

from memory.audit.certificate import Certificate
from procmem.files import fingerprint


def render_page(certificate: Certificate) -> str:
    """One page of HTML that stands alone."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = fingerprint(certificate.signed_bytes())
    return environment.get_template("certificate.html.jinja").render(certificate=certificate, digest=digest)
