"""Three plots over time: requests a second, waits (p50, p95, p99), and users."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests.scenario import Scenario
from loadtests.timeline import Timeline

_SHARES = ((0.5, "half", "#1b7837"), (0.95, "95 %", "#2166ac"), (0.99, "99 %", "#b2182b"))


def draw(scenario: Scenario, timeline: Timeline, user_counts: dict[int, int], began: float) -> Figure:
    """The figure; second 0 is when the scenario began."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    rate, waits, users = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    figure.suptitle(f"{scenario.name}: {scenario.says}")
    zero = int(began)
    _draw_rate(rate, timeline, zero)
    _draw_waits(waits, scenario, timeline, zero)
    seconds = sorted(user_counts)
    users.plot([second - zero for second in seconds], [user_counts[second] for second in seconds], color="#555555")
    users.set(ylabel="users", xlabel="seconds since the start")
    users.set_ylim(bottom=0)
    for axes in (rate, waits, users):
        axes.grid(visible=True, alpha=0.3)
        axes.axvline(0, color="#999999", linewidth=0.8, linestyle=":")
    return figure


def _draw_rate(axes: Axes, timeline: Timeline, zero: int) -> None:
    seconds = timeline.seconds
    xs = [second - zero for second in seconds]
    names = sorted(timeline.by_name().items(), key=lambda item: -item[1].count)
    for name, _ in names[:8]:
        counts = timeline.by_second(frozenset({name}))
        axes.plot(xs, [counts[second].count if second in counts else 0 for second in seconds], label=name, linewidth=1.2)
    everything = timeline.by_second()
    failed = [everything[second].failures if second in everything else 0 for second in seconds]
    if any(failed):
        axes.plot(xs, failed, label="failed or again", color="black", linestyle="--")
    axes.set(ylabel="requests a second")
    if names:
        axes.legend(fontsize="small", ncols=2)


def _draw_waits(axes: Axes, scenario: Scenario, timeline: Timeline, zero: int) -> None:
    figures = sorted(timeline.by_second(scenario.headline).items())
    for share, label, colour in _SHARES:
        points = [(second - zero, within) for second, waits in figures if (within := waits.within(share)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, color=colour, marker=".", linewidth=1.2)
            axes.set_yscale("log")
    axes.set(ylabel="ms until answered, from when due")
    axes.set_title(", ".join(sorted(scenario.headline)), fontsize="small")
    if axes.lines:
        axes.legend(fontsize="small")
