"""Where objects are kept, as one URL says it: a folder, or a bucket with the credentials for it."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

SCHEMES = ("file", "s3", "gs", "az")
_ALLOWED = {
    "file": frozenset[str](),
    "s3": frozenset({"endpoint", "region", "token"}),
    "gs": frozenset({"key", "endpoint"}),
    "az": frozenset({"endpoint"}),
}


@dataclass(frozen=True)
class ObjectUrl:
    """A folder (`file`), or a bucket or container with a prefix. `key_id` and `secret` are credentials: never log one."""

    scheme: str
    bucket: str = ""
    prefix: str = ""
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str | None = field(default=None, repr=False)
    endpoint: str = ""
    region: str = "us-east-1"

    @property
    def folder(self) -> Path:
        """The folder of a `file` URL."""
        return Path("/", self.prefix)


def parse_object_url(url: str) -> ObjectUrl:
    """What the URL says. Raises ValueError, with a sentence that holds no credential.

    `file:///var/lib/lyceum/objects` · `s3://KEY:SECRET@bucket/prefix?endpoint=https://…&region=eu-central-1` ·
    `gs://bucket/prefix?key=<service account, as JSON in base64>` · `az://ACCOUNT:KEY@container/prefix`
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or "://" not in url:
        raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
    prefix = unquote(parts.path).strip("/")
    if ".." in prefix.split("/"):
        raise ValueError("must not name a folder above")
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    strangers = sorted(set(said) - _ALLOWED[parts.scheme])
    if strangers:
        raise ValueError(f"does not know {', '.join(strangers)[:100]}")
    if parts.scheme == "file":
        if parts.netloc or not prefix:
            raise ValueError("must name a folder of this machine: file:///path/to/folder")
        return ObjectUrl("file", prefix=prefix)
    return _bucket(parts.scheme, parts.netloc, prefix, said)


def _bucket(scheme: str, netloc: str, prefix: str, said: dict[str, str]) -> ObjectUrl:
    credentials, _, bucket = netloc.rpartition("@")
    key_id, _, secret = credentials.partition(":")
    key_id, secret = unquote(key_id), unquote(secret) or said.get("key", "")
    if not bucket:
        raise ValueError(f"must name a bucket: {scheme}://…@bucket")
    if not secret or (scheme != "gs" and not key_id):
        raise ValueError(
            f"must carry its credentials: {'gs://bucket?key=…' if scheme == 'gs' else f'{scheme}://KEY:SECRET@bucket'}"
        )
    region = said.get("region", "us-east-1")
    endpoint = said.get("endpoint", "").rstrip("/") or (f"https://s3.{region}.amazonaws.com" if scheme == "s3" else "")
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError("must have an endpoint that starts with https:// or http://")
    return ObjectUrl(scheme, bucket, prefix, key_id, secret, said.get("token"), endpoint, region)
