"""Plays a film in a page, as somebody does who looks into it, goes to another place in it, and then sees it all."""

PLAY = """async (address) => {
  const film = Object.assign(document.createElement("video"), { muted: true });
  document.body.append(film);
  const happens = (name) => new Promise((done, failed) => {
    film.addEventListener(name, () => done(), { once: true });
    film.addEventListener("error", () => failed(new Error(film.error.message)), { once: true });
  });
  const reaches = (at) => new Promise((done, failed) => {
    film.addEventListener("timeupdate", () => film.currentTime >= at && done());
    film.addEventListener("error", () => failed(new Error(film.error.message)), { once: true });
  });
  const known = happens("loadedmetadata");
  film.src = address;
  await known;
  const found = { seconds: film.duration, widths: [film.videoWidth] };
  film.addEventListener("resize", () => found.widths.push(film.videoWidth));

  const begun = reaches(0.5);
  await film.play();
  await begun;
  found.played = film.currentTime;
  film.pause();

  const sought = happens("seeked");
  film.currentTime = film.duration * 0.6;
  await sought;
  found.sought = film.currentTime / film.duration;
  found.shown = film.getVideoPlaybackQuality().totalVideoFrames;

  const playsToItsEnd = async () => {
    const ended = happens("ended");
    await film.play();
    await ended;
  };
  film.playbackRate = 4;
  await playsToItsEnd();
  found.decoded = film.getVideoPlaybackQuality().totalVideoFrames;
  await playsToItsEnd();  // what has ended begins anew
  found.end = film.currentTime;
  film.remove();
  return found;
}"""
"""Answers `{ seconds, widths, played, sought, shown, decoded, end }`: how long the film says it is and which widths its
pictures had, in their order; where it was in seconds after its first half second; at which share of it the entry in its
middle was, how many pictures had been decoded until then and until the end that followed; and where it ended."""
