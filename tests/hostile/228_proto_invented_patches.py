# expect: protocol
# tries: answers its own question with a patch that the host never gave out, and asks about it
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def frame(body):
    load("os").write(3, len(body).to_bytes(4, "little") + body)


def execute_command(image):
    child = load("sys").modules["visrep.env.sandbox.child"]
    receive = child.Connection.receive
    child.Connection.receive = lambda self: (receive(self), ["ok", [[40, 0, 0, 90, 70]]])[1]
    (found,) = image.find("cup")
    child.Connection.receive = receive
    return found.simple_query()
