import math


def execute_command(image):
    return [math.floor(-2.5), math.ceil(-2.5), math.trunc(-2.5), round(-2.5), round(-3.5), int(-2.5)]


# ---
from math import *


def execute_command(image):
    return [sin(pi / 6), cos(pi / 3), tan(pi / 4), degrees(acos(-1)), radians(180) == pi, e, tau]


# ---
import math


def execute_command(image):
    diagonal = math.sqrt(image.width**2 + image.height**2)
    same = math.dist((image.left, image.lower), (image.right, image.upper))
    return diagonal, math.isclose(diagonal, same), math.hypot(3, 4, 12)


# ---
import math as m


def execute_command(image):
    return [m.gcd(84, 36), m.lcm(4, 6, 10), m.comb(10, 3), m.perm(5, 2), m.factorial(20), m.isqrt(10**20 + 1)]


# ---
import math


def execute_command(image):
    tenths = [0.1] * 10
    return [sum(tenths), math.fsum(tenths), sum(tenths) == 1.0, math.fsum(tenths) == 1.0, math.prod(range(1, 11))]


# ---
import math


def execute_command(image):
    values = [1e-300, 0.5, 1, 2.718281828, 1e10]
    return [[math.log(v), math.log2(v), math.log10(v), math.log1p(v)] for v in values]


# ---
import math


def execute_command(image):
    strange = [math.nan, math.inf, -math.inf, -0.0]
    checks = [[math.isnan(x), math.isinf(x), math.copysign(1, x)] for x in strange[1:]]
    return checks + [math.isnan(strange[0]), strange[0] != strange[0], str(strange), max(strange[1:]) > 1e308]


# ---
import math


def execute_command(image):
    mantissa, exponent = math.frexp(image.width)
    fraction, whole = math.modf(image.find("line")[0].right)
    return [mantissa, exponent, math.ldexp(mantissa, exponent), fraction, whole, math.fmod(-7, 3), -7 % 3]


# ---
import math


def simpson(f, a, b, n=100):
    h = (b - a) / n
    total = f(a) + f(b)
    for i in range(1, n):
        total += f(a + i * h) * (4 if i % 2 else 2)
    return total * h / 3


def execute_command(image):
    return [simpson(math.sin, 0, math.pi), simpson(lambda x: math.exp(-x * x), -3, 3), math.erf(3) * math.sqrt(math.pi)]


# ---
import math


def execute_command(image):
    return [
        math.gamma(5.5),
        math.lgamma(100),
        math.sinh(1),
        math.atan2(-1, -1),
        math.cbrt(27),
        math.exp2(0.5),
        math.remainder(10, 4),
        math.nextafter(1.0, 2.0),
        math.ulp(1.0),
        math.expm1(1e-10),
    ]
