/** How loud a microphone is, for the meter before joining. */

/** Root mean square of samples centred on 128, as a share that looks even: 0 silence, 1 as loud as it gets. */
export function levelOf(samples: Uint8Array): number {
  let sum = 0;
  for (const sample of samples) sum += ((sample - 128) / 128) ** 2;
  const loud = Math.sqrt(sum / Math.max(1, samples.length));
  const decibels = 20 * Math.log10(Math.max(loud, 1e-4));
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}

const EVERY_MS = 80;

/** Tells the level about twelve times a second until the returned function is called. */
export function meter(track: MediaStreamTrack, told: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Uint8Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getByteTimeDomainData(samples);
    told(levelOf(samples));
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
