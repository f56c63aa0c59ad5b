# expect: runtime_error
# tries: two exceptions that are each the cause and the context of the other
# gold: SECRET
# reward: 0
def execute_command(image):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = second, first
    raise first
