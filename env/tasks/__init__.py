"""Data sets: one file each, with `load(root, split, **options) -> Iterator[Task]`."""
