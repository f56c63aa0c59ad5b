import json

import pytest

from visrep.env.faults import UserFault
from visrep.policy.scripted import Scripted


def texts(policy, prompt, n=2):
    ((_, completions),) = policy.sample([prompt], n, 1.0, 0)
    return [completion.text for completion in completions]


def test_a_script_decides_what_is_written():
    policy = Scripted(lambda prompt, n, seed: [f"{prompt} {number} {seed}" for number in range(n)])
    replies = dict(policy.sample(["a", "b"], 2, 0.8, 7))
    assert [completion.text for completion in replies[1]] == ["b 0 7", "b 1 7"]
    assert all(completion.finished and completion.tokens == 3 for completion in replies[0])


def test_of_a_mapping_the_question_asked_last_decides():
    policy = Scripted({"one?": ["first"], "two?": ["second", "third"], "": ["any"]})
    assert texts(policy, "# two?\n# one?\ndef") == ["first", "first"]
    assert texts(policy, "# one?\n# two?\ndef", n=3) == ["second", "third", "second"]
    assert texts(policy, "# three?\ndef", n=1) == ["any"]


def test_a_question_the_mapping_lacks_is_an_error():
    with pytest.raises(UserFault, match="no text for the prompt"):
        texts(Scripted({"one?": ["first"]}), "# two?")


def test_a_mapping_can_be_a_file(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps({"": [" return 1"]}))
    assert texts(Scripted.from_file(tmp_path / "script.json"), "x", n=1) == [" return 1"]


@pytest.mark.parametrize("content", [None, "", "[]", '{"a": 3}', "3"])
def test_a_broken_script_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "script.json").write_text(content)
    with pytest.raises(UserFault, match=r"script\.json: .*expected a JSON object"):
        Scripted.from_file(tmp_path / "script.json")
