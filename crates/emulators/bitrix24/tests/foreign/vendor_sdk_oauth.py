"""The vendor's Python SDK as an application: its token expires, and it refreshes by itself."""
import json
import sys
import time

from b24pysdk import BitrixApp, BitrixToken, Client
from b24pysdk.api.requesters.bitrix_oauth_requester import BitrixOAuthRequester

credentials = json.loads(sys.argv[1])
BitrixOAuthRequester._OAUTH_TOKEN_URL = credentials["auth_url"]
app = BitrixApp(client_id=credentials["client_id"], client_secret=credentials["client_secret"])
token = BitrixToken(
    domain=credentials["listen"].split("//")[1],
    auth_token=credentials["access_token"],
    refresh_token=credentials["refresh_token"],
    bitrix_app=app,
)
client = Client(token)
assert client.crm.deal.get(bitrix_id=1).response.result["ID"] == "1"
for _ in range(2):
    before = (token.auth_token, token.refresh_token)
    time.sleep(2.1)
    assert client.crm.deal.get(bitrix_id=1).response.result["ID"] == "1"
    assert token.auth_token != before[0] and token.refresh_token != before[1]
print("done")
