import random


def execute_command(image):
    return [random.random(), random.randint(1, 6), random.choice("abc")]


# ---
import random


def execute_command(image):
    random.seed(42)
    return [random.randrange(0, 100, 5) for _ in range(10)]


# ---
from random import Random


def execute_command(image):
    one, two = Random(7), Random(7)
    first = [one.uniform(0, 10) for _ in range(3)]
    second = [two.uniform(0, 10) for _ in range(3)]
    return first == second, first


# ---
import random


def execute_command(image):
    deck = [rank + suit for suit in "CDHS" for rank in "23456789TJQKA"]
    random.shuffle(deck)
    return deck[:5], len(set(deck))


# ---
import random


def execute_command(image):
    patches = image.find("ticket")
    return random.choice(patches), random.sample(range(1, 50), 6), random.choices("xyz", weights=[1, 5, 1], k=8)


# ---
import random


def execute_command(image):
    # Estimate pi with random points
    generator = random.Random("a text as a seed")
    inside = sum(generator.random() ** 2 + generator.random() ** 2 <= 1 for _ in range(2000))
    return 4 * inside / 2000


# ---
import random


def execute_command(image):
    random.seed(2024)
    return [
        random.gauss(0, 1),
        random.normalvariate(5, 2),
        random.expovariate(0.5),
        random.betavariate(2, 3),
        random.triangular(0, 10, 3),
        random.lognormvariate(0, 0.25),
        random.getrandbits(70),
        random.gammavariate(2, 1),
        random.vonmisesvariate(0, 4),
        random.paretovariate(3),
    ]


# ---
import random


def execute_command(image):
    state = random.getstate()
    before = [random.random() for _ in range(4)]
    random.setstate(state)
    after = [random.random() for _ in range(4)]
    return before == after


# ---
import random


def execute_command(image):
    rng = random.Random(0)
    found = 0
    for _ in range(12):
        x, y = rng.randint(0, 80), rng.randint(0, 60)
        part = image.crop(x, y, x + 20, y + 20)
        found += len(part.find("bird")) if x % 2 else part.exists("unicorn")
    return [found, rng.randbytes(4).hex()]


# ---
import random


def walk(steps, rng=random):
    x = y = 0
    for _ in range(steps):
        dx, dy = rng.choice([(1, 0), (-1, 0), (0, 1), (0, -1)])
        x, y = x + dx, y + dy
    return x, y


def execute_command(image):
    return [walk(100) for _ in range(3)] + [walk(100, random.Random(b"bytes"))]
