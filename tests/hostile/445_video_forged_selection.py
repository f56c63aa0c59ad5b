# expect: protocol
# input: video
# tries: asks for a frame by number, which no message can
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(video, options):
    frame(b'["call","frame_from_index",[0,99999]]')
    return options[0]
