"""Tasks with names."""
import asyncio


def create_task(coro, *, name: str, keep_ref: bool = True, client=None):
    task = asyncio.get_running_loop().create_task(coro)
    task.set_name(name)
    if keep_ref:
        _kept.add(task)
        task.add_done_callback(_kept.discard)
    return task


_kept = set()
