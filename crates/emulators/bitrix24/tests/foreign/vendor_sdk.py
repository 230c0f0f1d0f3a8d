"""What an integrator does with the vendor's Python SDK through a webhook over TLS."""
import json
import sys

from b24pysdk import BitrixWebhook, Client
from b24pysdk.errors import BitrixAPIError

credentials = json.loads(sys.argv[1])
domain = credentials["listen"].split("//")[1]
token = credentials["webhook_url"].split("/rest/")[1].strip("/")
client = Client(BitrixWebhook(domain=domain, webhook_token=token))

requests = [client.crm.item.add(entity_type_id=2, fields={"title": f"Deal {at}"}) for at in range(110)]
assert len(client.call_batches(requests).response.result.result) == 110
assert len(list(client.crm.item.list(entity_type_id=2).as_list().response.result)) == 114
assert len(list(client.crm.item.list(entity_type_id=2).as_list_fast().response.result)) == 114
assert len(list(client.crm.deal.list().as_list_fast(descending=True).response.result)) == 114
assert len(list(client.crm.requisite.list().as_list_fast().response.result)) == 5
item = client.crm.item.update(entity_type_id=2, bitrix_id=1, fields={"title": "Changed"}).response.result["item"]
assert item["title"] == "Changed"
batch = client.call_batch({"deal": client.crm.deal.get(bitrix_id=1), "user": client.user.current()}).response.result
assert batch.result["deal"]["TITLE"] == "Changed" and batch.result["user"]["ID"] == "7"
for wrong in (client.crm.item.list(entity_type_id=2, filter={"nope": 1}), client.crm.item.get(entity_type_id=2, bitrix_id=99999)):
    try:
        wrong.response
        raise SystemExit("not refused")
    except BitrixAPIError as refused:
        assert refused.error in ("INVALID_ARG_VALUE", "NOT_FOUND"), refused.error
print("done")
