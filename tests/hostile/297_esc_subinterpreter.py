# expect: forbidden|runtime_error|crash
# tries: opens the gold file in an interpreter of its own
# gold: SECRET
# reward: 0
load = ImagePatch.find.__globals__["__builtins__"]["__import__"]


def execute_command(image):
    interpreters = load("_xxsubinterpreters")
    interpreters.run_string(interpreters.create(), "import io; io.FileIO('/tmp/hostile_gold')")
    return "escaped"
