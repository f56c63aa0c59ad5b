import math


def execute_command(image):
    first, second = image.find("ball")[:2]
    dx = first.horizontal_center - second.horizontal_center
    dy = first.vertical_center - second.vertical_center
    return math.hypot(dx, dy)


# ---
def area(patch):
    return patch.width * patch.height


def execute_command(image):
    shares = [area(patch) / area(image) for patch in image.find("door")]
    return [round(share, 4) for share in shares]


# ---
def execute_command(image):
    # The leftmost person
    people = image.find("person")
    people.sort(key=lambda person: person.horizontal_center)
    return people[0]


# ---
def intersection_over_union(one, other):
    across = max(0, min(one.right, other.right) - max(one.left, other.left))
    upwards = max(0, min(one.upper, other.upper) - max(one.lower, other.lower))
    shared = across * upwards
    union = one.width * one.height + other.width * other.height - shared
    return shared / union if union else 0.0


def execute_command(image):
    strips = image.find("stripe")
    wide = image.crop(20, 10, 60, 70)
    return [intersection_over_union(strip, wide) for strip in strips]


# ---
def execute_command(image):
    # Which corner of the image is the crop closest to?
    patch = image.crop(70, 5, 95, 30)
    corners = {
        "bottom left": (image.left, image.lower),
        "bottom right": (image.right, image.lower),
        "top left": (image.left, image.upper),
        "top right": (image.right, image.upper),
    }

    def squared(corner):
        x, y = corners[corner]
        return (x - patch.horizontal_center) ** 2 + (y - patch.vertical_center) ** 2

    return min(corners, key=squared)


# ---
def execute_command(image):
    w, h = image.width, image.height
    orientation = "landscape" if w > h else "portrait" if w < h else "square"
    return f"{orientation} {w:.0f}x{h:.0f}"


# ---
class Box:
    def __init__(self, left, lower, right, upper):
        self.left, self.lower, self.right, self.upper = left, lower, right, upper

    @classmethod
    def around(cls, patches):
        return cls(
            min(p.left for p in patches),
            min(p.lower for p in patches),
            max(p.right for p in patches),
            max(p.upper for p in patches),
        )

    def grown(self, by):
        return Box(self.left - by, self.lower - by, self.right + by, self.upper + by)


def execute_command(image):
    box = Box.around(image.find("sheep")[1:]).grown(3)
    return image.crop(box.left, box.lower, box.right, box.upper)


# ---
from math import atan2, degrees


def execute_command(image):
    center_x, center_y = image.horizontal_center, image.vertical_center
    angles = []
    for x, y in [(100, 40), (50, 80), (0, 40), (50, 0), (100, 80)]:
        angles.append(degrees(atan2(y - center_y, x - center_x)))
    return angles


# ---
def execute_command(image):
    """Put the image on a grid and say which cells overlap the middle strip."""
    middle = image.find("tower")[1]
    cells = []
    for row in range(4):
        for column in range(5):
            left, lower = column * 20, row * 20
            if middle.overlaps_with(left, lower, left + 20, lower + 20):
                cells.append((row, column))
    return cells


# ---
def shoelace(points):
    total = 0
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        total += x1 * y2 - x2 * y1
    return abs(total) / 2


def execute_command(image):
    triangle = [(0, 0), (image.width, 0), (image.horizontal_center, image.height)]
    l, b, r, t = image.left, image.lower, image.right, image.upper
    return shoelace(triangle), shoelace([(l, b), (r, b), (r, t), (l, t)])


# ---
def execute_command(image):
    quadrants = []
    for y0 in (0, 40):
        for x0 in (0, 50):
            quadrants.append(image.crop(x0, y0, x0 + 50, y0 + 40))
    centers = [(q.horizontal_center, q.vertical_center) for q in quadrants]
    overlapping = sum(
        a.overlaps_with(b.left, b.lower, b.right, b.upper) for a in quadrants for b in quadrants if a is not b
    )
    return [centers, overlapping]


# ---
def execute_command(image):
    point = complex(image.horizontal_center, image.vertical_center)
    turned = [point * 1j**quarter for quarter in range(4)]
    return [(z.real, z.imag) for z in turned] + [abs(point)]
