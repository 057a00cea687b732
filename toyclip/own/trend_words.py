"""A report of a trend as lines and as one paragraph, which also says when there is too little to say (for trend)."""

from toyclip.own.frequency_trend import RULES

ENOUGH, DECADES, TELLING = 30, 1.0, 5.0  # concepts; decades of count; points per decade that would matter
SHORT = {"one": "set to 1", "out": "left out"}


def too_little(found: dict) -> str | None:
    """Why a rule's concepts are not enough data to say, or None if they are.

    They are too few below 30, too alike if the middle 90 % of their counts span less than a decade, and too scattered
    if the interval of the slope within sets holds both 0 and a rise or fall of 5 points per decade.
    """
    if "left_out" in found:
        return found["left_out"]
    if found["concepts"] < ENOUGH:
        return f"{found['concepts']} concepts; at least {ENOUGH} are needed"
    if found["decades"] < DECADES:
        return f"the middle 90 % of the counts span {found['decades']:.1f} decades; at least {DECADES:.0f} is needed"
    slope = found["slope_within"]
    if slope is None or found["slope"] is None:
        return "within sets, counts or accuracies hardly differ"
    if slope[1] <= 0 <= slope[2] and max(-slope[1], slope[2]) >= TELLING:
        return (
            f"within sets the slope may be {slope[1]:+.1f} or {slope[2]:+.1f} points per decade; an interval with 0 in "
            f"it has to end before {TELLING:.0f}"
        )
    return None


def in_words(report: dict) -> str:
    """One paragraph: how large the trend is by each rule, within sets, by other corpora's counts, and what follows."""
    of = f" of {_sets(report)}" if report["sets"] > 1 else ""
    said = [f"{report['concepts']:,} concepts{of}, {report['zero_counts']:,} of them with a count of 0."]
    (kind, one), (same, out) = (verdict(report, rule) for rule in RULES)
    sizes = [_size(report, rule) for rule in RULES]
    if one == out:
        parts = [*said, *sizes, out]
    else:
        parts = [*said, sizes[0], one, sizes[1], out]
        parts += [] if kind == same else ["The rule for zero counts decides: give both."]
    return " ".join(filter(None, parts))


def _size(report: dict, rule: str) -> str:
    """How steep and how close the trend is, by one rule."""
    found = report["rules"][rule]
    if found.get("slope") is None or found["r"] is None:
        return ""
    more, p = f"; r {found['r'][0]:.2f} over {found['concepts']:,} concepts", f"permutation p {_p(found['p'])}"
    if found["bins_r"] is not None:
        n = [b["n"] for b in found["bins"]]
        more += f", {found['bins_r']:.2f} over {len(n)} bins of {_range(n)}"
    if report["sets"] == 1:
        return f"With zero counts {SHORT[rule]}, {_change(found['slope'], f'{more}; {p}')}."
    text = f"With zero counts {SHORT[rule]}, {_change(found['slope'], more)}"
    if found["slope_within"] and found["r_within"]:
        within = f"; r {found['r_within'][0]:.2f}, {p}"
        text += f", and within sets {_change(found['slope_within'], within)}"
    return f"{text}."


def verdict(report: dict, rule: str) -> tuple[str, str]:
    """What follows by one rule: its kind, and the sentence."""
    found = report["rules"][rule]
    if why := too_little(found):
        return "too little", f"Not enough data to say: {why}."
    slope, where = found["slope_within"], " within sets" if report["sets"] > 1 else ""
    if slope[1] <= 0 <= slope[2]:
        end = max(slope[2], 0)
        return "none", f"No trend is seen{where}; a rise of more than {end:.1f} points per decade can be ruled out."
    if slope[2] < 0:
        return "falls", f"Accuracy falls with the count{where}: frequency does not explain this model."
    others = {name: rules[rule]["r_within_difference"] for name, rules in report["others"].items() if rule in rules}
    others = {name: difference for name, difference in others.items() if difference is not None}
    if not others:
        return "alone", "Without the counts of another corpus this cannot be told from how common a thing is anywhere."
    as_good = [name for name, difference in others.items() if difference[1] <= 0]
    if as_good:
        return "common", (
            f"But on the same concepts {_listed(as_good)} cannot be told from its own counts{where}, or predicts "
            "accuracy better, so that the trend may be one of how common a thing is anywhere."
        )
    return "own", (
        f"On the same concepts its own counts predict accuracy better than those of any other corpus{where}, as they "
        "would if they were the cause; only counts dealt by lot would show that they are."
    )


def in_lines(report: dict) -> list[str]:
    """The report as it is printed: both rules side by side, other counts, bins, sets, and the paragraph."""
    rules = [report["rules"][rule] for rule in RULES]
    lines = [f"{report['count']} against {report['accuracy']}: {report['concepts']:,} concepts, {_sets(report)}"]
    lines += [f"({note})" for note in report["notes"]]
    rows = [
        ("", [RULES[rule] for rule in RULES]),
        ("concepts", [f"{found['concepts']:,}" for found in rules]),
        ("points per decade", [_interval(found.get("slope"), "+.1f") for found in rules]),
        ("  within sets", [_interval(found.get("slope_within"), "+.1f") for found in rules]),
        ("  mixed model", [_mixed(found.get("mixed", found)) for found in rules]),
        ("r over concepts", [_interval(found.get("r"), "+.2f") for found in rules]),
        ("  within sets", [_interval(found.get("r_within"), "+.2f") for found in rules]),
        ("r over bins", [_bins(found.get("bins_r"), [b["n"] for b in found.get("bins", [])]) for found in rules]),
        ("  within sets", [_bins(found.get("bins_r_within"), found.get("bins_within_n", [])) for found in rules]),
        ("permutation p", [_p(found.get("p")) for found in rules]),
        ("held-out error: mean", [_error(found, "mean") for found in rules]),
        ("  line", [_error(found, "line") for found in rules]),
        ("  S-curve", [_error(found, "s") for found in rules]),
        ("  S gains, % of square", [_gain(found) for found in rules]),
    ]
    lines += ["", *(f"{name:24}{cells[0]:34}{cells[1]}".rstrip() for name, cells in rows)]
    for rule in RULES:
        compared = [(name, kinds[rule]) for name, kinds in report["others"].items() if rule in kinds]
        if compared:
            width = max(24, *(len(name) + 2 for name, _ in compared))
            header = f"{'':{width}}{'n':>6}  {'own':>5} {'other':>5}  {'own - other':24}the same within sets"
            lines += ["", f"{RULES[rule]}: r with the counts of other corpora, on the same concepts", header]
            lines += [f"{name:{width}}{_other(found)}" for name, found in compared]
    for rule, found in zip(RULES, rules, strict=True):
        if "bins" in found:
            lines += ["", f"{RULES[rule]}: bins by count, concepts, mean accuracy"]
            lines += [f"{_bounds(b):>23}{b['n']:9,}{b['accuracy']:9.1%}" for b in found["bins"]]
    return [*lines, "", report["words"]]


def _other(found: dict) -> str:
    text = f"{found['concepts']:6,}  {found['r_own']:+.2f} {found['r_other']:+.2f}  "
    return text + f"{_interval(found['r_difference'], '+.2f'):24}{_interval(found['r_within_difference'], '+.2f')}"


def _bounds(found: dict) -> str:
    return f"{found['from']:,.0f} to {found['to']:,.0f}"


def _interval(value: list[float] | None, form: str) -> str:
    return "cannot be said" if value is None else f"{value[0]:{form}} ({value[1]:{form}} to {value[2]:{form}})"


def _mixed(found: dict) -> str:
    return found["left_out"] if "left_out" in found else _interval(found["slope"], "+.1f")


def _bins(r: float | None, n: list[int]) -> str:
    return "cannot be said" if r is None else f"{r:+.2f} ({len(n)} bins of {_range(n)})"


def _error(found: dict, name: str) -> str:
    return f"{found['held_out'][name]:.1f} points" if name in found.get("held_out", {}) else "cannot be said"


def _gain(found: dict) -> str:
    gain = found.get("held_out", {}).get("gain")
    return _interval(gain and [100 * value for value in gain], "+.1f")


def _change(slope: list[float], more: str) -> str:
    sign = 1 if slope[0] >= 0 else -1
    size, *ends = (f"{value:.1f}" for value in (sign * slope[0], *sorted(sign * end for end in slope[1:])))
    low, high = (end.replace("-0.0", "0.0") for end in ends)
    return f"accuracy {'rises' if sign > 0 else 'falls'} by {size} points per decade ({low} to {high}{more})"


def _sets(report: dict) -> str:
    return "1 set" if report["sets"] == 1 else f"{report['sets']} sets"


def _range(numbers: list[int]) -> str:
    return f"{min(numbers):,} to {max(numbers):,}"


def _p(value: float | None) -> str:
    return "cannot be said" if value is None else f"{value:.2g}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"any of {', '.join(names[:-1])} and {names[-1]}"
