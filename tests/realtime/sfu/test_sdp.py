"""Answers to offers recorded from Chromium 156 and Firefox 153, to aiortc's, to OBS-like ones, and to what is no offer."""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from realtime.sfu.offers import MOST_CHARACTERS, MOST_LINES, MOST_ROWS
from realtime.sfu.sdp import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    TRANSPORT_CC,
    BadOffer,
    Ends,
    SlotStreams,
    answer_publisher,
    answer_viewer,
    read_offer,
    take_publisher,
    take_viewer,
)
from realtime.sfu.slots import CAMERAS, LOUDEST, MAIN, MICROPHONES, SCREEN

OFFERS = Path(__file__).parent / "offers"
RECORDED = sorted(path.stem for path in OFFERS.glob("*.sdp"))
ENDS = Ends("ourUfrag", "p" * 32, ("sha-256 " + ":".join(["AB"] * 32),), ("192.0.2.7", "2001:db8::7"), 5004)
SLOTS = {
    name: SlotStreams(1000 + number, 2000 + number)
    for number, name in enumerate((SCREEN, *CAMERAS, *MICROPHONES, MAIN, LOUDEST))
}
OBS = """v=0
o=rtc 3299573271 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:8Q1r
a=ice-pwd:OXnBTfHFDPcTZQFNXHcLXs
a=ice-options:ice2,trickle
a=fingerprint:sha-256 {fingerprint}
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=ssrc:1392331600 cname:obs
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=ssrc:1392331601 cname:obs
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
""".format(fingerprint=":".join(["0F"] * 32))


def recorded(name: str) -> str:
    return (OFFERS / f"{name}.sdp").read_text().replace("\n", "\r\n")


def answer(name: str, text: str) -> str:
    offer = read_offer(text)
    if "watch" in name or "whep" in name:
        return answer_viewer(offer, ENDS, SLOTS)
    return answer_publisher(offer, ENDS)


def of_line(text: str, number: int) -> str:
    return re.split(r"(?m)^m=", text)[number + 1]


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_has_the_lines_of_its_offer_and_offers_nothing_new(name: str) -> None:
    text = recorded(name)
    offered, answered = SessionDescription.parse(text), SessionDescription.parse(answer(name, text))
    assert [(line.kind, line.rtp.muxId) for line in answered.media] == [
        (line.kind, line.rtp.muxId) for line in offered.media
    ]
    assert answered.group[0].items == [line.rtp.muxId for line in answered.media if line.port]
    for ours, theirs in zip(answered.media, offered.media, strict=True):
        types = {codec.payloadType: (codec.mimeType, codec.clockRate) for codec in theirs.rtp.codecs}
        assert {codec.payloadType: (codec.mimeType, codec.clockRate) for codec in ours.rtp.codecs}.items() <= types.items()
        feedback = {
            codec.payloadType: {(said.type, said.parameter) for said in codec.rtcpFeedback} for codec in theirs.rtp.codecs
        }
        for codec in ours.rtp.codecs:
            assert {(said.type, said.parameter) for said in codec.rtcpFeedback} <= feedback[codec.payloadType]
        assert (ours.direction, theirs.direction) in {("recvonly", "sendonly"), ("sendonly", "recvonly")}
        assert (ours.ice.usernameFragment, ours.ice.password) == (ENDS.ufrag, ENDS.pwd)
        assert [(candidate.ip, candidate.port) for candidate in ours.ice_candidates] == [
            ("192.0.2.7", 5004),
            ("2001:db8::7", 5004),
        ]
        assert ours.dtls is not None
        assert ours.dtls.role == "server"
    assert answered.media[0].ice.iceLite


@pytest.mark.parametrize("name", [name for name in RECORDED if "publish" in name or "screen" in name])
def test_a_publisher_is_taken_in_opus_and_vp8(name: str) -> None:
    text = recorded(name)
    offer = read_offer(text)
    taken = take_publisher(offer)
    assert all(taken)
    by_kind = {line.kind: line for line in taken if line}
    assert list(by_kind["audio"].payload_types) == ["opus"]
    assert {AUDIO_LEVEL, TRANSPORT_CC} <= set(by_kind["audio"].extensions)
    if "video" in by_kind:
        video = by_kind["video"]
        assert list(video.payload_types) == ["vp8"]
        assert list(video.retransmissions) == ["vp8"]
        assert {TRANSPORT_CC, ABS_SEND_TIME} <= set(video.extensions)
        said = of_line(answer_publisher(offer, ENDS), 1)
        for feedback in ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"):
            assert f"a=rtcp-fb:{video.payload_types['vp8']} {feedback}\r\n" in said


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_simulcast_is_received_in_the_order_offered(browser: str) -> None:
    offer = read_offer(recorded(f"{browser}-publish-simulcast"))
    audio, video = take_publisher(offer)
    assert audio is not None
    assert video is not None
    assert (audio.rids, video.rids) == ((), ("low", "high"))
    said = answer_publisher(offer, ENDS)
    assert "a=rid:low recv\r\na=rid:high recv\r\na=simulcast:recv low;high\r\n" in said
    plain = read_offer(recorded(f"{browser}-publish"))
    assert [line.rids for line in take_publisher(plain) if line] == [(), ()]
    assert "simulcast" not in answer_publisher(plain, ENDS)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_eleven_lines_are_the_slots_of_a_class_in_their_order(browser: str) -> None:
    offer = read_offer(recorded(f"{browser}-watch"))
    taken = [line for line in take_viewer(offer) if line]
    assert [line.slot for line in taken] == [SCREEN, *CAMERAS, *MICROPHONES]
    assert all(TRANSPORT_CC not in line.extensions for line in taken)
    said = answer_viewer(offer, ENDS, SLOTS)
    for number, line in enumerate(taken):
        section = of_line(said, number)
        streams = SLOTS[line.slot]
        assert f"a=msid:{line.slot} {line.slot}\r\n" in section
        assert f"a=ssrc:{streams.ssrc} cname:" in section
        assert (f"a=ssrc-group:FID {streams.ssrc} {streams.retransmissions}\r\n" in section) == (line.kind == "video")
    assert len(set(re.findall(r"a=msid:(\S+)", said))) == 11


def test_chromium_watches_vp8_and_h264_with_retransmissions_of_both() -> None:
    video = take_viewer(read_offer(recorded("chromium-watch")))[0]
    assert video is not None
    assert list(video.payload_types) == ["vp8", "h264"]
    assert list(video.retransmissions) == ["vp8", "h264"]
    section = of_line(answer("watch", recorded("chromium-watch")), 0)
    assert "profile-level-id=42e01f" in section
    for codec, number in video.retransmissions.items():
        assert f"a=fmtp:{number} apt={video.payload_types[codec]}\r\n" in section


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_plain_player_has_main_and_loudest(browser: str) -> None:
    taken = take_viewer(read_offer(recorded(f"{browser}-whep")))
    assert [line.slot for line in taken if line] == [LOUDEST, MAIN]


def test_lines_that_have_no_slot_are_rejected_in_their_place() -> None:
    offer = read_offer(recorded("chromium-watch"))
    said = answer_viewer(offer, ENDS, {SCREEN: SLOTS[SCREEN], "microphone-1": SLOTS["microphone-1"]})
    ports = [line.port for line in SessionDescription.parse(said).media]
    assert [number for number, port in enumerate(ports) if port] == [0, 6]
    assert "a=group:BUNDLE 0 6\r\n" in said
    with pytest.raises(BadOffer, match="Nothing that the offer could receive"):
        answer_viewer(offer, ENDS, {})


def test_obs_is_taken_in_h264() -> None:
    taken = take_publisher(read_offer(OBS))
    assert [dict(line.payload_types) for line in taken if line] == [{"opus": 111}, {"h264": 96}]
    said = answer_publisher(read_offer(OBS), ENDS)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n" in said
    assert "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n" in said
    assert "transport-cc" not in said


def test_a_second_line_of_a_kind_and_data_channels_are_rejected() -> None:
    text = OBS.replace("BUNDLE 0 1", "BUNDLE 0 1 2 3")
    text += of_line_as_text(text, 1, "2") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=mid:3\n"
    said = answer_publisher(read_offer(text), ENDS)
    assert re.findall(r"(?m)^m=(.*)\r", said) == [
        "audio 5004 UDP/TLS/RTP/SAVPF 111",
        "video 5004 UDP/TLS/RTP/SAVPF 96",
        "video 0 UDP/TLS/RTP/SAVPF 96",
        "application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert "a=group:BUNDLE 0 1\r\n" in said


def of_line_as_text(text: str, number: int, mid: str) -> str:
    return "m=" + of_line(text, number).replace("a=mid:1", f"a=mid:{mid}")


@pytest.mark.parametrize("kind", ["publish", "watch"])
async def test_aiortc_takes_our_answer(kind: str) -> None:
    connection = RTCPeerConnection()
    try:
        for media in ("audio", "video"):
            connection.addTransceiver(media, direction="sendonly" if kind == "publish" else "recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        said = answer(kind, connection.localDescription.sdp)
        await connection.setRemoteDescription(RTCSessionDescription(said, "answer"))
        assert connection.signalingState == "stable"
    finally:
        await connection.close()


REFUSED = {
    "no SDP": ("hello", "begins with v=0"),
    "no lines": (OBS.split("m=")[0], "no media line"),
    "no bundle": (OBS.replace("a=group:BUNDLE 0 1\n", ""), "bundle them"),
    "no rtcp-mux": (OBS.replace("a=rtcp-mux\n", ""), "a=rtcp-mux"),
    "no credentials": (OBS.replace("a=ice-pwd:OXnBTfHFDPcTZQFNXHcLXs\n", ""), "ICE credentials"),
    "no fingerprint": (re.sub("a=fingerprint.*\n", "", OBS), "fingerprint"),
    "SHA-1": (OBS.replace("sha-256", "sha-1"), "SHA-256 or better"),
    "passive": (OBS.replace("setup:actpass", "setup:passive"), "a=setup:active"),
    "one mid twice": (OBS.replace("a=mid:1", "a=mid:0"), "mid of its own"),
    "a long mid": (OBS.replace("a=mid:1", "a=mid:" + "x" * 17), "longer than 16"),
    "a broken line": (OBS.replace("m=video 9", "m=video nine"), "cannot be read"),
    "a line without formats": (OBS.replace("SAVPF 96", "SAVPF"), "no formats"),
    "H.265": (OBS.replace("H264", "H265"), "VP8 or as H"),
    "H.264 in packetization-mode 0": (OBS.replace("packetization-mode=1", "packetization-mode=0"), "packetization-mode 1"),
    "H.264 high": (OBS.replace("42e01f", "64001f"), "constrained baseline"),
    "who only receives": (OBS.replace("sendonly", "recvonly"), "sends neither"),
    "a thousand lines": (OBS + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 1000, f"more than {MOST_LINES} media lines"),
    "many rows": (OBS + "a=x\n" * MOST_ROWS, "rows"),
    "many characters": (OBS + "a=" + "x" * MOST_CHARACTERS, "characters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_answered_is_refused_with_a_sentence(case: str) -> None:
    text, sentence = REFUSED[case]
    with pytest.raises(BadOffer, match=sentence):
        answer_publisher(read_offer(text), ENDS)


def test_a_viewer_with_unknown_codecs_is_told_which_are_known() -> None:
    with pytest.raises(BadOffer, match="VP8 or as H"):
        take_viewer(read_offer(OBS.replace("sendonly", "recvonly").replace("H264", "AV1").replace("opus", "lyra")))
    with pytest.raises(BadOffer, match="recvonly"):
        take_viewer(read_offer(OBS))


@pytest.mark.parametrize("break_", ["\r", "\r\r", "\x0b", "\u2028"])
def test_nothing_of_an_offer_breaks_out_of_its_row(break_: str) -> None:
    with pytest.raises(BadOffer, match="strange"):
        read_offer(OBS.replace("a=mid:1", f"a=mid:1{break_}a=ice-lite"))
    text = recorded("chromium-publish-simulcast").replace("send low;high", f"send low{break_}a=inactive;high")
    said = answer_publisher(read_offer(text.replace("a=rid:low", f"a=rid:low{break_}a=inactive")), ENDS)
    assert "inactive" not in said


def refusal_or(answering: Callable[[], str]) -> str:
    """The answer, or the sentence with which it was refused; anything else that is raised fails the test."""
    try:
        return answering()
    except BadOffer as refused:
        return str(refused)


nonsense = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.sampled_from(RECORDED), st.integers(0, 1 << 32), st.lists(nonsense, max_size=4))
def test_offers_that_were_tampered_with_are_answered_or_refused_by_name(name: str, seed: int, words: list[str]) -> None:
    chance = random.Random(seed)
    rows = (OFFERS / f"{name}.sdp").read_text().split("\n")
    for word in words:
        at = chance.randrange(len(rows))
        row = rows[at]
        change = chance.randrange(5)
        if change == 0:
            rows[at] = row[: chance.randrange(len(row) + 1)] + word
        elif change == 1:
            rows[at] = row.partition(":")[0] + ":" + word
        elif change == 2:
            rows[at] = row.replace(" ", " " + word + " ")
        elif change == 3:
            del rows[at : at + chance.randrange(30)]
            rows = rows or ["v=0"]
        else:
            rows.insert(at, "m=" + word)
    text = "\n".join(rows)
    said = refusal_or(lambda: answer(name, text))
    if said.startswith("v=0"):
        assert all(re.match(r"[a-z]=", row) for row in said.removesuffix("\r\n").split("\r\n"))


@given(nonsense)
def test_no_text_at_all_raises_anything_else(text: str) -> None:
    for candidate in (text, "v=0\n" + text, OBS.split("m=")[0] + "m=" + text, OBS + "a=" + text):
        assert refusal_or(lambda candidate=candidate: answer("publish", candidate))
        assert refusal_or(lambda candidate=candidate: answer("watch", candidate))


@pytest.mark.parametrize(
    "row",
    ["m=video 9 UDP/TLS/RTP/SAVPF" + " 96" * 20_000, "a=simulcast:send " + ";" * 60_000, "a=rtpmap:96 " + "A" * 60_000],
)
def test_the_largest_offers_cost_little(row: str) -> None:
    began = time.process_time()
    assert refusal_or(lambda: answer("publish", OBS + row))
    assert time.process_time() - began < 1.0
