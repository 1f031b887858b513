"""A camera and a microphone whose picture and sound tell by themselves whether they are in step."""

CLAPPER = """
window.clap = () => window.clapper ??= (() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const brush = canvas.getContext("2d");
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: 440 });
  const volume = new GainNode(sound, { gain: 0 });
  const out = new MediaStreamAudioDestinationNode(sound);
  tone.connect(volume).connect(out);
  tone.start();
  let step = 0;
  setInterval(() => {
    const on = performance.now() % 1_000 < 200;
    brush.fillStyle = on ? "#fff" : "#000";
    brush.fillRect(0, 0, 640, 360);
    brush.fillStyle = "#777";
    brush.fillRect((step += 3) % 640, 0, 30, 30);
    volume.gain.value = on ? 0.5 : 0;
  }, 20);
  return { pictures: canvas.captureStream(25), sounds: out.stream };
})();
"""
"""`clap()` answers `{ pictures, sounds }`: each second the picture is white and a tone is heard, both for 200 ms."""

AS_DEVICES = (
    CLAPPER
    + """
navigator.mediaDevices.getUserMedia = async ({ video }) => (video ? clap().pictures : clap().sounds);
"""
)
"""The page's camera and microphone are these."""
