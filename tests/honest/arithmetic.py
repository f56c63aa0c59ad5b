def execute_command(image):
    return [7 // 2, -7 // 2, 7 % -3, -7 % 3, 7 / 2, 2**10, 2**-1, divmod(-17, 5), divmod(17.5, -5)]


# ---
def execute_command(image):
    big = 2**500 + 1
    return [big, big % 10**9, len(str(big)), big.bit_length(), str(big)[:20]]


# ---
def execute_command(image):
    return [
        0.1 + 0.2,
        0.1 + 0.2 == 0.3,
        round(2.675, 2),
        round(0.5),
        round(1.5),
        round(1234.5678, -2),
        1e308 * 10 > 1e308,
    ]


# ---
def execute_command(image):
    n = 0b1011_0110
    return [n & 0xF, n | 1, n ^ 0xFF, ~n, n << 3, n >> 2, bin(n).count("1"), n.bit_count(), n & -n, (1 << 64) - 1]


# ---
def is_prime(n):
    if n < 2:
        return False
    d = 2
    while d * d <= n:
        if n % d == 0:
            return False
        d += 1
    return True


def execute_command(image):
    return [n for n in range(int(image.height)) if is_prime(n)]


# ---
def execute_command(image):
    return [pow(3, 200, 1000007), pow(7, -1, 31), int("zz", 36), int("0x1f", 16), int("-0b101", 0), hex(-255), oct(64)]


# ---
def execute_command(image):
    return [(0.75).as_integer_ratio(), (255.5).hex(), float.fromhex("0x1.8p+1"), (3.0).is_integer(), float("1_000.5")]


# ---
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def execute_command(image):
    return max(range(1, 300), key=collatz), collatz(27), collatz(int(image.width))


# ---
def execute_command(image):
    z = complex(3, 4)
    w = z * (1 - 2j) / z.conjugate()
    return [abs(z), z.real, w.real, w.imag, (z**2).imag, (1j**2).real]


# ---
def gcd(a, b):
    while b:
        a, b = b, a % b
    return abs(a)


class Fraction:
    def __init__(self, top, bottom=1):
        common = gcd(top, bottom) * (-1 if bottom < 0 else 1)
        self.top, self.bottom = top // common, bottom // common

    def __add__(self, other):
        return Fraction(self.top * other.bottom + other.top * self.bottom, self.bottom * other.bottom)

    def __str__(self):
        return f"{self.top}/{self.bottom}"


def execute_command(image):
    total = Fraction(0)
    for n in range(1, 21):
        total = total + Fraction(1, n)
    return str(total)


# ---
def execute_command(image):
    # Days between two dates, by arithmetic alone
    def day_number(year, month, day):
        if month < 3:
            year, month = year - 1, month + 12
        return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 306

    leap = [year for year in (1900, 2000, 2023, 2024) if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)]
    return day_number(2024, 3, 1) - day_number(2023, 12, 25), leap, day_number(2024, 1, 1) % 7


# ---
def to_base(n, base):
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    result = ""
    while n:
        n, remainder = divmod(n, base)
        result = digits[remainder] + result
    return result or "0"


def execute_command(image):
    return [to_base(10**30, base) for base in (2, 7, 16, 36)] + [to_base(0, 5), int(to_base(12345, 13), 13)]


# ---
def square_root(x, tolerance=1e-12):
    guess = x / 2
    steps = 0
    while abs(guess * guess - x) > tolerance * x:
        guess = (guess + x / guess) / 2
        steps += 1
    return guess, steps


def execute_command(image):
    return [square_root(value) for value in (2, image.width, 1e-6, 12345.678)]


# ---
def execute_command(image):
    total, sign = 0.0, 1
    for k in range(1, 2000, 2):
        total += sign / k
        sign = -sign
    return total * 4


# ---
def execute_command(image):
    return [
        True + True,
        sum([True, False, True]),
        isinstance(True, int),
        int(True),
        float("1e3"),
        bool(0.0),
        bool("False"),
    ]
