"""Make real_trend.json: what `toyclip trend` says of four real models (script).

The counts and accuracies are those of Udandarao et al. 2024. Their `search_counts/*_integrated_tlemmatized_i0.7_*` and
`zero_shot_evaluations/*_class_results.json` of the 17 classification sets are first joined by lower-cased name into one
table with the columns dataset, concept, count_CORPUS and acc_MODEL_CORPUS, which is not part of the book:

    python -m toyclip.assets.make_real_trend concepts.csv.gz
"""

import hashlib
import sys
from pathlib import Path

from toyclip.files import write_json
from toyclip.own.concept_table import concepts
from toyclip.own.table_files import read_table
from toyclip.own.trend_report import trend

PLACE = Path(__file__).with_name("real_trend.json")
MODELS = {  # what it is called -> columns of counts and of accuracy
    "RN50 CC3M": ("count_cc3m", "acc_RN50_cc3m"),
    "RN50 CC12M": ("count_cc12m", "acc_RN50_cc12m"),
    "ViT-B-32 LAION-400M": ("count_laion400m", "acc_ViT-B-32_laion400m"),
    "ViT-B-16 SynthCI": ("count_synthci30m", "acc_ViT-B-16_synthci30m"),
}
SOURCE = {
    "source": "https://github.com/bethgelab/frequency_determines_performance",
    "commit": "11ef009",
    "licence": "MIT, (c) 2023 Vishaal Udandarao",
    "paper": "Udandarao et al. 2024, arXiv 2404.04125",
}


def rounded(value: object) -> object:
    """The same with six digits of each number, which every machine agrees on.

    >>> rounded({"r": [0.12345678, 3, None]})
    {'r': [0.123457, 3, None]}
    """
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main(table: str) -> None:
    columns, made = read_table([table]), {}
    for name, (count, accuracy) in MODELS.items():
        command = f"toyclip trend {Path(table).name} --count {count} --accuracy {accuracy}"
        made[name] = {"command": command, **rounded(trend(concepts(columns, count, accuracy)))}
    told = {
        **SOURCE,
        "command": f"python -m toyclip.assets.make_real_trend {Path(table).name}",
        "table_sha256": hashlib.sha256(Path(table).read_bytes()).hexdigest(),
        "models": made,
    }
    write_json(PLACE, told)


if __name__ == "__main__":
    main(*sys.argv[1:])
