"""The hour of a dataset, and who has another."""
from called_service import INGESTION

SCHEDULE = "/console/v1/ingestion/schedule"


def test_the_hour_of_a_dataset_is_that_of_a_files_ingestion_without_its_own(shop, service, key):
    shop.apply(shop.connect_files() + "".join(
        INGESTION.format(name=name).replace('mode = "api"', hours)
        for name, hours in (("purchases", 'deadline = "23:00"'), ("visits", "hour = 4"))))
    reply = service.ask("POST", SCHEDULE, key, {"dataset": "Events", "scheduled_hour_pst": 6})
    assert reply.status == 200
    assert [(one["source"], one["scheduled_hour_pst"], one["hour_of"])
            for one in reply.json["data"]["overridden"]] == [("visits", 4, "ingestion")]
    shown = {one["ingestion"]: (one["hour"], one["hour_of"]) for one in shop.json("schedule")}
    assert shown == {"purchases": (6, "dataset"), "visits": (4, "ingestion"),
                     "spend": (10, "dataset")}
    table = shop.run("schedule").stdout
    assert "daily at 06:00 as its dataset, until 23:00" in table
    assert "daily at 04:00, until 18:00" in table
    assert "hour =" not in shop.run("export", "purchases").stdout
    purchases = [one for one in shop.json("schedule") if one["ingestion"] == "purchases"][0]
    hours = {one[11:16] for one in purchases["next"]}
    service.ask("POST", SCHEDULE, key, {"dataset": "Events", "scheduled_hour_pst": 7})
    purchases = [one for one in shop.json("schedule") if one["ingestion"] == "purchases"][0]
    assert hours.isdisjoint({one[11:16] for one in purchases["next"]})
