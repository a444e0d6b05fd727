"""Docker Engine's daemon.json. Private to this collection."""
