"""Published hyper-parameters as data, and a rule for people with one GPU or none."""

from .published import RECIPES, get
from .recipe import OPTIMIZERS, Recipe
from .scaling import scaled

__all__ = ["OPTIMIZERS", "RECIPES", "Recipe", "get", "scaled"]
