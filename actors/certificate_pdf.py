"""A certificate as a PDF: set by typst, with the address of its verification page as a QR code."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

from classroom.times import to_datetime
from persistence.certificates import CertificateRow
from persistence.errors import StoreAway

if TYPE_CHECKING:
    import typst

WAITING_AT_MOST = 50
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip

# Everything that people wrote comes in as a string from `sys.inputs`: typst shows it and never reads it as markup.
_PAGE = b"""
#let said = sys.inputs
#let accent = rgb(said.accent)
#set document(title: said.heading + ": " + said.name + ", " + said.course, author: "Lyceum", keywords: (said.number,))
#set page(paper: "a4", flipped: true, margin: 0pt, background: {
  place(center + horizon, rect(width: 100% - 18mm, height: 100% - 18mm, stroke: 2.5pt + accent, radius: 2mm))
  place(center + horizon, rect(width: 100% - 23mm, height: 100% - 23mm, stroke: 0.5pt + accent, radius: 1.5mm))
})
#set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"), size: 15pt, fill: rgb("#20242a"))
#set text(hyphenate: false)
#set par(justify: false, leading: 0.5em, spacing: 0pt)
#let fitting(body, largest) = {
  let signs = body.clusters().len()
  text(size: if signs <= 34 { largest } else if signs <= 70 { largest * 0.68 } else { largest * 0.42 }, body)
}
#align(center + horizon, block(width: 215mm, height: 158mm, {
  set align(center)
  v(1fr)
  text(size: 13pt, fill: accent, tracking: 2pt, weight: "semibold", upper("Lyceum"))
  v(10mm)
  text(size: 30pt, fill: accent, weight: "semibold", said.heading)
  v(17mm)
  fitting(said.name, 38pt)
  v(5mm)
  line(length: 130mm, stroke: 0.6pt + accent)
  v(7mm)
  text(size: 16pt, style: "italic", said.statement)
  v(8mm)
  fitting(said.course, 25pt)
  v(1.4fr)
  grid(
    columns: (1fr, 34mm, 1fr), column-gutter: 8mm, align: (left + bottom, center + bottom, right + bottom),
    { text(size: 11pt, fill: luma(90), said.issued-on); linebreak(); v(2mm); text(size: 15pt, said.date) },
    image(bytes(said.qr), format: "svg", width: 26mm),
    { text(size: 11pt, fill: luma(90), said.signed-by); linebreak(); v(2mm); fitting(said.signatory, 15pt) },
  )
  v(6mm)
  text(size: 9.5pt, fill: luma(90), said.number + "   " + said.url)
  v(1fr)
}))
"""


class PrintingBusy(StoreAway):
    """More certificates wait to be drawn than can be in a moment."""


def address_of(certificate: CertificateRow, public_url: str) -> str:
    """Where anybody can check the certificate."""
    return f"{public_url}/certificates/verify/{certificate.number}"


def key_of(certificate: CertificateRow) -> str:
    """The name of the PDF in the object store."""
    return f"certificates/{certificate.id}.pdf"


async def draw(certificate: CertificateRow, public_url: str) -> bytes:
    """The PDF, drawn in a thread, one at a time: a quarter of a second. Raises `PrintingBusy` when fifty wait."""
    global _waiting  # noqa: PLW0603 - there is one thread a process, and this is its queue
    if _waiting >= WAITING_AT_MOST:
        raise PrintingBusy("Too many certificates are being drawn.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_thread(), draw_now, certificate, public_url)
    finally:
        _waiting -= 1


def draw_now(certificate: CertificateRow, public_url: str) -> bytes:
    """The PDF. The same certificate is drawn alike, to the byte, on the same machine."""
    import typst  # only who draws needs it

    day, url, wording = to_datetime(certificate.issued_at), address_of(certificate, public_url), certificate.wording
    said = {
        "heading": wording.heading,
        "statement": wording.statement,
        "accent": wording.accent,
        "name": _breakable(certificate.user_name),
        "course": _breakable(certificate.course_title),
        "issued-on": "Issued on",
        "date": f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
        "signed-by": "Signed by" if wording.signatory else "Taught by",
        "signatory": _breakable(wording.signatory or certificate.instructor_name),
        "number": certificate.number,
        "url": url,
        "qr": _code(url),
    }
    pdf = typst.compile(_PAGE, format="pdf", sys_inputs=said, font_paths=_fonts(), timestamp=day.replace(microsecond=0))
    if not isinstance(pdf, bytes):
        raise TypeError(f"typst made {type(pdf).__name__}, and not one PDF")
    return pdf


def _breakable(words: str) -> str:
    """The same, with places to break inside what is too long for a line."""
    return " ".join("\u200b".join(word[at : at + 30] for at in range(0, len(word), 30)) for word in words.split(" "))


def _code(url: str) -> str:
    import segno  # only who draws needs it

    written = io.BytesIO()
    segno.make(url, error="m", micro=False).save(written, kind="svg", border=0, xmldecl=True)
    return written.getvalue().decode()


_waiting = 0


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "certificates")


@cache
def _fonts() -> "typst.Fonts":
    import typst  # only who draws needs it

    return typst.Fonts()  # typst's own, and this machine's for scripts that those do not have
