"""A trial that takes a second, for the tests of the wing."""

from toyclip.studies.frequency.corpus import Size
from toyclip.studies.generation.flow import Schooling
from toyclip.studies.generation.trial import Scope

TINY = Scope(
    Size(levels=3, per_level=1, updates=5, batch_size=4, test=3),
    Schooling(updates=3, batch_size=4),
    drawings=2,
    equal=4,
)
