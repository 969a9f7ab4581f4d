"""Provenance survives JSON, and never turns "unknown" into "no"."""

import json

import pytest

from procmem.errors import UserError
from procmem.provenance import EncoderCard, Provenance


def test_a_card_survives_json():
    provenance = Provenance(
        real_images=False, processes=({"shaders": {}},), seeds={"root": 3}, images_seen=10, notes=("thresholds",)
    )
    card = EncoderCard(name="x", fingerprint="f" * 64, dimension=3, preprocessing={"size": 8}, provenance=provenance)
    assert EncoderCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


@pytest.mark.parametrize("value", [{}, {"real_images": None}, {"real_images": "no"}, {"real_images": False, "x": 1}])
def test_a_record_without_a_clear_answer_is_refused(value):
    with pytest.raises(UserError, match="not a provenance record"):
        Provenance.from_dict(value)


def test_unknown_stays_unknown():
    assert Provenance.from_dict({"real_images": "unknown"}).real_images == "unknown"
