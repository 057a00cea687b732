"""The sounds of the chapter The cascade: WAV files against the standard library, their pitch, and Chromium plays them."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
import wave

import execute
import nbformat
import numpy as np
import pytest

from toyclip.data import CLASSES, SHAPES
from toyclip.figures.cascade import players, wav
from toyclip.studies.cascade.sounds import LENGTH, RATE, Voice, describe

PLAYER = re.compile(r'<audio controls[^>]*aria-label="([^"]+)"[^>]*src="data:audio/wav;base64,([^"]+)"', re.DOTALL)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def in_the_page() -> list[tuple[str, bytes]]:
    """(what is heard, the WAV file) of every player that the chapter stores."""
    cells = execute.code_cells(nbformat.read(execute.BOOK / "cascade.ipynb", as_version=4))
    shown = ["".join(o.data["text/html"]) for c in cells for o in c.outputs if "text/html" in o.get("data", {})]
    return [(html.unescape(says), base64.b64decode(data)) for text in shown for says, data in PLAYER.findall(text)]


PLAYED = in_the_page()


def read(file: bytes) -> tuple[np.ndarray, int]:
    """Samples and rate, by the standard library."""
    with wave.open(io.BytesIO(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2"), sound.getframerate()


def test_file_holds_what_was_put_in():
    samples = np.random.default_rng(0).integers(-32768, 32768, 500).astype(np.int16)
    back, rate = read(wav(samples, 11_025))
    assert rate == 11_025
    assert np.array_equal(back, samples)


@pytest.mark.parametrize("wrong", [np.zeros(5), np.zeros((2, 5), np.int16)])
def test_what_is_no_sound_is_refused(wrong):
    with pytest.raises(ValueError, match="expected \\(T,\\) int16"):
        wav(wrong, 8000)


def test_player_says_what_is_heard_and_escapes_it(capsys):
    from unittest.mock import patch

    with patch("toyclip.figures.cascade.display") as shown:
        players({'a "low" tone <b>': np.zeros(8, np.int16)}, 8000)
    (data,), _ = shown.call_args
    assert '<figcaption style="text-align:left">a &quot;low&quot; tone &lt;b&gt;</figcaption>' in data["text/html"]
    assert 'aria-label="a &quot;low&quot; tone &lt;b&gt;"' in data["text/html"]
    assert re.fullmatch(r'sound: a "low" tone <b> \[[0-9a-f]{16}\]', data["text/plain"])


def test_page_plays_a_few_sounds_each_with_a_text():
    assert 4 <= len(PLAYED) <= 8
    assert len({says for says, _ in PLAYED}) == len(PLAYED)
    assert all(any(describe(*pair) in says for pair in CLASSES) for says, _ in PLAYED)


@pytest.mark.parametrize(("says", "file"), PLAYED, ids=[says for says, _ in PLAYED])
def test_pitch_of_what_is_played_is_what_the_text_says(says, file):
    """By an FFT: the best of the four pitches, with two semitones of room, is that of the shape that is named."""
    samples, rate = read(file)
    assert (len(samples), rate) == (LENGTH, RATE)
    assert np.abs(samples.astype(int)).max() > 3000  # it can be heard
    (pair,) = [pair for pair in CLASSES if describe(*pair) in says]
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4 * len(samples))) ** 2
    hertz = np.fft.rfftfreq(4 * len(samples), 1 / rate)
    fundamental = []
    for pitch in Voice().pitch:
        fine = pitch * 2 ** (np.linspace(-2.1, 2.1, 85) / 12)
        comb = [sum(power[np.abs(hertz - k * f).argmin()] for k in range(1, 7)) for f in fine]
        low = [power[np.abs(hertz - f).argmin()] for f in fine]
        fundamental.append(
            max(c for c, x in zip(comb, low, strict=True) if x > 0.02 * power.max())
            if max(low) > 0.02 * power.max()
            else 0
        )
    assert SHAPES[int(np.argmax(fundamental))] == pair[1]


SCRIPT = """
<body><script>
const report = (what) => { document.body.dataset.done = JSON.stringify(what); };
const sounds = %s, done = [];
sounds.forEach((source, i) => {
  const audio = new Audio(source);
  audio.oncanplaythrough = () => { audio.oncanplaythrough = null; audio.play().catch(e => done.push({i, error: `${e}`})); };
  audio.onended = () => { done.push({i, seconds: audio.duration, at: audio.currentTime}); report(done); };
  audio.onerror = () => { done.push({i, error: audio.error.message}); report(done); };
});
</script></body>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine plays sounds")
def test_sounds_play_to_their_end_in_chromium(tmp_path):
    sources = [f"data:audio/wav;base64,{base64.b64encode(file).decode()}" for _, file in PLAYED]
    sources.append("data:audio/wav;base64,AAAA")  # no sound: Chromium must say so
    page = tmp_path / "page.html"
    page.write_text(SCRIPT % json.dumps(sources), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
               "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={tmp_path}", "--timeout=4000", "--dump-dom"]  # fmt: skip
    shown = subprocess.run(
        [CHROMIUM, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    told = re.search(r'data-done="([^"]*)"', shown.stdout)
    assert told, f"{shown.stdout[-300:]} {shown.stderr[-300:]}"
    done = {row["i"]: row for row in json.loads(html.unescape(told[1]))}
    assert "error" in done.pop(len(PLAYED))
    assert done == {i: {"i": i, "seconds": LENGTH / RATE, "at": LENGTH / RATE} for i in range(len(PLAYED))}
