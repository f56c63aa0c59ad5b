# expect: runtime_error|no_entry
# tries: a global whose name equals everything, in the place of the entry point
# gold: SECRET
# reward: 0
class Name(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        raise GeneratorExit("found out")


globals()[Name("execute_command")] = lambda image: "yes"
