/** Saves what the API answers as a file; a plain link could not be signed in. */

import { fetchSignedIn } from "./client";
import { problemOf } from "./problem";

export async function download(path: string, filename: string, accept = "*/*"): Promise<void> {
  const response = await fetchSignedIn(new Request(new URL(path, location.origin), { headers: { Accept: accept } }));
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
