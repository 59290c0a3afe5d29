"""What tests of several kinds load from their table `purchases`."""

INGESTION = """
[ingestion.purchases]
connection = "shop"
dataset = "events"
query = "QUERY"
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
ids = { userID = "user_id" }
event_value = "amount"
metadata = "*"
"""


def ingestion(query="select * from purchases"):
    return INGESTION.replace("QUERY", query)
