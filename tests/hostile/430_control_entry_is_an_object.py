# expect: ok
# tries: honest: the entry point is a partial of a callable object
# gold: '3 cups'
# reward: 1
import functools


class Count:
    def __call__(self, name, image):
        return f"{len(image.find(name))} {name}s"


execute_command = functools.partial(Count(), "cup")
