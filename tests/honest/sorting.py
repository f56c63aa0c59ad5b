def execute_command(image):
    # Rightmost first
    patches = sorted(image.find("glass"), key=lambda glass: glass.left, reverse=True)
    return patches


# ---
def execute_command(image):
    words = "the quick brown Fox jumps over The lazy dog".split()
    return sorted(words), sorted(words, key=str.lower), sorted(words, key=lambda w: (len(w), w))


# ---
def bubble_sort(items):
    items = list(items)
    swaps = 0
    for end in range(len(items) - 1, 0, -1):
        for i in range(end):
            if items[i] > items[i + 1]:
                items[i], items[i + 1] = items[i + 1], items[i]
                swaps += 1
    return items, swaps


def execute_command(image):
    return bubble_sort([round(p.right) for p in reversed(image.find("book"))] + [5, 3, 8])


# ---
def quicksort(xs):
    if len(xs) < 2:
        return xs
    pivot, *rest = xs
    return quicksort([x for x in rest if x < pivot]) + [pivot] + quicksort([x for x in rest if x >= pivot])


def execute_command(image):
    return quicksort([(n * 37) % 101 for n in range(40)])


# ---
def merge_sort(values, key):
    if len(values) <= 1:
        return values
    half = len(values) // 2
    left, right = merge_sort(values[:half], key), merge_sort(values[half:], key)
    merged = []
    while left and right:
        merged.append(left.pop(0) if key(left[0]) <= key(right[0]) else right.pop(0))
    return merged + left + right


def execute_command(image):
    lamps = image.find("lamp") + [image.crop(10, 10, 50, 20), image.crop(40, 40, 45, 45)]
    return merge_sort(lamps, key=lambda lamp: lamp.horizontal_center)


# ---
def execute_command(image):
    # Sorting is stable: sort by the less important key first.
    people = [("Ann", 31), ("Bob", 25), ("Cid", 31), ("Dee", 25), ("Eve", 40)]
    by_name_backwards = sorted(people, key=lambda p: p[0], reverse=True)
    by_age = sorted(by_name_backwards, key=lambda p: p[1])
    return [name for name, _ in by_age]


# ---
from functools import cmp_to_key


def compare(a, b):
    return (a + b < b + a) - (a + b > b + a)


def execute_command(image):
    # Largest number that can be put together
    return "".join(sorted(["3", "30", "34", "5", "9"], key=cmp_to_key(compare)))


# ---
def execute_command(image):
    ranking = {"gold": 3, "silver": 7, "bronze": 7, "wood": 1}
    table = sorted(ranking.items(), key=lambda item: (-item[1], item[0]))
    return [f"{place}. {name}" for place, (name, _) in enumerate(table, 1)]


# ---
def execute_command(image):
    patches = image.find("mug")
    order = sorted(range(len(patches)), key=lambda i: abs(patches[i].horizontal_center - 60))
    return order, max(patches, key=lambda p: (p.width, p.left)), min([p.left for p in patches], default=0)


# ---
def binary_search(values, wanted):
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def execute_command(image):
    values = [n * n for n in range(20)]
    return [binary_search(values, x) for x in (0, 1, 2, 100, 361, 400)]
