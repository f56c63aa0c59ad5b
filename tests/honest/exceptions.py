def execute_command(image):
    steps = []
    try:
        steps.append("try")
        int("twelve")
        steps.append("not reached")
    except ValueError as error:
        steps.append(str(error))
    else:
        steps.append("else")
    finally:
        steps.append("finally")
    return steps


# ---
def divide(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return float(0)
    finally:
        divide.calls += 1


divide.calls = 0


def execute_command(image):
    results = [divide(1, 4), divide(1, 0), divide(0, 3)]
    return results + [divide.calls]


# ---
class AppError(Exception):
    code = 1


class NotThere(AppError):
    code = 2

    def __init__(self, what):
        super().__init__(f"{what} is not there")
        self.what = what


class Twice(AppError):
    code = 3

    def __str__(self):
        return "twice: " + "/".join(self.args)


def execute_command(image):
    seen = []
    for error in (NotThere("key"), Twice("a", "b"), AppError()):
        try:
            raise error
        except NotThere as e:
            seen.append([e.code, str(e), e.what])
        except AppError as e:
            seen.append([e.code, str(e), repr(e)])
    return seen


# ---
def execute_command(image):
    try:
        try:
            {}["missing"]
        except KeyError as inner:
            raise RuntimeError("lookup failed") from inner
    except RuntimeError as outer:
        cause = outer.__cause__
        return [str(outer), type(cause).__name__, cause.args[0], outer.__suppress_context__]


# ---
def execute_command(image):
    names = []
    attempts = [
        lambda: [][0],
        lambda: {}["x"],
        lambda: 1 / 0,
        lambda: "a" + 1,
        lambda: int("z"),
        lambda: None.x,
        lambda: undefined_name,
        lambda: next(iter(())),
        lambda: (1).bit_count(1),
        lambda: "é".encode("ascii"),
        lambda: b"\xff".decode("utf-8"),
        lambda: [1, 2].remove(3),
        lambda: 2.0**10000,
        lambda: 1 << -1,
        lambda: "abc".index("z"),
        lambda: {[]: 1},
        lambda: 10**400 * 1.0,
    ]
    for attempt in attempts:
        try:
            attempt()
        except Exception as error:
            names.append(f"{type(error).__name__}: {error}")
    return names


# ---
def flow(kind):
    log = []

    def inner():
        try:
            if kind == "return":
                return "from try"
            if kind == "raise":
                raise KeyError(kind)
            log.append("body")
        except KeyError:
            log.append("except")
            return "from except"
        else:
            log.append("else")
            return "from else"
        finally:
            log.append("finally")
        return "unreachable"

    return [inner(), *log]


def execute_command(image):
    return [flow(kind) for kind in ("return", "raise", "pass")]


# ---
def execute_command(image):
    caught = []
    try:
        raise ExceptionGroup("several", [ValueError("v"), TypeError("t"), ValueError("w")])
    except* ValueError as group:
        caught.append(["ValueError", [str(e) for e in group.exceptions]])
    except* TypeError as group:
        caught.append(["TypeError", [str(e) for e in group.exceptions]])
    return caught


# ---
def execute_command(image):
    try:
        error = ValueError("bad number")
        error.add_note("it came from the third column")
        raise error
    except ValueError as problem:
        return [str(problem), *problem.__notes__]


# ---
def retry(times, function):
    errors = []
    for attempt in range(1, times + 1):
        try:
            return function(attempt), errors
        except ArithmeticError as error:
            errors.append(f"{attempt}: {error}")
    raise RuntimeError(f"gave up after {times}")


def execute_command(image):
    value, errors = retry(5, lambda n: 100 // (n - 1) if n != 2 else 1 % 0)
    try:
        retry(1, lambda n: n / 0)
    except RuntimeError as error:
        errors.append(str(error))
    return value, errors


# ---
def execute_command(image):
    # The name of the exception is gone after its clause.
    try:
        raise OSError("gone")
    except OSError as error:
        kept = error
    try:
        error
    except NameError as missing:
        return [str(kept), type(missing).__name__, str(missing)]


# ---
def loop_with_finally():
    order = []
    for n in range(5):
        try:
            if n == 1:
                continue
            if n == 3:
                break
            order.append(n)
        finally:
            order.append(-n)
    return order


def execute_command(image):
    return loop_with_finally()
