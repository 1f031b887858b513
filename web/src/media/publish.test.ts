import { expect, test } from "vitest";
import { vp8First } from "./publish";

test("VP8 comes first, and nothing is lost or put out of order", () => {
  const codecs = ["video/H264", "video/rtx", "video/VP8", "video/VP9"].map((mimeType) => ({ mimeType }));
  expect(vp8First(codecs).map((codec) => codec.mimeType)).toEqual([
    "video/VP8",
    "video/H264",
    "video/rtx",
    "video/VP9",
  ]);
});
