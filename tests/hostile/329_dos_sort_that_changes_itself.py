# expect: runtime_error
# tries: a comparison that empties and refills the list that is being sorted
# gold: SECRET
# reward: 0
class Item:
    def __lt__(self, other):
        items.clear()
        items.extend(Item() for _ in range(50))
        return True


items = [Item() for _ in range(50)]


def execute_command(image):
    items.sort()
    return "sorted"
