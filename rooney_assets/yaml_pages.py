"""Reads the YAML pages that a person writes.

Belongs here: one document of a file, with words for everything that can be wrong with it. Does not
belong here: what a page has to say (`mandate`, the universe, `sources`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rooney_core.errors import InvalidSetting


class _EachOnce(yaml.SafeLoader):
    """yaml's safe loader; of a key that is there twice it would silently take the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (one for one, _ in node.value if isinstance(one, yaml.ScalarNode)):
            if key.value in seen:
                said = f"{key.value!r} is there twice"
                raise yaml.MarkedYAMLError(problem=said, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(path: Path, what: str, setting: str, allowed: str = "") -> object:
    """The document of a page that `setting` names, `what` in a message: "universe", "mandate".

    `allowed`: what the setting takes, in a message; without it, a file like the shipped one.
    Raises InvalidSetting when the file cannot be read or is not YAML, naming the line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_EachOnce)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = f"it is not valid YAML{line}: {error.problem}"
    except yaml.YAMLError as error:
        reason = f"it is not valid YAML: {error}"
    wanted = allowed or f"{setting} takes the path of a file like the shipped {what}.yaml."
    raise InvalidSetting(f"The {what} {path} was not read: {reason}. {wanted}")
