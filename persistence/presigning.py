"""Requests to S3 that carry their permission in the query (AWS Signature Version 4).

The object library signs the host alone. Here type, size and SHA-256 of an upload are signed as well, so that S3 takes
nothing else, and how a download is to be shown.
"""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from classroom.times import Moment, to_datetime
from persistence.object_urls import ObjectUrl

_ALGORITHM = "AWS4-HMAC-SHA256"


def presign(
    store: ObjectUrl,
    method: str,
    key: str,
    seconds: int,
    now: Moment,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """A URL with which anybody may do this one thing for `seconds`. `headers` (in lower case) must be sent exactly so.

    Source: AWS, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
    """
    endpoint = urlsplit(store.endpoint)
    path = quote("/".join(part for part in (endpoint.path.strip("/"), store.bucket, store.prefix, key) if part))
    at = to_datetime(now).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{store.region}/s3/aws4_request"
    signed = dict(sorted({"host": endpoint.netloc, **(headers or {})}.items()))
    asked = {
        **(query or {}),
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{store.key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": ";".join(signed),
        **({"X-Amz-Security-Token": store.token} if store.token else {}),
    }
    written = "&".join(f"{quote(name, safe='')}={quote(asked[name], safe='')}" for name in sorted(asked))
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in signed.items())
    request = f"{method}\n/{path}\n{written}\n{lines}\n{';'.join(signed)}\nUNSIGNED-PAYLOAD"
    to_sign = f"{_ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signing_key = f"AWS4{store.secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.digest(signing_key, to_sign.encode(), "sha256").hex()
    return f"{endpoint.scheme}://{endpoint.netloc}/{path}?{written}&X-Amz-Signature={signature}"
