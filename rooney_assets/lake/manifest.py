"""What is known about a version: who made it, from what, with which code and configuration.

Belongs here: the manifest's fields and its JSON. Does not belong here: deciding what is stale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rooney_assets.lake.layout import Folder
from rooney_core.errors import LakeError


def plain_json(value: object) -> Any:
    """A value as it comes back from JSON: tuples are lists, keys are texts.

    Raises TypeError or ValueError for what JSON cannot say (NaN, infinity, objects).
    """
    return json.loads(json.dumps(value, allow_nan=False, sort_keys=True))


def _as_plain_json(value: object) -> Any:
    try:
        return plain_json(value)
    except TypeError as error:
        raise ValueError(str(error)) from error


JsonMapping = Annotated[Mapping[str, Any], BeforeValidator(_as_plain_json)]


class ManifestFacts(BaseModel):
    """What the maker of a table says about it.

    `inputs` maps "asset[KEY]" (or "asset") to the data version that was read. With `code_version`
    and `config` it decides the content: the same three make the same table. `extra` is for readers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    code_version: str
    git_commit: str
    inputs: Mapping[str, str] = {}
    config: JsonMapping = {}
    extra: JsonMapping = {}

    def same_basis(
        self, code_version: str, inputs: Mapping[str, str], config: Mapping[str, Any]
    ) -> bool:
        """True when exactly this code, these inputs and this configuration made the table."""
        return (
            self.code_version == code_version
            and dict(self.inputs) == dict(inputs)
            and self.config == plain_json(config)
        )


class Manifest(ManifestFacts):
    """What the lake records beside a version.

    `columns` (`schema` in the file) maps names to polars types. `created_at` is when the version
    first appeared, `recorded_at` when its facts were last confirmed or changed, both UTC.
    `visible_version` and `sealed_version` are the parts of a `data_version` that has sealed rows;
    otherwise `sealed_version` is None and the other two are equal. `beside` names the small tables
    kept beside the version, with the content version of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    asset: str
    partition: str | None
    data_version: str
    visible_version: str
    sealed_version: str | None
    beside: Mapping[str, str] = {}
    rows: int
    columns: Mapping[str, str] = Field(alias="schema")
    created_at: datetime
    recorded_at: datetime

    @property
    def facts(self) -> ManifestFacts:
        """The maker's part alone."""
        return ManifestFacts(**{name: getattr(self, name) for name in ManifestFacts.model_fields})

    def to_json(self) -> bytes:
        """The file's bytes, indented for the reader."""
        document = self.model_dump(mode="json", by_alias=True)
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes, origin: str) -> Manifest:
        """Read a manifest back. Raises LakeError when it is not one; `origin` names the file."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise LakeError(
                f"{origin} is not a manifest of this lake: {error.error_count()} fields are wrong, "
                f"first: {error.errors()[0]['msg']}. Materialize the asset again to rewrite it."
            ) from None


def read(folder: Folder, version: str) -> Manifest | None:
    """The manifest of a version; None where there is none. Raises LakeError for a broken one."""
    path = folder.manifest_file(version)
    try:
        return Manifest.parse(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None


def read_or_none(folder: Folder, version: str) -> Manifest | None:
    """The same, and None for a broken one too."""
    try:
        return read(folder, version)
    except LakeError:
        return None
