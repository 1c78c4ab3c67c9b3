"""``rivals``: what a student must be worth."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import Count, Positive, Section


class NgramRival(Section):
    """A linear classifier of n-grams, the shortest and the longest given."""

    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngrams: Annotated[list[Count], Field(min_length=2, max_length=2)] = [1, 2]

    @model_validator(mode="after")
    def _shortest_first(self) -> "NgramRival":
        if self.ngrams[0] > self.ngrams[1]:
            raise ValueError(f"ngrams is {self.ngrams}; the shortest comes first, then the longest")
        return self


class TfidfRival(NgramRival):
    """Tf-idf and logistic regression; the regularisation is chosen on validation."""

    kind: Literal["tfidf"]
    regularization: Annotated[list[Positive], Field(min_length=1)] = [1.0]


class BayesRival(NgramRival):
    """Counts and multinomial naive Bayes; the smoothing is chosen on validation."""

    kind: Literal["naive_bayes"]
    smoothing: Annotated[list[Positive], Field(min_length=1)] = [1.0]


class VaderRival(Section):
    """The VADER lexicon, for negative / neutral / positive labels."""

    kind: Literal["vader"]


RivalConfig = Annotated[TfidfRival | BayesRival | VaderRival, Field(discriminator="kind")]
