from prometheus_client import generate_latest

from serve_app.figures import Figures


def series(figures: Figures, name: str) -> list[str]:
    return [line for line in generate_latest(figures.registry).decode().splitlines() if line.startswith(name)]


def test_requests_are_counted_by_kind_method_and_status() -> None:
    figures = Figures()
    for status in (200, 200, 409):
        figures.count("door", "POST", status, 0.02)
    figures.count("other", "GET", 200, 3.0)
    counted = series(figures, "lyceum_http_requests_total")
    assert sorted(line.rpartition(" ")[2] for line in counted) == ["1.0", "1.0", "2.0"]
    assert any('kind="door",method="POST"' in line and 'status="200"' in line for line in counted)
    quick = [line for line in series(figures, "lyceum_http_request_seconds_bucket") if 'kind="door",le="0.025"' in line]
    assert [line.rpartition(" ")[2] for line in quick] == ["3.0"]


def test_made_up_methods_make_one_series() -> None:
    figures = Figures()
    for number in range(50):
        figures.count("other", f"X{number}", 405, 0.001)
    counted = series(figures, "lyceum_http_requests_total")
    assert len(counted) == 1
    assert counted[0].endswith(" 50.0")


def test_replicas_in_one_process_do_not_meet() -> None:
    first, second = Figures(), Figures()
    first.count("other", "GET", 200, 0.1)
    assert series(first, "lyceum_http_requests_total")
    assert not series(second, "lyceum_http_requests_total")
