# expect: wrong_answer
# tries: object names and texts that are null, numbers, lists and objects
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    os, said = load("os"), []
    for argument in (b"null", b"true", b"-0", b"[]", b"{}", b'{"a":[[[]]]}', b'" "', b"1e5"):
        for call in (b'["call","find",[0,%b]]', b'["call","best_text_match",[0,%b,null]]', b'["call","llm_query",[%b,0]]'):
            frame(call % argument)
            said.append(os.read(3, int.from_bytes(os.read(3, 4), "little")).decode()[:8])
    return " ".join(sorted(set(said)))
