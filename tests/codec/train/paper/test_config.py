from __future__ import annotations

import pytest

from codec.model.config import FocalCodecConfig
from codec.train.paper.command import DEFAULT_RECIPE
from codec.train.paper.config import ORDER, PaperOptimisation, Recipe, RecipeInvalid


def test_the_full_recipe_is_the_papers():
    recipe = Recipe.read(DEFAULT_RECIPE)
    sizes = FocalCodecConfig.from_dict(recipe.model)
    assert (sizes.encoder.dim, sizes.encoder.num_layers, sizes.quantizer.bits) == (1024, 6, 12)
    assert recipe.stages["decoder"].weights == {"adversarial": 1, "matching": 54, "mel": 45}
    assert recipe.stages["encoder"].weights["layers"] == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    rates = [recipe.stages[name].optimisation.learning_rate for name in ORDER]
    assert rates == [4e-4, 5e-5, 5e-5, 5e-4, 5e-5]
    assert recipe.stages["decoder"].optimisation.betas == (0.8, 0.99)
    assert recipe.speech.samples == 37 * 1280


def test_the_rate_falls_by_the_epoch_and_knows_no_end():
    optimisation = PaperOptimisation(
        1.0, warmup_steps=2, cooldown_fraction=0.0, ema=0.9, clip=5.0, decay=0.5, epoch_steps=10
    )
    rates = [optimisation.learning_rate_at(step, 0.999) for step in (0, 1, 9, 10, 25)]
    assert rates == [0.5, 1.0, 1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda given: given["stages"].pop("joint"), "lacks 'joint'"),
        (lambda given: given["stages"].update(sixth={}), "no stage 'sixth'"),
        (lambda given: given["speech"].update(loudness=3), "loudness"),
        (lambda given: given["stages"]["joint"]["optimisation"].pop("betas"), "lacks 'betas'"),
        (lambda given: given.pop("jury_width"), "jury_width"),
    ],
)
def test_what_is_not_right_is_said(given, change, words):
    change(given)
    with pytest.raises(RecipeInvalid, match=words):
        Recipe.from_dict(given)


def test_a_file_that_is_no_recipe_is_said(tmp_path):
    with pytest.raises(RecipeInvalid, match=r"none\.json"):
        Recipe.read(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"model": {')
    with pytest.raises(RecipeInvalid, match=r"half\.json"):
        Recipe.read(tmp_path / "half.json")
