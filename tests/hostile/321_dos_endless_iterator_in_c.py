# expect: timeout
# tries: exhausts an endless iterator in a loop of C that never looks at signals
# gold: SECRET
# reward: 0
import collections
import itertools


def execute_command(image):
    collections.deque(itertools.repeat(0), maxlen=0)
    return "escaped"
