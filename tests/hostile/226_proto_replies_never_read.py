# expect: timeout|call_limit
# tries: sends 200 questions without reading a reply, then sleeps on them
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    for _ in range(200):
        frame(b'["call","crop",[0,0,0,"wide","high"]]')
    load("time").sleep(3600)
