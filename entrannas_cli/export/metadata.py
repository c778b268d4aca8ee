"""The metadata of an exported network: JSON texts by key, the same in every format that has metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from ..common.text import plain
from ..method.genotype import Genotype, GenotypeError

__all__ = ["FORMAT", "FORMAT_VERSION", "Metadata", "NetworkOptions", "metadata_texts", "read_metadata"]

FORMAT: Final = "entrannas-network"
FORMAT_VERSION: Final = 1
MAX_CHARS = 4 * 2**20  # per entry

Count = Annotated[int, Field(ge=1, le=2**16)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class NetworkOptions(_Strict):
    """The keyword arguments of a ``DerivedNetwork``."""

    classes: Annotated[int, Field(ge=1, le=2**20)]
    channels_in: Count
    channels: Count
    cells: Annotated[int, Field(ge=1, le=2**12)]
    stem: Literal["cifar", "imagenet"]
    share_features: bool
    affine: bool
    pool_batch_norm: bool = True  # always true in files of releases without this field


class Metadata(_Strict):
    """Everything but the weights. ``run`` is the run's id; ``weights`` is "last" or "best", saved after ``step``.

    The network takes images of ``shape`` (C, H, W): values from 0 to 1, minus ``mean``, divided by ``std``, per
    channel.
    """

    format: Literal["entrannas-network"] = FORMAT
    version: Literal[1] = FORMAT_VERSION
    written_by: str = ""
    run: str
    weights: str
    step: Annotated[int, Field(ge=0)]
    dataset: str = ""
    test_accuracy: FiniteFloat | None = None
    genotype: dict[str, Any]
    network: NetworkOptions
    shape: tuple[Count, Count, Count]
    classes: tuple[str, ...]
    mean: tuple[FiniteFloat, ...]
    std: tuple[Annotated[FiniteFloat, Field(gt=0)], ...]

    @model_validator(mode="after")
    def _consistent(self) -> Metadata:
        channels = self.network.channels_in
        for name, found, expected in (
            ("shape", self.shape[0], channels),
            ("mean", len(self.mean), channels),
            ("std", len(self.std), channels),
            ("classes", len(self.classes), self.network.classes),
        ):
            if found != expected:
                raise ValueError(f"{name} is for {found}, but the network is for {expected}")
        return self

    def cells(self) -> Genotype:
        """Return the genotype. Raises ``ValueError`` if it is invalid."""
        return Genotype.from_dict(self.genotype)


def metadata_texts(metadata: Metadata) -> dict[str, str]:
    """Return the metadata as JSON texts by key, for :func:`read_metadata`."""
    return {key: json.dumps(value) for key, value in metadata.model_dump().items()}


def read_metadata(texts: Mapping[str, str]) -> Metadata:
    """Parse untrusted texts. Raises ``ValueError`` with the problem in one line."""
    values = {key: _parsed(key, text) for key, text in texts.items() if key in Metadata.model_fields}
    if values.get("format") != FORMAT:
        raise ValueError(f'the format in its metadata is not "{FORMAT}"')
    try:
        metadata = Metadata.model_validate_json(json.dumps(values))
        metadata.cells()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(plain(f"{where}: {first['msg']}" if where else first["msg"])) from None
    except GenotypeError as error:
        raise ValueError(plain(f"genotype: {error.problems[0]}")) from None
    return metadata


def _parsed(key: str, text: str) -> Any:
    if len(text) > MAX_CHARS:
        raise ValueError(f"{key}: longer than {MAX_CHARS} characters")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{key}: not JSON") from None
