"""What can be wrong with a link, in words for the one who pasted it."""

from __future__ import annotations

from app.core.errors import UndertoneError


class LinkError(UndertoneError):
    """The link could not be used."""


class NotALink(LinkError):
    """There is no Undertone link in this text. Paste the text that begins with undertone://call/."""


class LinkTruncated(LinkError):
    """The end of the link is missing. Copy the whole link and paste it again."""


class LinkAltered(LinkError):
    """The link was changed on its way. Ask for it to be sent again, and paste it unchanged."""


class LinkVersionUnsupported(LinkError):
    """The link is from another version of Undertone. Use the same version on both sides."""


class LinkExpired(LinkError):
    """The link has expired. Ask for a new one."""


class WrongLinkKind(LinkError):
    """This is the wrong one of the two links of a call."""


class AnswerForAnotherCall(LinkError):
    """This answer belongs to another call. Ask for the answer to the invite you sent last."""


class OwnLink(LinkError):
    """This is the link you made yourself. Send it to the other person, and paste theirs here."""


class LinkTooLong(LinkError):
    """The connection details do not fit a link."""
