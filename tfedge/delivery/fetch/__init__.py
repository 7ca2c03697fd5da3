"""The client: what was signed, from a repository to an app, over a network that breaks and lies.

client = fetch.Client("https://host/models/", trust, "ds_cnn", "~/.cache/my_app/ds_cnn")
told = client.update()
with client.using() as model:
answer(model.content)
"""

from tfedge.delivery.fetch.client import Client, Model
from tfedge.delivery.fetch.updating import Here

__all__ = ["Client", "Here", "Model"]
