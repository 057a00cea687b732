"""The ledger: all verdicts of the book in one table, which a page can sort and filter (helper, no chapter)."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from IPython.display import display

from toyclip.lab.claims import SYMBOLS, Verdict, picture, resting

HEADS = ("Claim", "Outcome", "What we found", "Size of effect", "Rests on")


def row(chapter: str, verdict: Verdict) -> str:
    """A verdict as a row, with a link to its box in the chapter; what is sorted by stands in its attributes."""
    link = f"{chapter}.html#verdict-{verdict.claim.lower()}"
    cells = (
        f'<span class="verdict-word"><span aria-hidden="true">{SYMBOLS[verdict.outcome]}</span> '
        f"<span>{verdict.outcome}</span></span>",
        escape(verdict.because),
        picture(verdict.effect) if verdict.effect else "",
        escape(resting(verdict)),
    )
    data = "".join(f'<td data-label="{head}">{cell}</td>' for head, cell in zip(HEADS[1:], cells, strict=True))
    kind = verdict.outcome.replace(" ", "-")
    return (
        f'<tr class="{kind}" data-claim="{verdict.claim}" data-outcome="{verdict.outcome}">'
        f'<th scope="row"><a href="{link}">{verdict.claim}</a> {escape(verdict.says)}</th>{data}</tr>'
    )


def show(entries: Sequence[tuple[str, Verdict]], caption: str) -> None:
    """Display verdicts, each with its chapter, as a table; `book/_static/ledger.js` adds the buttons."""
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = "\n".join(row(chapter, verdict) for chapter, verdict in entries)
    html = (
        f'<div class="ledger"><table class="book-table wide"><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )
    lines = [f"{verdict.claim}: {verdict.outcome}" for _, verdict in entries]
    display({"text/html": html, "text/plain": "\n".join([caption, *lines])}, raw=True)


def count(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many verdicts there are of each outcome, in a fixed order.

    >>> from toyclip.lab.claims import Verdict
    >>> count([Verdict("S1", "it is so", "holds", "seen", "3", "fast")])
    {'holds': 1, 'holds in part': 0, 'wrong': 0, 'not here': 0}
    """
    found = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: found[outcome] for outcome in SYMBOLS}
