"""What an integrator does with fast_bitrix24: lists, mass writes, look-ups by id, a batch."""
import json
import sys

from fast_bitrix24 import Bitrix

portal = Bitrix(json.loads(sys.argv[1])["webhook_url"], verbose=False)

made = portal.call("crm.deal.add", [{"fields": {"TITLE": f"Deal {at}", "OPPORTUNITY": at, "CATEGORY_ID": 1}} for at in range(120)])
assert len(set(made)) == 120, made
deals = portal.get_all("crm.deal.list", {"select": ["ID", "TITLE"], "filter": {"CATEGORY_ID": 1}})
assert len(deals) == 120, len(deals)
items = portal.get_all("crm.item.list", {"entityTypeId": 2, "filter": {">=opportunity": 100, "categoryId": 1}})
assert len(items) == 20 and isinstance(items[0]["id"], int), len(items)
by_id = portal.get_by_ID("crm.deal.get", [deal["ID"] for deal in deals])
assert len(by_id) == 120
assert all(portal.call("crm.deal.update", [{"ID": deal["ID"], "fields": {"TITLE": "New"}} for deal in deals]))
assert {deal["TITLE"] for deal in portal.get_all("crm.deal.list", {"select": ["TITLE"], "filter": {"CATEGORY_ID": 1}})} == {"New"}
answer = portal.call_batch({"halt": 0, "cmd": {"a": "crm.deal.list?select[0]=ID", "b": "crm.deal.get?ID=$result[a][0][ID]"}})
assert answer["b"]["ID"] == answer["a"][0]["ID"], answer
rows = portal.call("crm.item.productrow.set", {"ownerType": "D", "ownerId": made[0], "productRows": [{"productName": "A", "price": 10.5, "quantity": 2}]})
assert rows["price"] == 10.5, rows
portal.call("crm.deal.delete", [{"ID": deal["ID"]} for deal in deals])
assert portal.get_all("crm.deal.list", {"select": ["ID"], "filter": {"CATEGORY_ID": 1}}) == []
print("done")
