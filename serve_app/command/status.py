"""`lyceum status`: what runs, since when, how it feels and what it needs."""

import asyncio
import time

import psutil
from rich.console import Console

from persistence.durability import find_risks
from persistence.errors import StoreAway
from persistence.queue_figures import DeadJob, QueueSizes, look_at_queue
from serve_app.command import health
from serve_app.command.data_folder import DataFolder, Run
from serve_app.command.processes import belonging_to, memory_bytes, tree
from serve_app.settings import Settings

_DEAD_SHOWN = 10
_LINE = 300


def status(settings: Settings, console: Console) -> bool:
    """Print it; says whether everything that is needed answers."""
    run = DataFolder(settings.data_dir).find_run()
    if run is None or not run.is_alive:
        console.print(f"Lyceum is not running on {settings.data_dir}.")
        return False
    answer = health.ask(run.bind, run.http_port)
    processes = members(run)
    minutes = (time.time() - run.process_started) / 60
    console.print(f"Lyceum runs since {minutes:.0f} min (process {run.pid}).", highlight=False)
    console.print(f"  Site       {run.http_url}", highlight=False)
    console.print(f"  Sockets    {run.realtime_url}", highlight=False)
    console.print(f"  Processes  {len(processes)}, {memory_bytes(processes) // 2**20} MB together", highlight=False)
    for part, word in answer.checks.items():
        console.print(f"  {part:<10} {word}", highlight=False)
    if not answer.checks:
        console.print("  The site gives no answer." if run.ready else "  It is still starting.")
    for sentence in jobs(run.database_url):
        console.print(f"  {sentence}", highlight=False, markup=False)
    for sentence in warnings(run.database_url):
        console.print(f"  [bold red]Warning[/]    {sentence}", highlight=False)
    return answer.status == 200


def warnings(database_url: str) -> list[str]:
    """What an operator should know of the database although everything answers; nothing while it does not."""
    try:
        return [f"Not safe against power loss. {risk}" for risk in asyncio.run(find_risks(database_url))]
    except StoreAway:
        return []  # the health above says it


def jobs(database_url: str) -> list[str]:
    """How long the queue of jobs is and which were given up; nothing while Postgres does not answer."""
    try:
        sizes, dead = asyncio.run(look_at_queue(database_url, _DEAD_SHOWN))
    except StoreAway:
        return []  # the health above says it
    return describe_jobs(sizes, dead)


def describe_jobs(sizes: QueueSizes, dead: list[DeadJob]) -> list[str]:
    """A line for the queue, and one a dead letter."""
    lines = [f"Jobs       {sizes.waiting} waiting, {sizes.running} running, {sizes.later} for later, {sizes.dead} given up"]
    for job in dead:
        why = " ".join(job.reason.split())
        lines.append(f"  given up {job.since[:19]} after {job.tries}: {job.kind} {job.id}, {why}"[:_LINE])
    if sizes.dead > len(dead):
        lines.append(f"  and {sizes.dead - len(dead)} more")
    return lines


def members(run: Run) -> list[psutil.Process]:
    """Every process of the run: its own tree, what Ray detached from it, and the databases."""
    found = {process.pid: process for process in (*tree(run.pid), *belonging_to(run.work_folders))}
    return list(found.values())
