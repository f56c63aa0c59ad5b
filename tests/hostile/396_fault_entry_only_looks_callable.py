# expect: no_entry|runtime_error
# tries: an object with a __call__ of its own that its class lacks
# gold: SECRET
# reward: 0
class Entry:
    pass


execute_command = Entry()
execute_command.__call__ = lambda image: "yes"
