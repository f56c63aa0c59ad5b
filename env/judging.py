"""How replies of models become what a program is told, where that is a choice and not the models'.

Replies are kept (`visrep.env.perception.cache`), what is made of them is not: with another `Judging` no model is asked
again for what it has told.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Judging:
    """The choices.

    A property holds where its match is above `property_threshold`, a number in [0, 1]; 0.6 is ViperGPT's (`thresh_clip`
    and `thresh_xvlm` in configs/base_config.yaml of github cvlab-columbia/viper). With `recheck`, `exists` asks about
    each thing that `find` has found whether it is one, and one "yes" is enough (ViperGPT's image_patch.py).
    """

    property_threshold: float = 0.6
    recheck: bool = False

    @property
    def identity(self) -> str:
        """What tells programs' answers from those that the same models would give by default; empty for these."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return "".join(f", {name} {chosen[name]}" for name in chosen if chosen[name] != getattr(USUAL, name))


USUAL = Judging()
