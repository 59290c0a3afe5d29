"""What a service tells those who watch it, and the pages that it serves."""
import re

from home import ROOT, days_ago


def metrics(service):
    reply = service.ask("GET", "/metrics")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/plain")
    samples = dict(line.rsplit(" ", 1) for line in reply.text.splitlines() if line[0] != "#")
    return {name: float(value) for name, value in samples.items()}, reply.text


def test_the_numbers_are_those_of_the_days(shop, service):
    before, _ = metrics(service)
    assert before['millrace_ingestions{enabled="true"}'] == 3
    assert not [name for name in before if name.startswith("millrace_days{")]
    shop.run("load", "purchases", "--from", days_ago(2), "--to", days_ago(1))
    shop.run("load", "purchases", "--day", days_ago(1))
    after, _ = metrics(service)
    assert after['millrace_days{status="succeeded"}'] == 2
    assert after['millrace_loads_published_total{dataset="events"}'] == 3
    assert after['millrace_rows_published_total{dataset="events"}'] == 30
    published = after['millrace_last_published_timestamp_seconds{dataset="events"}']
    assert 0 <= after["millrace_time_seconds"] - published < 60
    assert after["millrace_loads_running"] == after["millrace_commits_owed"] == 0
    scrapes = 'millrace_http_requests_total{route="/metrics",method="GET",status="200"}'
    assert scrapes not in before and after[scrapes] == 1
    assert after['millrace_http_request_seconds_count{route="/metrics"}'] == 1


def test_what_a_caller_writes_makes_no_series(service):
    for path in ("/nothing", "/nothing/else", "/console/v1/ingestion?name=x"):
        service.ask("GET", path)
    service.ask("CHEESE", "/nothing")
    samples, _ = metrics(service)
    assert not [name for name in samples if "CHEESE" in name]
    routes = {re.search(r'route="(.*?)"', name)[1] for name in samples if "route=" in name}
    assert routes == {"none", "/console/v1/ingestion"}


def test_the_page_lists_every_metric_with_its_type(shop, service):
    shop.run("load", "purchases", "--day", days_ago(1))
    metrics(service)
    _, text = metrics(service)
    given = set(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    page = (ROOT / "docs/howto/watch-the-service.md").read_text()
    assert set(re.findall(r"^\| `(millrace_\w+)` \| (\w+) \|", page, re.M)) == given


def test_the_documentation_is_served_with_links_that_work(service):
    index = service.ask("GET", "/docs")
    assert index.headers["content-type"].startswith("text/html")
    pages = re.findall(r'href="(/docs/[^"]+)"', index.text)
    assert "/docs/howto/trigger.md" in pages and "/docs/reference/api.md" in pages
    assert len(pages) == len(list((ROOT / "docs").rglob("*.md")))
    for page in pages:
        assert "<h1>" in service.ask("GET", page).text
    table = service.ask("GET", "/docs/reference/exit-codes.md").text
    assert "<table>" in table or "<li>" in table
    assert "&lt;!--" not in service.ask("GET", "/docs/howto/restore-and-rebuild.md").text
    for wrong in ("/docs/howto/none.md", "/docs/howto/..%2f..%2fREADME.md", "/docs/howto/.md",
                  "/docs/secrets/a.md"):
        assert service.ask("GET", wrong).status == 404


def test_a_log_line_of_a_load_names_the_run_that_the_caller_was_told(shop, service, key):
    reply = service.ask("POST", "/v1/mark_data_ready_dwh", key,
                        {"datestamps": days_ago(1), "type": "events", "sources": "purchases"})
    run = reply.json["runs"][0]["runID"]
    (line,) = service.when(rf"(load ended .* run={run} .*)")
    values = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
    assert values["load"] == shop.json("history", "purchases", "--day", days_ago(1))[0]["id"]
    page = (ROOT / "docs/howto/watch-the-service.md").read_text()
    table = page[page.index("| Key |"):page.index("Every other line")]
    told = re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()
                                          if row.startswith("|")))
    assert told == list(values)
