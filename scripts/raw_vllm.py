"""vLLM's offline engine, used as its documentation does, for the benchmarks to compare with; not one of visrep's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vllm import LLM, SamplingParams
from vllm.engine.arg_utils import EngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser

from visrep.policy.arguments import engine_arguments
from visrep.policy.prompt import STOP
from visrep.policy.seeds import prompt_seeds
from visrep.train.config import Recipe

IN_FLIGHT = 64


class RawVLLM:
    """`vllm.LLM` with the arguments that visrep's server gets for the same recipe."""

    def __init__(self, recipe: Recipe, model: Path) -> None:
        policy = recipe.policy
        arguments = engine_arguments(
            model, dtype=policy.dtype, max_model_len=policy.max_model_len, in_flight=IN_FLIGHT, rank=0
        )
        parser = EngineArgs.add_cli_args(FlexibleArgumentParser())
        parsed = parser.parse_args(["--model", str(model), *arguments])
        self._sampling = recipe.sampling
        self._engine = LLM.from_engine_args(EngineArgs.from_cli_args(parsed))

    def generate(self, prompts: Sequence[str], n: int, temperature: float, seed: int) -> list[list[Any]]:
        """vLLM's completions (`text`, `token_ids`, `finish_reason`) of each prompt, with visrep's seeds."""
        wanted = [
            SamplingParams(
                n=n,
                temperature=temperature,
                seed=each,
                max_tokens=self._sampling.max_tokens,
                top_p=self._sampling.top_p,
                stop=list(STOP),
            )
            for each in prompt_seeds(prompts, seed)
        ]
        return [list(reply.outputs) for reply in self._engine.generate(list(prompts), wanted, use_tqdm=False)]

    def close(self) -> None:
        self._engine.llm_engine.engine_core.shutdown()  # else a child process waits for the engine's at its end
