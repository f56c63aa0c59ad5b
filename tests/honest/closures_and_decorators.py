def make_counter():
    count = 0

    def step(by=1):
        nonlocal count
        count += by
        return count

    return step


def execute_command(image):
    first, second = make_counter(), make_counter()
    return [first(), first(), second(10), first(5), second()]
# ---
def compose(*functions):
    def composed(value):
        for function in functions:
            value = function(value)
        return value

    return composed


def execute_command(image):
    pipeline = compose(lambda im: im.find("kite"), len, lambda n: n * 7, str, lambda s: s.rjust(4, "0"))
    return pipeline(image)
# ---
def repeat(times):
    def decorator(function):
        def wrapper(*args):
            return [function(*args) for _ in range(times)]

        return wrapper

    return decorator


@repeat(3)
def ask(patch, question):
    return patch.simple_query(question)


def execute_command(image):
    return ask(image, "What is this?")
# ---
def memoize(function):
    known = {}

    def remembering(*args):
        if args not in known:
            known[args] = function(*args)
        return known[args]

    remembering.known = known
    return remembering


@memoize
def paths(rows, columns):
    if rows == 0 or columns == 0:
        return 1
    return paths(rows - 1, columns) + paths(rows, columns - 1)


def execute_command(image):
    return paths(12, 12), len(paths.known)
# ---
REGISTRY = {}


def command(name):
    def register(function):
        REGISTRY[name] = function
        return function

    return register


@command("count")
def count_all(image, what):
    return len(image.find(what))


@command("where")
def where(image, what):
    return ["left" if p.horizontal_center < 50 else "right" for p in image.find(what)]


def execute_command(image):
    return [[name, REGISTRY[name](image, "bell")] for name in sorted(REGISTRY)]
# ---
class Trace:
    def __init__(self, function):
        self.function = function
        self.calls = []

    def __call__(self, *args, **kwargs):
        self.calls.append(f"{args}{sorted(kwargs.items())}")
        return self.function(*args, **kwargs)


@Trace
def mix(a, b=2, *, c=3):
    return a * 100 + b * 10 + c


def execute_command(image):
    return [mix(1), mix(1, c=9), mix(b=0, a=4)], mix.calls
# ---
def upper(function):
    return lambda *args: function(*args).upper()


def quoted(mark):
    return lambda function: lambda *args: f"{mark}{function(*args)}{mark}"


@quoted("*")
@upper
@quoted("_")
def label(patch):
    return patch.simple_query("Which color?")


def execute_command(image):
    return label(image)
# ---
def curry(function, arity):
    def curried(*args):
        if len(args) >= arity:
            return function(*args)
        return lambda *more: curried(*args, *more)

    return curried


def execute_command(image):
    volume = curry(lambda a, b, c: a * b * c, 3)
    return [volume(2)(3)(4), volume(2, 3)(4), volume(2)(3, 4), volume(2, 3, 4)]
# ---
def account(balance):
    def deposit(amount):
        nonlocal balance
        balance += amount

    def withdraw(amount):
        nonlocal balance
        if amount > balance:
            raise ValueError(f"only {balance} left")
        balance -= amount

    return {"deposit": deposit, "withdraw": withdraw, "balance": lambda: balance}


def execute_command(image):
    mine = account(10)
    mine["deposit"](len(image.find("coin")))
    try:
        mine["withdraw"](100)
    except ValueError as error:
        return str(error), mine["balance"]()
# ---
def execute_command(image):
    # A function can call itself by way of a lambda.
    z = lambda f: (lambda x: x(x))(lambda x: f(lambda *args: x(x)(*args)))
    factorial = z(lambda self: lambda n: 1 if n == 0 else n * self(n - 1))
    cells = factorial.__closure__
    return [factorial(10), type(cells).__name__, (lambda: (yield))().__next__() is None]
