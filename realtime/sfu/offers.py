"""What a browser offers to send or to receive, read from SDP (RFC 8866, RFC 8829): bounded, and refused by name."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MOST_CHARACTERS = 65_536  # Chromium's 11 lines take 33,000
MOST_ROWS = 4_096
MOST_LINES = 24
SUPPORTED = "Sound is taken as Opus, pictures as VP8 or as H.264 (constrained baseline, packetization-mode 1)."

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_MID = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")  # one that fits a one-byte header extension
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_CREDENTIAL = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")  # ice-char, and what some clients write beside it
_PROTOCOL = re.compile(r"[A-Z/]{1,32}")
_KIND = re.compile(r"[a-z]{1,16}")
_FINGERPRINT = re.compile(r"(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})")
_CODEC = re.compile(r"([A-Za-z0-9-]{1,32})/([0-9]{1,6})(?:/([0-9]{1,2}))?")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class BadOffer(Exception):
    """An offer that is not answered; the sentence says why and what would be."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of a line; names and feedback in lower case."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int
    parameters: Mapping[str, str]
    feedback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineOffer:
    """One m-line. `extensions` has the number and the direction ("" when none was told) of each URI; `rids` those that
    are sent as simulcast, in the order of the offer."""

    kind: str
    mid: str
    protocol: str
    formats: tuple[str, ...]
    direction: str
    rejected: bool
    muxed: bool
    codecs: tuple[Codec, ...]
    extensions: Mapping[str, tuple[int, str]]
    rids: tuple[str, ...]
    fingerprints: tuple[str, ...]
    ufrag: str
    pwd: str
    setup: str


@dataclass(frozen=True, slots=True)
class Offer:
    """All lines, and the one transport of those that are bundled: `fingerprints` as "sha-256 AA:…"."""

    lines: tuple[LineOffer, ...]
    bundle: tuple[str, ...]
    ufrag: str
    pwd: str
    fingerprints: tuple[str, ...]
    setup: str


@dataclass(slots=True)
class _Section:
    media: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        return self.attributes.get(name, [""])[0]

    def all(self, name: str) -> Iterable[str]:
        return self.attributes.get(name, ())


def read_offer(text: str) -> Offer:
    """The offer in `text`. Raises BadOffer for what is too large, has no media line or too many, or lacks what every
    browser sends: one bundle, rtcp-mux, ICE credentials, a certificate's fingerprint, a part in DTLS that leaves us ours."""
    session, sections = _sections(text)
    lines = tuple(_line(section, session) for section in sections)
    mids = [line.mid for line in lines]
    if len(lines) > 1 and len(set(mids)) < len(mids):
        raise BadOffer("Each media line of an offer needs a mid of its own.")
    bundle = tuple(session.first("group").split()[1:]) if session.first("group").startswith("BUNDLE ") else ()
    if not bundle and len(lines) == 1:
        bundle = (lines[0].mid,)
    bundled = [line for line in lines if line.mid in bundle and not line.rejected]
    if not bundled:
        raise BadOffer("The media lines of the offer must share one transport: bundle them (a=group:BUNDLE).")
    transport = next((line for line in bundled if line.ufrag), bundled[0])
    if not transport.muxed:
        raise BadOffer("RTP and RTCP must share one port: the offer needs a=rtcp-mux.")
    if not (_CREDENTIAL.fullmatch(transport.ufrag) and _CREDENTIAL.fullmatch(transport.pwd)):
        raise BadOffer("The offer has no usable ICE credentials (a=ice-ufrag, a=ice-pwd).")
    if not transport.fingerprints:
        raise BadOffer("The offer has no fingerprint of a DTLS certificate by SHA-256 or better (a=fingerprint).")
    if transport.setup not in ("actpass", "active"):
        raise BadOffer("The offer must let its sender begin DTLS: a=setup:actpass or a=setup:active.")
    return Offer(lines, bundle, transport.ufrag, transport.pwd, transport.fingerprints, transport.setup)


def _sections(text: str) -> tuple[_Section, list[_Section]]:
    if len(text) > MOST_CHARACTERS:
        raise BadOffer(f"The offer is longer than {MOST_CHARACTERS:,} characters.")
    rows = text.split("\n", MOST_ROWS)
    if len(rows) > MOST_ROWS:
        raise BadOffer(f"The offer has more than {MOST_ROWS:,} rows.")
    if not rows[0].startswith("v=0"):
        raise BadOffer("This is no SDP: an offer begins with v=0.")
    session, sections = _Section(), list[_Section]()
    current = session
    for row in rows:
        kind, _, value = row.rstrip("\r").partition("=")
        if kind == "m":
            if len(sections) == MOST_LINES:
                raise BadOffer(f"The offer has more than {MOST_LINES} media lines.")
            current = _Section(value)
            sections.append(current)
        elif kind == "a":
            name, _, told = value.partition(":")
            current.attributes.setdefault(name, []).append(told.strip())
    if not sections:
        raise BadOffer("The offer has no media line: offer sound, pictures or both.")
    return session, sections


def _line(section: _Section, session: _Section) -> LineOffer:
    kind, port, protocol, *formats = [*section.media.split(), "", "", ""][: max(4, len(section.media.split()))]
    if not (_KIND.fullmatch(kind) and _PROTOCOL.fullmatch(protocol) and _number(port, 65535) is not None):
        raise BadOffer("A media line of the offer cannot be read.")
    if not formats or not all(_TOKEN.fullmatch(form) for form in formats):
        raise BadOffer("A media line of the offer names no formats that can be read.")
    mid = section.first("mid")
    if mid and not _MID.fullmatch(mid):
        raise BadOffer("A mid of the offer is longer than 16 signs or has strange ones.")
    direction = next((name for name in _DIRECTIONS if name in section.attributes), "")
    return LineOffer(
        kind=kind,
        mid=mid,
        protocol=protocol,
        formats=tuple(formats),
        direction=direction or next((name for name in _DIRECTIONS if name in session.attributes), "sendrecv"),
        rejected=port == "0" and "bundle-only" not in section.attributes,
        muxed="rtcp-mux" in section.attributes,
        codecs=_codecs(section, formats),
        extensions=_extensions(section),
        rids=_rids(section),
        fingerprints=_fingerprints(section) or _fingerprints(session),
        ufrag=section.first("ice-ufrag") or session.first("ice-ufrag"),
        pwd=section.first("ice-pwd") or session.first("ice-pwd"),
        setup=section.first("setup") or session.first("setup"),
    )


def _number(text: str, most: int) -> int | None:
    """A decimal number of at most `most`, None for anything else."""
    if not (0 < len(text) <= 10 and text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= most else None


def _by_number(values: Iterable[str], most: int) -> dict[int, list[str]]:
    """Attributes that begin with a number ("96 VP8/90000") by it."""
    found: dict[int, list[str]] = {}
    for value in values:
        first, _, rest = value.partition(" ")
        number = _number(first, most)
        if number is not None:
            found.setdefault(number, []).append(rest.strip())
    return found


def _codecs(section: _Section, formats: list[str]) -> tuple[Codec, ...]:
    maps = _by_number(section.all("rtpmap"), 127)
    parameters = _by_number(section.all("fmtp"), 127)
    feedback = _by_number(section.all("rtcp-fb"), 127)
    for_all = [value[2:].strip() for value in section.all("rtcp-fb") if value.startswith("* ")]
    codecs = []
    for payload_type in dict.fromkeys(_number(form, 127) for form in formats):
        if payload_type is None or payload_type not in maps:
            continue
        told = _CODEC.fullmatch(maps[payload_type][0])
        if told is None:
            continue
        pairs = (pair.partition("=") for pair in parameters.get(payload_type, [""])[0].split(";"))
        codecs.append(
            Codec(
                payload_type,
                told[1].lower(),
                int(told[2]),
                int(told[3] or 1),
                {name.strip().lower(): value.strip() for name, _, value in pairs},
                tuple(said.lower() for said in (*feedback.get(payload_type, ()), *for_all)),
            )
        )
    return tuple(codecs)


def _extensions(section: _Section) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for value in section.all("extmap"):
        told, _, rest = value.partition(" ")
        first, _, direction = told.partition("/")
        number = _number(first, 14)  # the one-byte form has no more
        uri = rest.split(" ", 1)[0]
        if number and uri and direction in ("", *_DIRECTIONS):
            found.setdefault(uri, (number, direction))
    return found


def _rids(section: _Section) -> tuple[str, ...]:
    """RFC 8853: `a=simulcast:send low;~high,other`; of alternatives the first, paused ones as well."""
    sent = {rid for rid, _, rest in (value.partition(" ") for value in section.all("rid")) if rest.startswith("send")}
    words = section.first("simulcast").split()
    told = words[words.index("send") + 1 :][:1] if "send" in words else []
    rids = [part.split(",")[0].removeprefix("~") for word in told for part in word.split(";")]
    return tuple(dict.fromkeys(rid for rid in rids if rid in sent and _RID.fullmatch(rid)))


def _fingerprints(section: _Section) -> tuple[str, ...]:
    """Those by a hash that counts, each once, in upper case."""
    told = (value.partition(" ") for value in section.all("fingerprint"))
    found = (_FINGERPRINT.fullmatch(f"{name.lower()} {value.strip().upper()}") for name, _, value in told)
    return tuple(dict.fromkeys(match[0] for match in found if match))
