"""Studies of the chapter Taxonomy: kinds that only a language model has heard of."""
