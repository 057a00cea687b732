"""The small figures of the chapters, moved as a reader moves them; their numbers are the package's."""

import re

import numpy as np
import torch
from _ext import live
from driven import opened
from playwright.sync_api import Browser

from toyclip import trend
from toyclip.lab.study import stored
from toyclip.loss_floor import floor


def test_the_floor_is_that_of_the_package_for_every_number_of_captions(browser: Browser, address: str):
    with opened(browser, f"{address}/book/infonce.html") as page:
        figure = page.locator(".live-floor-figure[data-ready]")
        captions, batch = figure.get_by_label("different captions"), figure.get_by_label("pairs in a batch")
        for log_captions, log_batch in ((4, 6), (0, 1), (10, 11)):
            captions.fill(str(log_captions))
            batch.fill(str(log_batch))
            told = figure.locator("svg").get_attribute("aria-label")
            counts = [(2720 + i) // 2**log_captions for i in range(2**log_captions)]
            low, high = floor(counts, 2**log_batch), np.log(2**log_batch)
            assert f"from {high:.2f} to {low:.2f} nats" in told


def test_a_row_at_a_scale_of_one_is_the_softmax_of_its_cosines(browser: Browser, address: str):
    with opened(browser, f"{address}/book/infonce.html") as page:
        figure = page.locator(".live-temperature-figure[data-ready]")
        slider, data = figure.get_by_label("1 / temperature"), live.figure_data()["temperature"]
        for key, scale in (("", data["scale"]), ("Home", 1.0), ("End", 100.0)):
            if key:
                slider.press(key)
            chances = (scale * torch.tensor(data["cosines"])).softmax(0)  # (16,)
            told = figure.locator("svg").get_attribute("aria-label")
            assert told.endswith(f"a green cross: {100 * chances.max():.0f} %")
            shown = [text for text in figure.locator("svg text").all_text_contents() if text.endswith("%")]
            assert shown == [f"{100 * chance:.0f} %" for chance in chances.tolist()]


def test_lots_are_drawn_again_and_shuffled_counts_predict_nothing(browser: Browser, address: str):
    runs = stored("frequency_conditions")["results"]["base"]
    slopes = 100 * trend.slopes(*trend.table(runs, 20))  # (8,)
    with opened(browser, f"{address}/book/lots.html") as page:
        figure = page.locator(".live-lots-figure[data-ready]")
        line = figure.get_by_role("status")
        assert line.inner_text().startswith(f"Seed 0: {slopes[0]:.0f} points")
        figure.get_by_role("button", name="Draw lots again").click()
        assert line.inner_text().startswith(f"Seed 1: {slopes[1]:.0f} points")
        figure.get_by_role("button", name="Shuffle the counts").click()
        shuffled = float(re.search(r": (-?\d+) points", line.inner_text())[1])
        assert abs(shuffled) < 15


def test_every_part_of_clip_tells_its_shape_on_focus(browser: Browser, address: str):
    with opened(browser, f"{address}/book/index.html") as page:
        figure = page.locator(".live-towers-figure[data-ready]")
        stations = figure.get_by_role("button")
        assert stations.count() == 7
        for i in range(7):
            stations.nth(i).focus()
            told = figure.get_by_role("status").inner_text()
            assert told.startswith(stations.nth(i).get_attribute("aria-label").split(",")[0])
