"""What light clients offer and answer: an audio line and a video line in one bundle, as small as browsers would accept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.benchmarks.media_dtls import identity
from loadtests.benchmarks.media_transport import Remote, Transport

AUDIO, VIDEO = "audio", "video"
OPUS, VP8, RTX = 111, 96, 97
MID, LEVEL, TRANSPORT_CC = 1, 2, 3
"""Our numbers of the header extensions."""
_URIS = {
    MID: "urn:ietf:params:rtp-hdrext:sdes:mid",
    LEVEL: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    TRANSPORT_CC: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")


@dataclass(frozen=True)
class Line:
    """One m-line of the other end: its mid, kind, and payload types by codec in lower case."""

    mid: str
    kind: str
    payload_types: dict[str, int]


@dataclass(frozen=True)
class Description:
    """What an SDP says, as far as a light client needs it."""

    remote: Remote
    lines: Sequence[Line]


def publisher_offer(transport: Transport, ssrcs: dict[str, int], kinds: Sequence[str] = (AUDIO, VIDEO)) -> str:
    """Send-only Opus and VP8, with transport-cc, audio levels and one SSRC each."""
    return _bundle(transport, [_line(transport, str(mid), kind, "sendonly", ssrcs[kind]) for mid, kind in enumerate(kinds)])


def viewer_offer(
    transport: Transport, *, audios: int = 1, videos: int = 1, retransmission: bool = False, transport_cc: bool = False
) -> str:
    """Receive-only, so many lines of each kind; with RTX (RFC 4588) and transport-cc or without."""
    kinds = [AUDIO] * audios + [VIDEO] * videos
    return _bundle(
        transport,
        [
            _line(transport, str(mid), kind, "recvonly", rtx=retransmission, transport_cc=transport_cc)
            for mid, kind in enumerate(kinds)
        ],
    )


def viewer_answer(transport: Transport, offer: Description) -> str:
    """To a server that offers its viewers (Janus): takes Opus and VP8 under its numbers."""
    lines = []
    for line in offer.lines:
        codec = "opus" if line.kind == AUDIO else "vp8"
        number = line.payload_types[codec]
        lines.append(_line(transport, line.mid, line.kind, "recvonly", number=number, setup="active"))
    return _bundle(transport, lines)


def _bundle(transport: Transport, lines: Sequence[tuple[str, list[str]]]) -> str:
    head = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    head += ["a=group:BUNDLE " + " ".join(mid for mid, _ in lines), "a=msid-semantic: WMS *"]
    return "\r\n".join([*head, *(row for _, rows in lines for row in rows)]) + "\r\n"


def _line(
    transport: Transport,
    mid: str,
    kind: str,
    direction: str,
    ssrc: int = 0,
    *,
    number: int = 0,
    setup: str = "actpass",
    rtx: bool = False,
    transport_cc: bool = True,
) -> tuple[str, list[str]]:
    host, port = transport.address
    number = number or (OPUS if kind == AUDIO else VP8)
    numbers = f"{number} {RTX}" if rtx and kind == VIDEO else f"{number}"
    rows = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}", f"c=IN IP4 {host}", f"a=mid:{mid}", f"a={direction}"]
    rows += [f"a=ice-ufrag:{transport.ufrag}", f"a=ice-pwd:{transport.password}", f"a=setup:{setup}"]
    rows += [f"a=fingerprint:sha-256 {identity().fingerprint}", "a=rtcp-mux", "a=rtcp-rsize"]
    rows += [f"a=candidate:1 1 udp 2130706431 {host} {port} typ host", "a=end-of-candidates"]
    rows += [f"a=extmap:{MID} {_URIS[MID]}"]
    if transport_cc:
        rows += [f"a=extmap:{TRANSPORT_CC} {_URIS[TRANSPORT_CC]}"]
    if kind == AUDIO:
        rows += [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} minptime=10;useinbandfec=1"]
        rows += [f"a=extmap:{LEVEL} {_URIS[LEVEL]}"]
        rows += [f"a=rtcp-fb:{number} transport-cc"] if transport_cc else []
    else:
        rows += [f"a=rtpmap:{number} VP8/90000"]
        rows += [f"a=rtcp-fb:{number} {each}" for each in _FEEDBACK if transport_cc or each != "transport-cc"]
        rows += [f"a=rtpmap:{RTX} rtx/90000", f"a=fmtp:{RTX} apt={number}"] if rtx else []
    if ssrc:
        rows += [f"a=msid:light {kind}", f"a=ssrc:{ssrc} cname:light", f"a=ssrc:{ssrc} msid:light {kind}"]
    return mid, rows


def read_description(sdp: str) -> Description:
    """Raises ValueError when something that a light client needs is not in it."""
    session, *media = re.split(r"(?m)^m=", sdp.replace("\r\n", "\n"))
    lines = []
    for text in media:
        kind, port = text.split()[:2]
        types = {name.lower(): int(number) for number, name in re.findall(r"(?m)^a=rtpmap:(\d+) ([^/\s]+)/", text)}
        if port != "0":
            lines.append(Line(_one("mid", text), kind, types))
    everything = "\n".join([session, *media])
    candidate = re.search(r"(?mi)^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", everything)
    if candidate is None:
        raise ValueError("The description names no UDP candidate.")
    fingerprint = re.search(r"(?mi)^a=fingerprint:sha-256 (\S+)", everything)
    if fingerprint is None:
        raise ValueError("The description has no SHA-256 fingerprint.")
    address = candidate.group(1), int(candidate.group(2))
    remote = Remote(
        address, _one("ice-ufrag", everything), _one("ice-pwd", everything), fingerprint.group(1).upper(),
        _one("setup", everything),
    )  # fmt: skip
    return Description(remote, lines)


def _one(attribute: str, text: str) -> str:
    found = re.search(rf"(?m)^a={attribute}:(\S+)", text)
    if found is None:
        raise ValueError(f"The description has no a={attribute}.")
    return found.group(1)
