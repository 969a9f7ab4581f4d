"""Finding the pretrained weights of a timm model: a file put by hand, the hub's cache, a download, in that order.

Loading always goes through a file, so a machine without network needs one file in one place, which the error names.
The hub's own client tries for 50 seconds before it admits that there is no network; one request asks first.
"""

from __future__ import annotations

import difflib
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import timm
from timm.models import PretrainedCfg
from torch import nn

from procmem.errors import UserError
from procmem.files import cache_root
from procmem.provenance import Provenance, RealImages

FIRST_ANSWER_SECONDS = 10.0
REAL_TAGS = re.compile(r"in1k|in12k|in21k|in22k|laion|lvd|inat|openai|webli|dfn|datacomp|metaclip|yfcc|sa1b|cc12m")
"""Parts of a timm tag that name a set of real images (ImageNet, LAION, LVD-142M, iNaturalist, CLIP's own, ...)."""


class MissingWeightsError(UserError):
    """Published weights are not here and cannot be downloaded; the message says which file to put where."""


def published_settings(name: str) -> PretrainedCfg:
    """What timm knows of a model: input size, normalisation, where its weights are.

    Args:
        name: timm name, with or without the tag of its weights.

    Raises:
        UserError: with the nearest names, or with the valid tags where only the tag is wrong.
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(repr(known) for known in near)}? " if near else ""
        raise UserError(f"unknown timm model {architecture!r}; {hint}`timm.list_models()` lists all")
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise UserError(f"timm model {architecture!r} has no weights {tag!r}; valid: {', '.join(tags) or 'none'}")
    settings = timm.get_pretrained_cfg(name)
    if settings is None:
        raise UserError(f"timm knows no settings for {name!r}; choose a model that `timm.list_pretrained()` lists")
    return settings


def pretrained_backbone(name: str, model_kwargs: dict[str, Any]) -> nn.Module:
    """A timm backbone with its published weights.

    Args:
        name: timm name; without a tag, timm's default weights.
        model_kwargs: constructor arguments.

    Raises:
        UserError: if the weights are nowhere to be had (the message says which file to put where) or do not fit.
    """
    path = weights_file(name)
    try:
        backbone: nn.Module = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay={"file": str(path), "custom_load": False}, **model_kwargs
        )
    except (RuntimeError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{str(path)!r} does not hold weights of timm model {name!r}: {error}") from error
    return backbone


def weights_file(name: str) -> Path:
    """Path of a model's weights, downloaded into the hub's cache where needed.

    Raises:
        UserError: if there is neither file nor network.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    settings = published_settings(name)
    own = cache_root() / "weights" / f"{settings.architecture}.{settings.tag}.safetensors"
    if own.is_file():
        return own
    if not settings.hf_hub_id:
        raise _missing(name, own, str(settings.url or "the model's authors"))
    file_name = settings.hf_hub_filename or "model.safetensors"
    cached = try_to_load_from_cache(settings.hf_hub_id, file_name)
    if isinstance(cached, str):
        return Path(cached)
    address = f"https://huggingface.co/{settings.hf_hub_id}/resolve/main/{file_name}"
    try:
        urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=FIRST_ANSWER_SECONDS).close()
        return Path(hf_hub_download(settings.hf_hub_id, file_name))
    except (OSError, HfHubHTTPError) as error:
        raise _missing(name, own, address) from error


def pretrained_provenance(name: str) -> Provenance:
    """What published weights have seen: real images where the tag names such a set, else unknown."""
    settings = published_settings(name)
    tag = settings.tag or ""
    real: RealImages = True if REAL_TAGS.search(tag) else "unknown"
    return Provenance(real_images=real, notes=(f"published timm weights {settings.architecture}.{tag}",))


def _missing(name: str, path: Path, address: str) -> MissingWeightsError:
    return MissingWeightsError(
        f"the weights of timm model {name!r} are not on this machine and cannot be downloaded; "
        f"put the file from {address} at {str(path)!r}"
    )
