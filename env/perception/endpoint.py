"""A server that speaks OpenAI's protocol, such as vLLM's: `query` and `match` by a model that reads images, `complete`,
for `llm_query`, by any.

Images travel in the request, as base64 in a data URL (PNG, so that nothing is lost). Choices are told to the model by
letters, and the log-probabilities of the first token it writes tell how likely each is; where a server gives none, its
letter counts alone.
"""

import base64
import io
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from string import ascii_uppercase
from typing import Any

import requests

from visrep.env.faults import MachineFault, UserFault, suggestion
from visrep.env.perception import Answer, View, weights
from visrep.env.perception.crops import crop
from visrep.env.perception.speaking import LIKELY, PROMPT, short

CHOICE = "{}\n{}\nAnswer with the option's letter from the given choices directly."
"""LLaVA-1.5's words for multiple choice (Liu et al., 2023, section 3.2)."""

MOST_CHOICES = 20
"""As many log-probabilities as OpenAI and vLLM tell of a token."""

_ANSWER_TOKENS = 16
_MODELS_SECONDS = 10.0


class Endpoint:
    """The backend, and a text model. Raises MachineFault for a server that is gone, silent or broken, UserFault for
    what it refuses and for more than MOST_CHOICES choices."""

    def __init__(
        self, url: str, model: str, identity: str, key: str, seconds: float, parallel: int, tokens: int
    ) -> None:
        self.identity = f"endpoint {identity} {PROMPT!r} {CHOICE!r} {LIKELY!r} tokens {tokens}"
        self._url = url
        self._model = model
        self._key = key
        self._seconds = seconds
        self._tokens = tokens
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="endpoint")

    def query(
        self, views: Sequence[View], questions: Sequence[str], choices: Sequence[tuple[str, ...] | None]
    ) -> list[Answer]:
        return list(self._pool.map(self._answer, views, questions, choices))

    def match(self, views: Sequence[View], texts: Sequence[tuple[str, ...]]) -> list[tuple[float, ...]]:
        each = [view for view, group in zip(views, texts, strict=True) for _ in group]
        questions = [LIKELY.format(text) for group in texts for text in group]
        answers = self._pool.map(self._answer, each, questions, [("yes", "no")] * len(each))
        return [tuple(next(answers).likelihoods[0] for _ in group) for group in texts]

    def complete(self, prompts: Sequence[str]) -> list[str]:
        return [told["message"]["content"].strip() for told in self._pool.map(self._written, prompts)]

    def _written(self, prompt: str) -> Any:
        return self._ask(prompt, max_tokens=self._tokens)

    def _answer(self, view: View, question: str, choices: tuple[str, ...] | None) -> Answer:
        if not choices:
            content = [_image(view), {"type": "text", "text": PROMPT.format(question)}]
            return Answer(short(self._ask(content, max_tokens=_ANSWER_TOKENS)["message"]["content"]))
        if len(choices) > MOST_CHOICES:
            raise UserFault(f"a question with {len(choices)} choices; an endpoint answers those with {MOST_CHOICES}")
        letters = ascii_uppercase[: len(choices)]
        listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices, strict=True))
        content = [_image(view), {"type": "text", "text": CHOICE.format(question, listed)}]
        told = self._ask(content, max_tokens=1, logprobs=True, top_logprobs=MOST_CHOICES)
        likelihoods = _likelihoods(told, letters)
        return Answer(choices[max(range(len(choices)), key=likelihoods.__getitem__)], likelihoods)

    def _ask(self, content: Any, **settings: Any) -> Any:
        """The server's choice: the message it wrote, and log-probabilities where they were asked for."""
        body = {"model": self._model, "messages": [{"role": "user", "content": content}], "temperature": 0.0}
        reply = _reply("POST", f"{self._url}/v1/chat/completions", self._key, self._seconds, body | settings)
        try:
            told = reply.json()["choices"][0]
            told["message"]["content"] = told["message"]["content"] or ""
        except (ValueError, LookupError, TypeError) as error:
            raise MachineFault(f"the server at {self._url} answers what is no chat completion: {error!r}") from error
        return told


def load(
    url: str,
    model: str | None = None,
    revision: str | None = None,
    key_variable: str = "OPENAI_API_KEY",
    seconds: float = 120.0,
    parallel: int = 16,
    max_tokens: int = 256,
) -> Endpoint:
    """`url` is the server's, such as "http://localhost:8000"; it is asked for its models now. `model` is one of them,
    by default the first, and `revision` whatever tells its weights from others, since a server does not.

    The key, if it wants one, is in the environment's `key_variable`, as a recipe is saved with its run. At most
    `parallel` requests are under way, and each is given `seconds`. `max_tokens` is for `complete`; 256 are ViperGPT's.
    """
    parallel, max_tokens = weights.count("parallel", parallel), weights.count("max_tokens", max_tokens)
    url, key = url.rstrip("/").removesuffix("/v1"), os.environ.get(key_variable, "")
    try:
        listed = _reply("GET", f"{url}/v1/models", key, _MODELS_SECONDS).json()["data"]
        roots = {str(entry["id"]): str(entry.get("root")) for entry in listed}
    except MachineFault as fault:
        raise UserFault(f"{fault}; start the server or correct the option 'url'") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserFault(f"what answers at {url}/v1/models is no list of models; correct the option 'url'") from None
    if not roots or model not in (None, *roots):
        near = suggestion(model or "", roots) or f"; it serves {', '.join(roots) or 'none'}"
        raise UserFault(f"the server at {url} does not serve the model {model!r}{near}")
    served = model or next(iter(roots))
    return Endpoint(url, served, f"{served} {roots[served]} {revision}", key, seconds, parallel, max_tokens)


def _reply(method: str, url: str, key: str, seconds: float, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        reply = requests.request(method, url, json=body, headers=headers, timeout=(_MODELS_SECONDS, seconds))
    except requests.RequestException as error:
        raise MachineFault(f"no answer from {url}: {' '.join(str(error).split())[:300]}") from error
    if reply.status_code >= 500:
        raise MachineFault(f"{url} failed with {reply.status_code}: {_complaint(reply)}")
    if reply.status_code != 200:
        raise UserFault(f"{url} refused with {reply.status_code}: {_complaint(reply)}")
    return reply


def _complaint(reply: requests.Response) -> str:
    try:
        message = str(reply.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        message = reply.text
    return " ".join(message.split())[:300]


def _image(view: View) -> dict[str, Any]:
    data = io.BytesIO()
    crop(view).save(data, format="PNG")
    address = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": address}}


def _likelihoods(told: Any, letters: str) -> tuple[float, ...]:
    """Of each letter, summing to 1; equal ones where the model said none of them."""
    tokens = (told.get("logprobs") or {}).get("content") or []
    masses = dict.fromkeys(letters, 0.0)
    for entry in tokens[0].get("top_logprobs") or [] if tokens else []:
        letter = entry["token"].strip(" .()").upper()
        if letter in masses:
            masses[letter] += math.exp(entry["logprob"])
    if not any(masses.values()):
        said = told["message"]["content"].strip(" .()")[:1].upper()
        masses = {letter: float(letter == said) for letter in letters}
    total = sum(masses.values())
    return tuple(mass / total if total else 1 / len(letters) for mass in masses.values())
