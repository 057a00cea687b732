"""Terms of the glossary show what they mean, in Chromium, as WCAG 1.4.13 asks: on hover and focus, dismissible,
hoverable, and until the reader leaves."""

import pytest
import small_site

GLOSSARY = """# Glossary

```{glossary}
nat
  The unit of surprise: an event of probability $p$ costs $-\\log p$ nats.

twins
  Pairs whose captions say <the same> & nothing else.

unused
  A term of which no page speaks.
```
"""
PAGE = """# Page

It costs a {term}`nat`.

Some pairs are {term}`twins <twins>`; and {term}`twins` again.

{filler}
""".replace("{filler}", "\n\n".join(["A line."] * 60))
NAT, TWINS = "a[aria-describedby=tip-term-nat]", "a[aria-describedby=tip-term-twins] >> nth=0"
WIDE, PHONE = {"width": 1280, "height": 700}, {"width": 360, "height": 640}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pages = {"index": PAGE, "plain": "# Plain\n\nNo term here.", "glossary": GLOSSARY}
    return small_site.build(tmp_path_factory.mktemp("tips"), pages, ["glossary_tips"])


@pytest.fixture(scope="module")
def contexts(browser):
    """A desk and a phone; each test opens the page anew in one of them, from the disk."""
    desk = browser.new_context(viewport=WIDE)
    return desk, browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)


@pytest.fixture
def page(contexts, site):
    page = opened(contexts[0], site)
    yield page
    page.close()


@pytest.fixture
def phone(contexts, site):
    page = opened(contexts[1], site)
    yield page
    page.close()


def opened(context, site):
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto((site / "book" / "index.html").as_uri())
    return page


def seen(page) -> list[str]:
    """The definitions in sight, as the reader sees them."""
    return [tip.inner_text() for tip in page.locator("[role=tooltip]").all() if tip.is_visible()]


def test_definitions_are_in_the_page_once_each_and_only_those_it_needs(site):
    text = (site / "book" / "index.html").read_text(encoding="utf-8")
    assert text.count('id="tip-term-nat"') == text.count('id="tip-term-twins"') == 1
    assert text.count('aria-describedby="tip-term-twins"') == 2
    assert "no page speaks" not in text
    assert "glossary-tip" not in (site / "book" / "plain.html").read_text(encoding="utf-8")


def test_screen_reader_is_told_the_definition(page):
    """By the browser's own tree of what is accessible, while nothing is in sight."""
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    links = {n["name"]["value"]: n for n in nodes if n.get("role", {}).get("value") == "link" and n.get("name")}
    assert seen(page) == []
    assert links["nat"]["description"]["value"] == (
        "nat The unit of surprise: an event of probability p costs −log p nats."
    )
    assert links["twins"]["description"]["value"].endswith("Pairs whose captions say <the same> & nothing else.")


def test_pointer_shows_it_may_rest_on_it_and_hides_it(page):
    page.hover(NAT)
    assert seen(page) == ["nat The unit of surprise: an event of probability p costs −log p nats."]
    page.hover("#tip-term-nat")
    page.wait_for_timeout(400)
    assert len(seen(page)) == 1
    page.mouse.move(900, 600)
    page.wait_for_timeout(400)
    assert seen(page) == []


def test_another_term_takes_the_place_of_the_first(page):
    page.hover(NAT)
    page.hover(TWINS)
    page.wait_for_timeout(400)
    assert [text.split()[0] for text in seen(page)] == ["twins"]


def test_focus_shows_it_and_escape_hides_it_and_keeps_the_focus(page):
    page.focus(NAT)
    assert len(seen(page)) == 1
    page.keyboard.press("Escape")
    assert seen(page) == []
    assert page.evaluate("document.activeElement.textContent") == "nat"
    page.keyboard.press("Tab")
    assert [text.split()[0] for text in seen(page)] == ["twins"]
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(400)
    assert seen(page) == []


def test_escape_hides_what_the_pointer_showed(page):
    page.hover(NAT)
    page.keyboard.press("Escape")
    page.wait_for_timeout(400)
    assert seen(page) == []


def test_enter_and_a_click_lead_to_the_glossary(page):
    page.focus(NAT)
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-nat")
    page.go_back()
    page.click(NAT)
    page.wait_for_url("**/glossary.html#term-nat")


def test_first_tap_shows_and_second_tap_leads_on(phone):
    phone.tap(NAT)
    assert len(seen(phone)) == 1
    phone.tap("article h1")
    assert seen(phone) == []
    phone.tap(NAT)
    assert phone.url.endswith("index.html")
    phone.tap(NAT)
    phone.wait_for_url("**/glossary.html#term-nat")


@pytest.mark.parametrize("scrolled", [0, 120])
def test_it_stays_on_the_screen_beside_its_term_and_covers_it_not(phone, scrolled):
    phone.evaluate(f"scrollTo(0, {scrolled})")
    for term, tip in ((NAT, "#tip-term-nat"), (TWINS, "#tip-term-twins")):
        phone.focus(term)
        word, card = phone.locator(term).bounding_box(), phone.locator(tip).bounding_box()
        assert card["x"] >= 0
        assert card["x"] + card["width"] <= PHONE["width"]
        assert 0 <= card["y"] <= card["y"] + card["height"] <= PHONE["height"]
        assert card["y"] >= word["y"] + word["height"] or card["y"] + card["height"] <= word["y"]
        assert abs(card["y"] - word["y"]) < 250
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_has_a_ground_of_its_own_and_contrast(browser, site, theme):
    context = browser.new_context(color_scheme=theme)
    context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    page = opened(context, site)
    page.focus(NAT)
    style = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    ink, ground = page.eval_on_selector("#tip-term-nat", style)
    assert contrast(ink, ground) >= 7
    assert (luminance(ground) < 0.2) is (theme == "dark")
    context.close()


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, as WCAG defines it; of an opaque colour."""
    assert colour.startswith("rgb(")
    parts = [int(v) / 255 for v in colour[4:-1].split(",")]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)
