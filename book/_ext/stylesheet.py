"""Style sheets without the rules that no page can need: the theme brings ten times what this book uses.

A selector stays if every class in it occurs in a page or as a word in a script. What stands in brackets, as in
`:not(.wide)` or `:is(.a, .b)`, is not looked at, and neither are names of elements: a rule too many does no harm.
"""

import re
from collections.abc import Iterable, Iterator

NESTING = ("@media", "@supports", "@layer", "@container")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/|url\([^)"\']*\)|[{};]', re.DOTALL)
IN_BRACKETS = re.compile(r"\[[^\]]*\]|\([^()]*\)")
CLASS = re.compile(r"\.((?:[\w-]|\\.)+)")


def names(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """All classes that pages have or that scripts could give them.

    >>> sorted(names(['<p class="a b-c">text</p>'], ['p.classList.add("d")']))
    ['a', 'add', 'b-c', 'classList', 'd', 'p']
    """
    in_pages = {name for page in pages for value in re.findall(r'class="([^"]*)"', page) for name in value.split()}
    return in_pages | {word for script in scripts for word in re.findall(r"[\w-]+", script)}


def blocks(css: str) -> Iterator[tuple[str, str | None]]:
    """The rules of a style sheet: what stands before the brace, and between the braces (None for `@import x;`)."""
    depth = start = body = 0
    for token in TOKEN.finditer(css):
        if token[0] == "{":
            depth += 1
            if depth == 1:
                body = token.end()
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                yield css[start : body - 1].strip(), css[body : token.start()]
                start = token.end()
        elif depth == 0 and (token[0] == ";" or (token[0].startswith("/*") and not css[start : token.start()].strip())):
            yield css[start : token.end()].strip(), None
            start = token.end()


def needed(selector: str, known: set[str]) -> bool:
    """Whether all classes of one selector are known.

    >>> needed("p.a:not(.x) > .b:hover", {"a", "b"}), needed("p.a .c", {"a", "b"})
    (True, False)
    """
    while (outside := IN_BRACKETS.sub("", selector)) != selector:
        selector = outside
    return all(re.sub(r"\\(.)", r"\1", name) in known for name in CLASS.findall(selector))


def selectors(prelude: str) -> list[str]:
    """What stands between the commas, those in brackets left alone."""
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", prelude)]


def pruned(css: str, known: set[str]) -> str:
    """A style sheet without rules that need an unknown class, and without comments but those that name a licence.

    >>> pruned("/* x */ .a, .b { color: red } @media print { .b { color: blue } } @import 'y';", {"a"})
    ".a{color: red}@import 'y';"
    """
    kept = []
    for prelude, body in blocks(css):
        while prelude.startswith("/*") and "*/" in prelude and body is not None:
            prelude = prelude.partition("*/")[2].strip()
        if body is None:
            kept.append(prelude if prelude.startswith(("/*!", "@")) else "")
        elif prelude.startswith(NESTING):
            inner = pruned(body, known)
            kept.append(f"{prelude}{{{inner}}}" if inner else "")
        elif prelude.startswith("@"):
            kept.append(f"{prelude}{{{body.strip()}}}")
        else:
            found = [selector for selector in selectors(prelude) if needed(selector, known)]
            kept.append(f"{','.join(found)}{{{body.strip()}}}" if found else "")
    return "".join(kept)
