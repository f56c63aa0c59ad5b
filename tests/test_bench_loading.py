"""The benchmark of loaders reads all that it generates, in memory that does not grow with it."""

from pathlib import Path

from visrep.env.tasks import vqav2
from visrep.scripts.bench_loading import SPLIT, read_all, write_shuffled


def test_all_generated_tasks_are_read(tmp_path: Path) -> None:
    readings = list(read_all(tmp_path, 3000))
    assert [reading.data for reading in readings] == ["vqav2", "vqav2, reordered", "gqa"]
    for reading in readings:
        assert reading.tasks == 3000
        assert 0 <= reading.first_task_seconds < 3000 / reading.tasks_per_second
        assert reading.memory_mb < 40
        assert reading.file_mb > 1
    assert not list(tmp_path.iterdir()), "files are removed"


def test_annotations_in_another_order_are_in_another_order(tmp_path: Path) -> None:
    write_shuffled(tmp_path, 100)
    text = (tmp_path / vqav2.FILES[1].format(SPLIT)).read_text()
    assert '"question_id": 0}' not in text[:3000]
    tasks = list(vqav2.load(tmp_path, SPLIT))
    assert [task.question.id for task in tasks] == [str(number) for number in range(100)]
