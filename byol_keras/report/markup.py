"""HTML from trusted tags and untrusted text: everything that is not already markup is escaped."""

import html
import unicodedata

__all__ = ["Html", "command", "join", "readable", "tag"]

# A text that is longer is no text for a page.
LONGEST = 20_000

VOID = {"img", "meta"}

# Of what shows nothing: what lines and words are made of, in Persian and in emoji too.
_HARMLESS = "\t\n\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}\N{SOFT HYPHEN}"


class Html(str):
    """Text that is markup already and passes into a page as it is; any other value is escaped.

    Only this package makes it: from tags, from its own drawings, never from what a file said.

    Example:
    >>> str(tag("p", "<script>", Html("<b>bold</b>")))
    '<p>&lt;script&gt;<b>bold</b></p>'
    """

    __slots__ = ()


def readable(value: object, limit: int = 500) -> str:
    r"""A value as text that any browser and any UTF-8 file takes, cut at `limit` characters.

    Control characters, marks that reverse what follows, and lone surrogates (undecodable file names have them)
    become U+FFFD.

    Example:
    >>> readable("a\x00b\udcff" + "c" * 10, limit=6)
    'a\ufffdb\ufffdcc…'
    """
    text = str(value)
    kept = "".join(_visible(character) for character in text[:limit])
    return kept + "…" if len(text) > limit else kept


def _visible(character: str) -> str:
    """The character, unless it shows nothing (control), turns its neighbours around (format), or is half of one."""
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") and character not in _HARMLESS
    return "\N{REPLACEMENT CHARACTER}" if hidden else character


def join(*parts: object) -> Html:
    """The parts one after another, each escaped unless it is markup."""
    return Html("".join(part if isinstance(part, Html) else html.escape(readable(part, LONGEST)) for part in parts))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """One element. Attributes are escaped too; `class_` is `class`, `aria_label` is `aria-label`.

    Args:
        name: the element's name.
        *children: markup, or text that will be escaped.
        **attributes: by name; one that is None is left out.

    Example:
    >>> str(tag("img", alt='"quoted"', src=None))
    '<img alt="&quot;quoted&quot;">'
    """
    described = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{described}>" if name in VOID else f"<{name}{described}>{join(*children)}</{name}>")


def command(words: str) -> Html:
    """A line for the shell. Lines break between its words only, not at the hyphens of `--flag`."""
    spans = (tag("span", word) for word in words.split(" "))
    return tag("code", Html(" ".join(spans)), class_="command")


def _attribute(value: object) -> str:
    # A picture's data URI is long, and ours.
    return value if isinstance(value, Html) else html.escape(readable(value, LONGEST))
