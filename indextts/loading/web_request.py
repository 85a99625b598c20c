"""Answers of web servers as downloads need them: one scheme from first to last, a token that stays where it was sent.

urllib's usual opener would also read `file:` and `ftp:` addresses and carry a token along to wherever it is sent on.
"""

import ssl
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage, HTTPResponse
from typing import IO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

SCHEMES = ("http", "https")


def open_url(url: str, headers: Mapping[str, str], secret_headers: Mapping[str, str], timeout: float) -> HTTPResponse:
    """The answer to a GET of `url`, its body still to be read. `secret_headers` follow no redirect.

    Raises `URLError`, `HTTPError`, `HTTPException` or another `OSError`; also where `url`, or what it is redirected
    to, is of another scheme than http and https, or not of its first one.
    """
    request = urllib.request.Request(url, headers=dict(headers))
    for name, value in secret_headers.items():
        request.add_unredirected_header(name, value)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_make_tls_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameSchemeRedirects(),
    ):
        opener.add_handler(handler)
    return cast(HTTPResponse, opener.open(request, timeout=timeout))


def check_same_scheme(url: str, target: str) -> None:
    """Raises `URLError` where `target`, to which `url` sends on, is reached in another way than `url`."""
    scheme, other = urlsplit(url).scheme, urlsplit(target).scheme
    if other != scheme or other not in SCHEMES:
        raise URLError(f"got a redirect from {scheme}: to {other[:20]}:, expected {scheme}: throughout")


class _SameSchemeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        try:
            check_same_scheme(req.full_url, newurl)
        except URLError as error:  # as an answer of its status, which trying again would not change
            raise HTTPError(req.full_url, code, str(error.reason), headers, fp) from error
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _make_tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:  # Python from python.org on macOS brings no certificates
        import certifi

        context.load_verify_locations(certifi.where())
    return context
