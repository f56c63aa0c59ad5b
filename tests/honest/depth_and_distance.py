def execute_command(image):
    # Which of the cars is closest to the camera?
    cars = image.find("car")
    cars.sort(key=lambda car: car.compute_depth())
    return cars[0]


# ---
def execute_command(image):
    depths = [patch.compute_depth() for patch in image.find("tree")]
    return sum(depths) / len(depths)


# ---
def execute_command(image):
    first, second, third = image.find("bird")
    return [distance(first, second), distance(first, third), distance(third, first)]


# ---
def execute_command(image):
    big = image.crop(0, 0, 60, 60)
    small = image.crop(30, 30, 60, 60)
    diagonal = image.crop(70, 65, 80, 75)
    return distance(big, small), distance(small, diagonal), distance(big, big)


# ---
def execute_command(image):
    # Is the dog closer to the first or to the last person?
    dog = image.find("dog")[0]
    people = image.find("person")
    to_first, to_last = distance(dog, people[0]), distance(dog, people[-1])
    return "the first" if to_first < to_last else "the last"


# ---
def execute_command(image):
    patches = image.find("buoy")
    matrix = [[round(distance(a, b), 3) for b in patches] for a in patches]
    return matrix


# ---
def nearest(to, candidates):
    best, best_distance = None, float("inf")
    for candidate in candidates:
        gap = distance(to, candidate)
        if gap < best_distance:
            best, best_distance = candidate, gap
    return best


def execute_command(image):
    lighthouse = image.crop(40, 20, 45, 60)
    return nearest(lighthouse, image.find("ship"))


# ---
def execute_command(image):
    depth = image.compute_depth()
    label = "near" if depth < 1 else "far" if depth > 10 else "in between"
    return f"{label} ({depth:.2f} m)"


# ---
import math


def execute_command(image):
    nearest_depth = math.inf
    nearest_name = "nothing"
    for name in ["unicorn", "bench", "statue"]:
        for patch in image.find(name):
            depth = patch.compute_depth()
            if depth < nearest_depth:
                nearest_depth, nearest_name = depth, name
    return nearest_name, nearest_depth
