"""What hears: a spectrogram, and the smallest encoder over it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams

WINDOW, HOP = 256, 128  # samples: 32 ms, every 16 ms
BINS = 64  # of 31.25 Hz each: what lies above 2,000 Hz is left out
QUIET = 1e-3  # is added before the logarithm


def spectrogram(sounds: Tensor) -> Tensor:
    """Loudness by frequency and time on a logarithmic scale, (N, T) int16 -> (N, 64, 1 + T // 128)."""
    waves = sounds.float() / 32768  # (N, T)
    window = torch.hann_window(WINDOW)
    bins = torch.stft(waves, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)  # (N, 129, F)
    return (bins[:, 1 : BINS + 1].abs() + QUIET).log() / 3 + 1  # around 0


class SoundEncoder(nn.Module):
    """Two convolutions along time, every frequency a channel, a mean over time, a head: 45,248 parameters if linear.

    The frequencies are not convolved over: a tone that is moved up is another tone.
    """

    def __init__(self, embed_dim: int = 64, seed: int = 0, head: str = "linear", width: int = 64):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(streams.number(seed, "sound encoder"))
            self.first = nn.Conv1d(BINS, width, 5, stride=2, padding=2)
            self.second = nn.Conv1d(width, width, 5, stride=2, padding=2)
            hidden = [nn.Linear(width, width), nn.GELU()] if head == "MLP" else []
            self.head = nn.Sequential(*hidden, nn.Linear(width, embed_dim))

    def forward(self, spectra: Tensor) -> Tensor:
        """(B, 64, F) -> (B, D) embeddings, not yet normalised."""
        x = F.relu(self.second(F.relu(self.first(spectra))))  # (B, C, F / 4)
        return self.head(x.mean(dim=2))
