"""The closed family of refusals: an expected no, with a public reason and a safe detail.

    Refusal                     an expected no
    ├── Malformed               the request cannot be read
    ├── Unauthenticated         nobody we can recognise
    ├── Forbidden               recognised, and not allowed
    ├── Missing                 not here, said to those who may know
    ├── MethodNotAllowed        this target does not do that
    ├── NotAcceptable           no representation fits
    ├── Conflict                the state does not allow it
    ├── Gone                    was here, is ended
    ├── PreconditionFailed      If-Match and its kin
    ├── TooLarge                a size limit
    ├── UnsupportedMedia        a media type we do not read here
    ├── Unprocessable           well-formed, and wrong
    ├── TooMany                 a rate limit
    ├── OverQuota               the pod is full
    ├── Unavailable             ours to mend, try later
    └── OAuthRefusal            the RFCs' own codes; maps to JSON or to a redirect

A refusal has no status code: web/responses.py holds the one table class → status. `reason` is a stable slug
(`grant-revoked`) that programs may match; `detail` is one sentence that tells no secret; `facts` are public members
added to the problem document (RFC 9457 §3.2). The cause of a refusal stays in the log.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """An expected no. Raise a subclass."""

    def __init__(self, reason: str, detail: str = "", *, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.facts: Mapping[str, object] = facts or {}


class Malformed(Refusal):
    """The request cannot be read."""


class Unauthenticated(Refusal):
    """No credentials where some are needed, or credentials that do not hold.

    `error` is the code of RFC 6750 §3.1 or RFC 9449 §7.1 (`invalid_token`, `invalid_dpop_proof`), None when the
    request carried no credentials at all.
    """

    def __init__(
        self, reason: str, detail: str = "", *, error: str | None = None, facts: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(reason, detail, facts=facts)
        self.error = error


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class InsufficientScope(Forbidden):
    """The access token holds, and was not given for this (RFC 6750 §3.1)."""


class Missing(Refusal):
    """There is nothing here, said only to those who may know."""


class MethodNotAllowed(Refusal):
    """This target does not support the method; `allowed` goes into the Allow header (RFC 9110 §15.5.6)."""

    def __init__(self, reason: str, detail: str = "", *, allowed: tuple[str, ...]) -> None:
        super().__init__(reason, detail)
        self.allowed = allowed


class NotAcceptable(Refusal):
    """No representation of this resource fits the Accept header."""


class Conflict(Refusal):
    """The state of the target does not allow the change."""


class Gone(Refusal):
    """It was here, and it has ended."""


class PreconditionFailed(Refusal):
    """If-Match, If-None-Match or If-Unmodified-Since did not hold (RFC 9110 §13)."""


class TooLarge(Refusal):
    """More bytes than the limit for this kind of body."""


class UnsupportedMedia(Refusal):
    """A media type that is not read here; `accepted` names those that are."""

    def __init__(self, reason: str, detail: str = "", *, accepted: tuple[str, ...] = ()) -> None:
        super().__init__(reason, detail)
        self.accepted = accepted


class Unprocessable(Refusal):
    """Well-formed, and still not something we can act on."""


class TooMany(Refusal):
    """Too many requests; `retry_after` in whole seconds."""

    def __init__(self, reason: str, detail: str = "", *, retry_after: int) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after


class OverQuota(Refusal):
    """The pod has no room for this."""


class Unavailable(Refusal):
    """Ours to mend; the caller may try again after `retry_after` seconds."""

    def __init__(self, reason: str, detail: str = "", *, retry_after: int = 5) -> None:
        super().__init__(reason, detail)
        self.retry_after = retry_after


class OAuthRefusal(Refusal):
    """An error of RFC 6749 §4.1.2.1 or §5.2, RFC 7591 §3.2.2, RFC 9449 §5: `reason` is the RFC's own error code.

    At the token and registration endpoints it becomes JSON; at the authorization endpoint a redirect, but only after
    the redirect URI has been checked.
    """
