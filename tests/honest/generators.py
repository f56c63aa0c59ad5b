def fibonacci():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


def execute_command(image):
    result = []
    for number in fibonacci():
        if number > image.width:
            break
        result.append(number)
    return result


# ---
def running_average():
    total, count, average = 0.0, 0, None
    while True:
        value = yield average
        total += value
        count += 1
        average = total / count


def execute_command(image):
    averager = running_average()
    next(averager)
    return [averager.send(patch.right) for patch in image.find("pole")]


# ---
def colors(patches):
    for patch in patches:
        yield patch.simple_query("What color is this?")


def execute_command(image):
    first_red = next((i for i, color in enumerate(colors(image.find("tile"))) if color == "red"), None)
    return first_red if first_red is not None else "none"


# ---
def numbered(lines):
    count = 0
    for count, line in enumerate(lines, start=1):
        yield f"{count}. {line}"
    return count


def document():
    first = yield from numbered(["eggs", "milk"])
    second = yield from numbered(["hammer"])
    yield f"{first + second} in all"


def execute_command(image):
    return list(document())


# ---
def guarded(log):
    try:
        while True:
            try:
                received = yield len(log)
                log.append(received)
            except ValueError as error:
                log.append(f"refused {error}")
    finally:
        log.append("closed")


def execute_command(image):
    log = []
    generator = guarded(log)
    next(generator)
    generator.send("one")
    generator.throw(ValueError("two"))
    generator.send("three")
    generator.close()
    return log


# ---
def primes(limit):
    sieve = bytearray([1]) * (limit + 1)
    for n in range(2, limit + 1):
        if sieve[n]:
            yield n
            sieve[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))


def execute_command(image):
    return [p for p in primes(100)]


# ---
def execute_command(image):
    squares = (n * n for n in range(10))
    evens = (s for s in squares if s % 2 == 0)
    total = sum(evens)
    return [total, list(squares), list(evens)]


# ---
class Countdown:
    def __init__(self, start):
        self.start = start

    def __iter__(self):
        n = self.start
        while n > 0:
            yield n
            n -= 1


class Ticker:
    def __init__(self, stop):
        self.now, self.stop = 0, stop

    def __iter__(self):
        return self

    def __next__(self):
        if self.now >= self.stop:
            raise StopIteration
        self.now += 1
        return self.now * 10


def execute_command(image):
    countdown, ticker = Countdown(3), Ticker(3)
    return [list(countdown), list(countdown), list(ticker), list(ticker)]


# ---
def windows(patch, size, step):
    x = patch.left
    while x + size <= patch.right:
        y = patch.lower
        while y + size <= patch.upper:
            yield patch.crop(x, y, x + size, y + size)
            y += step
        x += step


def execute_command(image):
    parts = list(windows(image, 40, 30))
    return [len(parts), parts[0], parts[-1]]


# ---
def returning():
    yield 1
    return "done"


async def later(x):
    return x * 2


async def chain(n):
    total = 0
    for i in range(n):
        total += await later(i)
    return total


def execute_command(image):
    generator = returning()
    values = [next(generator)]
    try:
        next(generator)
    except StopIteration as stop:
        values.append(stop.value)
    try:
        chain(5).send(None)
    except StopIteration as stop:
        values.append(stop.value)
    return values
