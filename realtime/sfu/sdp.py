"""Answers to offers (RFC 8829, RFC 9725): which lines and codecs are taken, and the text that says so. ICE-lite, one
bundle, RTP and RTCP on one port, DTLS begun by the browser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from realtime.sfu.offers import SUPPORTED, BadOffer, Codec, LineOffer, Offer, read_offer
from realtime.sfu.slots import slot_names

__all__ = [
    "ABS_SEND_TIME",
    "AUDIO_LEVEL",
    "MID",
    "REPAIRED_RID",
    "RID",
    "TRANSPORT_CC",
    "BadOffer",
    "Ends",
    "Offer",
    "SlotStreams",
    "TakenLine",
    "answer_publisher",
    "answer_viewer",
    "read_offer",
    "take_publisher",
    "take_viewer",
]

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_PUBLISHED = {
    "audio": (AUDIO_LEVEL, MID, TRANSPORT_CC, ABS_SEND_TIME),
    "video": (MID, RID, REPAIRED_RID, TRANSPORT_CC, ABS_SEND_TIME),
}
_WATCHED = {"audio": (AUDIO_LEVEL, ABS_SEND_TIME), "video": (ABS_SEND_TIME,)}
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
_RATES = {"opus": 48000, "vp8": 90000, "h264": 90000}
_KINDS = {"audio": ("opus",), "video": ("vp8", "h264")}
_MOST_RIDS = 3
_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP")


@dataclass(frozen=True, slots=True)
class Ends:
    """Our end of one session: ICE credentials, the certificate's `fingerprints` ("sha-256 AA:…"), and where we are."""

    ufrag: str
    pwd: str
    fingerprints: tuple[str, ...]
    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True, slots=True)
class SlotStreams:
    """The streams in which a slot is sent."""

    ssrc: int
    retransmissions: int


@dataclass(frozen=True, slots=True)
class TakenLine:
    """What was agreed for one line. `payload_types` by codec ("opus", "vp8", "h264"), `retransmissions` the payload type
    of RTX by codec, `extensions` the number by URI, `rids` the simulcast layers as offered (empty without simulcast).
    `slot` is the viewer's (`slots.slot_names`), "" at a publisher. What SSRCs a publisher announced says nothing: it need
    not, and the packets tell their line and layer themselves."""

    mid: str
    kind: str
    slot: str
    payload_types: Mapping[str, int]
    retransmissions: Mapping[str, int]
    extensions: Mapping[str, int]
    rids: tuple[str, ...]


def take_publisher(offer: Offer) -> list[TakenLine | None]:
    """For each line of the offer what is taken of it: the first of sound and the first of pictures that are sent, in
    Opus and in VP8 if offered, else H.264. Raises BadOffer when such a line has no codec of ours, or there is none."""
    taken: list[TakenLine | None] = []
    kinds = set[str]()
    for line in offer.lines:
        if not _usable(line, offer, "sendonly") or line.kind in kinds:
            taken.append(None)
            continue
        codecs = _known(line)[:1]
        if not codecs:
            raise BadOffer(f"None of the codecs offered for {line.kind} is supported. {SUPPORTED}")
        kinds.add(line.kind)
        taken.append(_agree(line, codecs, "", _PUBLISHED[line.kind], "recvonly"))
    if not kinds:
        raise BadOffer(f"The offer sends neither sound nor pictures. {SUPPORTED}")
    return taken


def take_viewer(offer: Offer) -> list[TakenLine | None]:
    """For each line of the offer what is sent in it: the lines that receive become slots in their order, with every codec
    of ours that they offer. Raises BadOffer when no line can be served."""
    wanted = [line if _usable(line, offer, "recvonly") else None for line in offer.lines]
    if not any(wanted):
        raise BadOffer("The offer receives neither sound nor pictures: offer lines that are recvonly.")
    codecs = [_known(line) if line else [] for line in wanted]
    if not any(codecs):
        raise BadOffer(f"None of the codecs offered is supported. {SUPPORTED}")
    names = slot_names([line.kind if line else "" for line in wanted])
    return [
        _agree(line, known, name, _WATCHED[line.kind], "sendonly") if line and known and name else None
        for line, known, name in zip(wanted, codecs, names, strict=True)
    ]


def answer_publisher(offer: Offer, ends: Ends) -> str:
    """The answer to who publishes; raises BadOffer as `take_publisher`."""
    taken = take_publisher(offer)
    text = _head(taken)
    for line, agreed in zip(offer.lines, taken, strict=True):
        text += _section(line, agreed, ends, "recvonly", ("transport-cc",)) if agreed else _rejected(line)
    return "\r\n".join(text) + "\r\n"


def answer_viewer(offer: Offer, ends: Ends, slots: Mapping[str, SlotStreams]) -> str:
    """The answer to who watches: each slot of `take_viewer` that is among `slots` in its own streams; raises BadOffer as
    `take_viewer` does, and when no slot of the offer is among `slots`."""
    taken = [line if line and line.slot in slots else None for line in take_viewer(offer)]
    if not any(taken):
        raise BadOffer("Nothing that the offer could receive is served here.")
    text = _head(taken)
    for line, agreed in zip(offer.lines, taken, strict=True):
        if agreed is None:
            text += _rejected(line)
            continue
        text += _section(line, agreed, ends, "sendonly", ())
        text += _streams(agreed, slots[agreed.slot])
    return "\r\n".join(text) + "\r\n"


def _usable(line: LineOffer, offer: Offer, direction: str) -> bool:
    return (
        line.kind in _KINDS
        and not line.rejected
        and line.muxed
        and line.mid in offer.bundle
        and line.protocol in _PROTOCOLS
        and line.direction in (direction, "sendrecv")
    )


def _known(line: LineOffer) -> list[Codec]:
    """One codec of each name that we know, ours first in the order of `_KINDS`."""
    found = []
    for name in _KINDS[line.kind]:
        same = [codec for codec in line.codecs if codec.name == name and codec.clock_rate == _RATES[name]]
        if name == "h264":
            same = sorted(filter(_is_baseline, same), key=lambda codec: not _is_constrained(codec))
        found += same[:1]
    return found


def _is_baseline(codec: Codec) -> bool:
    """RFC 6184 section 8.1: without parameters it would be packetization-mode 0."""
    return codec.parameters.get("packetization-mode") == "1" and _profile(codec) >> 8 == 0x42


def _is_constrained(codec: Codec) -> bool:
    return bool(_profile(codec) & 0x40)


def _profile(codec: Codec) -> int:
    """profile_idc and profile-iop as one number, 0 for what cannot be read."""
    told = codec.parameters.get("profile-level-id", "")
    try:
        return int(told, 16) >> 8 if len(told) == 6 and told.isascii() and told.isalnum() else 0
    except ValueError:
        return 0


def _agree(line: LineOffer, codecs: Sequence[Codec], slot: str, uris: Sequence[str], ours: str) -> TakenLine:
    theirs = "sendonly" if ours == "recvonly" else "recvonly"
    extensions = {
        uri: line.extensions[uri][0]
        for uri in uris
        if uri in line.extensions and line.extensions[uri][1] in ("", theirs, "sendrecv")
    }
    again = {codec.parameters.get("apt", ""): codec.payload_type for codec in line.codecs if codec.name == "rtx"}
    return TakenLine(
        mid=line.mid,
        kind=line.kind,
        slot=slot,
        payload_types={codec.name: codec.payload_type for codec in codecs},
        retransmissions={codec.name: again[str(codec.payload_type)] for codec in codecs if str(codec.payload_type) in again},
        extensions=extensions,
        rids=line.rids[:_MOST_RIDS] if RID in extensions else (),
    )


def _head(taken: Sequence[TakenLine | None]) -> list[str]:
    return [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE " + " ".join(line.mid for line in taken if line),
        "a=msid-semantic: WMS *",
    ]


def _rejected(line: LineOffer) -> list[str]:
    text = [f"m={line.kind} 0 {line.protocol} {line.formats[0]}", "c=IN IP4 0.0.0.0", "a=inactive"]
    return text + ([f"a=mid:{line.mid}"] if line.mid else [])


def _section(line: LineOffer, agreed: TakenLine, ends: Ends, direction: str, more: tuple[str, ...]) -> list[str]:
    payload_types = [
        number
        for name, first in agreed.payload_types.items()
        for number in (first, agreed.retransmissions.get(name))
        if number is not None
    ]
    codecs = {codec.payload_type: codec for codec in line.codecs}
    text = [
        f"m={line.kind} {ends.port} {line.protocol} " + " ".join(map(str, payload_types)),
        "c=IN IP4 " + next((address for address in ends.addresses if ":" not in address), "0.0.0.0"),  # noqa: S104 # no address is bound here
        *([f"a=mid:{line.mid}"] if line.mid else []),
        f"a={direction}",
        f"a=ice-ufrag:{ends.ufrag}",
        f"a=ice-pwd:{ends.pwd}",
        *(f"a=fingerprint:{fingerprint}" for fingerprint in ends.fingerprints),
        "a=setup:passive",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(
            f"a=candidate:{number} 1 udp {2130706431 - number} {address} {ends.port} typ host"
            for number, address in enumerate(ends.addresses, 1)
        ),
        "a=end-of-candidates",
    ]
    for uri, number in agreed.extensions.items():
        told = f"/{direction}" if line.extensions[uri][1] else ""
        text.append(f"a=extmap:{number}{told} {uri}")
    for payload_type in payload_types:
        text += _codec(codecs[payload_type], more)
    if agreed.rids:
        text += [f"a=rid:{rid} recv" for rid in agreed.rids]
        text.append("a=simulcast:recv " + ";".join(agreed.rids))
    return text


def _codec(codec: Codec, more: tuple[str, ...]) -> list[str]:
    number = codec.payload_type
    if codec.name == "rtx":
        return [f"a=rtpmap:{number} rtx/90000", f"a=fmtp:{number} apt={codec.parameters['apt']}"]
    feedback = [
        f"a=rtcp-fb:{number} {said}"
        for said in (*_FEEDBACK, *more)
        if said in codec.feedback and (codec.name != "opus" or said == "transport-cc")
    ]
    if codec.name == "opus":
        stereo = ";stereo=1" if codec.parameters.get("stereo") == "1" else ""
        return [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} minptime=10;useinbandfec=1{stereo}", *feedback]
    if codec.name == "vp8":
        return [f"a=rtpmap:{number} VP8/90000", *feedback]
    profile = codec.parameters["profile-level-id"]
    told = f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"
    return [f"a=rtpmap:{number} H264/90000", f"a=fmtp:{number} {told}", *feedback]


def _streams(agreed: TakenLine, streams: SlotStreams) -> list[str]:
    """Every slot is a stream of its own to the browser: what is in it changes, so nothing is played in step with it."""
    told = f"{agreed.slot} {agreed.slot}"
    text = [f"a=msid:{told}"]
    ssrcs = [streams.ssrc]
    if agreed.retransmissions:
        ssrcs.append(streams.retransmissions)
        text.append(f"a=ssrc-group:FID {streams.ssrc} {streams.retransmissions}")
    for ssrc in ssrcs:
        text += [f"a=ssrc:{ssrc} cname:{agreed.slot}", f"a=ssrc:{ssrc} msid:{told}"]
    return text
