"""A media server records a real Chromium, whose pictures change their size; the film is in step, and plays."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from playwright.async_api import Page

from realtime.sfu.desk import Verdict
from realtime.sfu.layers import HIGH, LOW
from realtime.sfu.slots import MAIN
from tests.end_to_end.browser.clapper import CLAPPER
from tests.end_to_end.browser.conftest import browser_with
from tests.end_to_end.browser.film_player import PLAY
from tests.end_to_end.films import holds_together, look_at, offsets
from tests.realtime.sfu.media_clients import CLASS, who
from tests.realtime.sfu.raw_client import until
from tests.realtime.sfu.stage import RECORDING, Stage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

DESK = """
() => {
  let step = 0;
  const screen = Object.assign(document.createElement("canvas"), { width: 960, height: 540 });
  const ink = screen.getContext("2d");
  setInterval(() => {
    ink.fillStyle = "#333";
    ink.fillRect(0, 0, 960, 540);
    ink.fillStyle = "#777";
    ink.fillRect((step += 3) % 960, 0, 30, 30);
  }, 50);
  window.desk = screen.captureStream(15);
}
"""
"""A screen of another size, which is grey."""

OFFER = """async ([name, codec, rids]) => {
  const connection = (window[name] = new RTCPeerConnection());
  const from = name === "camera" ? clap().pictures : desk;
  const sendEncodings = rids.length
    ? [{ rid: "low", scaleResolutionDownBy: 4, maxBitrate: 150_000 }, { rid: "high", maxBitrate: 1_200_000 }]
    : [{ maxBitrate: 1_200_000 }];
  const line = connection.addTransceiver(from.getVideoTracks()[0], { direction: "sendonly", sendEncodings });
  const known = RTCRtpSender.getCapabilities("video").codecs;
  line.setCodecPreferences(known.filter((one) => one.mimeType === codec));
  connection.pictures = line.sender;
  if (name === "camera") connection.addTransceiver(clap().sounds.getAudioTracks()[0], { direction: "sendonly" });
  await connection.setLocalDescription();
  return connection.localDescription.sdp;
}"""

HIGH_LAYER = """async (on) => {
  const wanted = camera.pictures.getParameters();
  wanted.encodings.find((one) => one.rid === "high").active = on;
  await camera.pictures.setParameters(wanted);
}"""

ADDRESS = """async ([film, type]) => {
  const bytes = Uint8Array.from(atob(film), (one) => one.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty page of a browser."""
    async with browser_with("--autoplay-policy=no-user-gesture-required") as browser:
        yield await browser.new_page()


async def publish(stage: Stage, page: Page, source: str, codec: str, rids: list[str]) -> str:
    """The id of the session."""
    offer = await page.evaluate(OFFER, [source, codec, rids])
    opened = await stage.server.publish(who("teacher", source=source), offer)
    await page.evaluate(
        "([name, sdp]) => window[name].setRemoteDescription({ type: 'answer', sdp })", [source, opened.answer]
    )
    return opened.media_id


async def more(stage: Stage, pieces: int) -> None:
    """Until so many more pieces are stored."""
    await stage.until(len(await stage.pieces()) + pieces)


@pytest.mark.parametrize("codec", ["video/VP8", "video/H264"])
async def test_a_browser_is_recorded_in_step_while_the_size_of_its_pictures_changes(
    stage: Stage, page: Page, codec: str, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """In VP8 by a layer that stops, in H.264 (which has none) by a screen."""
    server, rids = stage.server, ["low", "high"] if codec == "video/VP8" else []
    await page.evaluate(f"() => {{ {CLAPPER} }}")
    await page.evaluate(DESK)
    await publish(stage, page, "camera", codec, rids)
    await until(lambda: CLASS in server._rooms and server._rooms[CLASS].holds.get(MAIN))
    room = server._rooms[CLASS]
    stage.desk.verdict = Verdict(recording=RECORDING)
    await more(stage, 3)
    if rids:
        await page.evaluate(HIGH_LAYER, arg=False)
        await until(lambda: room.best_layer(MAIN, time.monotonic()) == LOW)
        await more(stage, 3)
        await page.evaluate(HIGH_LAYER, arg=True)
        await until(lambda: room.best_layer(MAIN, time.monotonic()) == HIGH)
    else:
        screen = await publish(stage, page, "screen", codec, [])
        await until(lambda: room.holds.get(MAIN) == ("teacher", "screen"))
        await more(stage, 3)
        await server.close_session(CLASS, screen, "teacher")
    await more(stage, 3)
    stage.desk.verdict = Verdict()
    await stage.until_quiet()

    path, name = tmp_path / "film", "vp8" if rids else "h264"
    joined = await stage.join(name, path)
    film = await asyncio.to_thread(look_at, path)
    apart = offsets(film.flashes, film.beeps)
    told = f"{codec}: {film.seconds:.1f} s, {film.sizes}; {len(film.flashes)} flashes, {len(film.beeps)} beeps"
    told += f", sound later by {median(apart[:4]):.3f} s, at the end {median(apart[-4:]):.3f} s"
    record_property("film", told)
    address = await page.evaluate(ADDRESS, [base64.b64encode(path.read_bytes()).decode(), joined.content_type])
    played = await page.evaluate(PLAY, address)
    with capsys.disabled():
        print(f"\n{told}; played: {played}")
    holds_together(film, name)
    assert len(film.sizes) >= 2
    assert not rids or any(width < 320 for width, _ in film.sizes)
    assert abs(median(apart[:4])) < 0.25
    assert abs(median(apart[-4:])) < 0.25
    assert played["end"] == pytest.approx(film.seconds, abs=0.2)
    assert played["sought"] == pytest.approx(0.6, abs=0.05)
    assert len(set(played["widths"])) >= 2
