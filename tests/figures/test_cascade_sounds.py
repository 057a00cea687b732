"""The sounds of the chapter The cascade: WAV files by the standard library, pitch by an FFT, played by Chromium."""

import base64
import html
import io
import json
import re
import subprocess
import threading
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import execute
import nbformat
import numpy as np
import pytest
from browser import executable

from toyclip.data import CLASSES, SHAPES
from toyclip.figures.cascade import players, wav
from toyclip.studies.cascade.sounds import LENGTH, RATE, Voice, describe

PLAYER = re.compile(r'<audio controls[^>]*aria-label="([^"]+)"[^>]*src="data:audio/wav;base64,([^"]+)"', re.DOTALL)


def in_the_page() -> list[str]:
    """The HTML that the chapter stores, where it holds a player."""
    cells = execute.code_cells(nbformat.read(execute.BOOK / "cascade.ipynb", as_version=4))
    shown = ["".join(o.data["text/html"]) for c in cells for o in c.outputs if "text/html" in o.get("data", {})]
    return [text for text in shown if "<audio" in text]


STORED = in_the_page()
PLAYED = [  # what is heard, and the WAV file
    (html.unescape(says), base64.b64decode(data)) for text in STORED for says, data in PLAYER.findall(text)
]


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


def test_player_says_what_is_heard_and_escapes_it():
    with patch("toyclip.figures.cascade.display") as shown:
        players({'a "low" tone <b>': np.zeros(8, np.int16)}, 8000)
    (data,), _ = shown.call_args
    assert (
        '<figcaption style="text-align:left;color:inherit">a &quot;low&quot; tone &lt;b&gt;</figcaption>'
        in data["text/html"]
    )
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


PAGE = """<body>%s<img src="/wait"><script>
const players = [...document.querySelectorAll("audio")], done = [];
const tell = (row) => {
  if (done.push(row) == players.length) fetch("/done", {method: "POST", body: JSON.stringify(done)});
};
players.forEach((audio, i) => {
  audio.oncanplaythrough = () => { audio.oncanplaythrough = null; audio.play().catch(e => tell({i, error: `${e}`})); };
  audio.onended = () => tell({i, seconds: audio.duration, at: audio.currentTime});
  audio.onerror = () => tell({i, error: audio.error.message});
  audio.load();
});
</script></body>"""


class Site(ThreadingHTTPServer):
    """Hands out one page, whose load lasts until the page has told what became of its players."""

    def __init__(self, page: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.page, self.told, self.over = page, None, threading.Event()


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/wait":
            self.server.over.wait(20)
        self.reply(self.server.page.encode() if self.path == "/" else b"")

    def do_POST(self) -> None:
        self.server.told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(b"")
        self.server.over.set()

    def reply(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def played_in_chromium(page: str, folder: Path) -> dict[int, dict]:
    """What became of each `<audio>` of a page, by its number: seconds and where it stopped, or an error."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
               "--autoplay-policy=no-user-gesture-required", "--disable-audio-output", f"--user-data-dir={folder}",
               "--dump-dom"]  # fmt: skip
    with Site(PAGE % page) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{site.server_port}/"
        try:
            subprocess.run([executable(), *options, address], capture_output=True, timeout=60, check=False)
        finally:
            site.over.set()
            site.shutdown()
    assert site.told, "Chromium has told nothing"
    return {row.pop("i"): row for row in site.told}


def test_sounds_of_the_page_play_to_their_end_in_chromium(tmp_path):
    """As the chapter stores them, and beside them one that is no sound, which must not pass."""
    told = played_in_chromium("\n".join([*STORED, '<audio src="data:audio/wav;base64,AAAA"></audio>']), tmp_path)
    assert "error" in told.pop(len(PLAYED))
    assert told == {i: {"seconds": LENGTH / RATE, "at": LENGTH / RATE} for i in range(len(PLAYED))}
