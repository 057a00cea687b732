"""What the book found out beyond its core: a folder for each chapter, and all studies by name."""

from importlib import import_module

from toyclip.lab.study import Study

DECLARE = (  # the modules with a table STUDIES, in the order of the book
    "zero_shot.captions",
    "zero_shot.structure",
    "zero_shot.prompts",
    "zero_shot.outside",
    "frequency.interventions",
    "frequency.counting",
    "frequency.models",
    "frequency.ease",
    "frequency.looks",
    "frequency.synthetic",
    "frequency.words",
    "frequency.priming",
    "composition.unseen",
    "generation.lots",
    "generation.captions",
    "generation.scripts",
    "cascade.emergent",
    "cascade.ablations",
    "taxonomy.carried",
    "taxonomy.shown",
    "real_encoders.transfer",
    "real_encoders.counts",
    "real_encoders.wording",
    "real_encoders.further",
    "real_encoders.few_labels",
    "real_encoders.scratch",
    "real_encoders.kinds",
    "speedrun.bench",
    "speedrun.missed",
    "batch.ablations",
    "batch.sweeps",
    "batch.starts",
    "batch.footprint",
    "scale.climb",
    "scale.sharing",
    "language.held",
    "language.instructions",
    "language.formats",
    "language.frontier",
    "language.emulated",
    "language.thoughts",
    "language.shots",
    "language.emergence",
    "language.leak",
    "conclusion.factorial",
)


def all_studies() -> dict[str, Study]:
    """All studies of the book by name.

    Raises:
        ValueError: if two studies have one name.
    """
    studies: dict[str, Study] = {}
    for module in DECLARE:
        for study in import_module(f"{__name__}.{module}").STUDIES:
            if study.name in studies:
                raise ValueError(f"two studies are called {study.name!r}; give one of them another name")
            studies[study.name] = study
    return studies
