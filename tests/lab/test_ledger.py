"""The ledger holds every verdict, says it all without JavaScript, and links to its box."""

import pytest

from toyclip.lab import ledger
from toyclip.lab.claims import SYMBOLS, Effect, Verdict

VERDICTS = [
    Verdict(f"S{i}", f"claim <{i}>", outcome, "because & so", "3", "fast", Effect("points", 2, 1, 3) if i % 2 else None)
    for i, outcome in enumerate(SYMBOLS)
]


def test_row_says_all_of_a_verdict():
    for verdict in VERDICTS:
        html = ledger.row("data", verdict)
        assert f'href="data.html#verdict-{verdict.claim.lower()}"' in html
        assert f"claim &lt;{verdict.claim[1:]}&gt;" in html
        assert f">{verdict.outcome}<" in html
        assert SYMBOLS[verdict.outcome] in html
        assert "because &amp; so" in html
        assert "Seeds: 3. Recipe: fast." in html
        assert ("<svg" in html) is bool(verdict.effect)
        assert html.count("<td") == len(ledger.HEADS) - 1


def test_table_holds_every_row_in_order(monkeypatch):
    shown = []
    monkeypatch.setattr(ledger, "display", lambda data, raw: shown.append(data))
    ledger.show([("data", v) for v in VERDICTS], "All")
    html, plain = shown[0]["text/html"], shown[0]["text/plain"]
    assert html.count("data-claim=") == len(VERDICTS)
    assert plain.splitlines() == ["All", *(f"{v.claim}: {v.outcome}" for v in VERDICTS)]


@pytest.mark.parametrize("outcome", SYMBOLS)
def test_outcomes_are_counted(outcome):
    chosen = [v for v in VERDICTS if v.outcome == outcome]
    assert ledger.count(chosen * 3)[outcome] == 3
    assert sum(ledger.count(VERDICTS).values()) == len(VERDICTS)
    assert list(ledger.count([])) == list(SYMBOLS)
